//! Runs a grid on the CPU, so that a kernel is tested where there is no GPU.
//!
//! A CUDA thread is a coroutine. All of them take turns on the calling thread, in an order that a seed decides: at
//! every load, store and atomic, the next turn may go to any other thread of any resident block. A race, a missing
//! barrier or a read-modify-write that is not atomic shows as a wrong result for some seeds, and again for the same
//! seed.
//!
//! A run ends with a [`Fault`], which names thread, instruction and place, if the kernel does something that is
//! undefined on a GPU: a barrier that some threads never reach, a shuffle from a lane that is not there, an access
//! outside the registered memory, a load of memory that nothing has written. A grid that waits or loops for ever is a
//! fault too, if its loop has an instruction of this crate.
//!
//! The emulator sees only accesses through this crate, not those of a kernel that dereferences a pointer itself.
//!
//! ```
//! use nvptx_arch::emulate::{Launch, Memory, Options, run};
//! use nvptx_arch::{atomic::AtomicAdd, index};
//!
//! let mut total = 0_u32;
//! let at = &raw mut total;
//! let mut memory = Memory::new();
//! memory.register(at.cast(), size_of::<u32>(), true);
//! let launch = Launch { grid: [4, 1, 1], block: [64, 1, 1], dynamic_shared: 0 };
//! run(&launch, &Options::default(), &memory, || {
//!     // SAFETY: `total` outlives the run, which alone touches it.
//!     unsafe { u32::reduce_add(at, index::thread_idx_x()) }
//! })?;
//! assert_eq!(total, 4 * (63 * 64 / 2));
//! # Ok::<(), nvptx_arch::emulate::Fault>(())
//! ```

pub(crate) mod context;
pub(crate) mod exchange;
mod fault;
mod memory;
mod random;
pub(crate) mod rendezvous;
mod scheduler;
mod shared;

pub(crate) use fault::Access;
pub use fault::{Fault, Site, Waiters};
pub use memory::Memory;

/// The shape of a grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Blocks of the grid along x, y and z.
    pub grid: [u32; 3],
    /// Threads of a block along x, y and z: 1024 in all at most.
    pub block: [u32; 3],
    /// Bytes of dynamic shared memory for every block.
    pub dynamic_shared: usize,
}

impl Launch {
    pub(crate) fn threads_per_block(&self) -> usize {
        self.block.iter().map(|&extent| extent as usize).product()
    }

    pub(crate) fn blocks(&self) -> u64 {
        self.grid.iter().map(|&extent| u64::from(extent)).product()
    }

    fn check(&self) -> Result<(), Fault> {
        // CUDA's limits, the same on every architecture served.
        const GRID: [u32; 3] = [i32::MAX as u32, 65_535, 65_535];
        const BLOCK: [u32; 3] = [1024, 1024, 64];
        const THREADS: u64 = 1024;

        let within = |extents: &[u32; 3], limits: &[u32; 3]| {
            extents.iter().zip(limits).all(|(&extent, &limit)| (1..=limit).contains(&extent))
        };
        let threads: u64 = self.block.iter().map(|&extent| u64::from(extent)).product();
        if within(&self.grid, &GRID) && within(&self.block, &BLOCK) && threads <= THREADS {
            Ok(())
        } else {
            Err(Fault::InvalidLaunch { grid: self.grid, block: self.block })
        }
    }
}

/// How a grid is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// It decides the order of turns: the same seed gives the same order.
    pub seed: u64,
    /// The number of blocks that run at the same time, at least 1. A block that has ended makes room for the next.
    pub resident_blocks: usize,
    /// The turn goes to another thread at one memory instruction in this many, on average. 1, the least, means at every
    /// one.
    pub switch_one_in: u32,
    /// The most instructions that access memory or wait. A grid that executes more is assumed to loop for ever.
    pub step_limit: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0,
            // Enough for races between blocks. More blocks only take memory for stacks.
            resident_blocks: 4,
            // Often enough to switch between a load and the store after it, in a fifth of the time of switching always.
            switch_one_in: 4,
            // About a minute of work, far more than any test needs.
            step_limit: 1 << 30,
        }
    }
}

impl Options {
    /// The default with another seed.
    #[must_use]
    pub fn with_seed(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }
}

/// Runs `kernel` once for every thread of the grid.
///
/// Shared memory starts as bytes of ones in every block: NaN as a float, -1 as a signed integer.
///
/// # Errors
///
/// The first [`Fault`] of any thread; the grid stops there, and memory stays as it was written up to then.
///
/// # Panics
///
/// If it is called inside another `run` on the same OS thread: a kernel does not launch kernels.
pub fn run(launch: &Launch, options: &Options, memory: &Memory, kernel: impl Fn()) -> Result<(), Fault> {
    launch.check()?;
    scheduler::run(launch, options, memory, &kernel)
}
