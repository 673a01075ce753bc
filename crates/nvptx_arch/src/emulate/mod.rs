//! Runs a grid on the CPU, so that a kernel is tested where there is no GPU.
//!
//! A CUDA thread is a coroutine, and all of them take turns on the calling thread in an order drawn from a seed: at every
//! load, store and atomic the next turn may go to any other thread of any resident block. A race between threads, a
//! missing barrier, a read-modify-write that is not atomic then shows as a wrong result for some seeds, and the same seed
//! shows it again. What is undefined on a GPU (a barrier that not all come to, a shuffle from a lane that is not there, an
//! access outside the memory given) ends the run with a [`Fault`] that says who did what where, and so does a grid that
//! waits or loops for ever, unless it loops without any instruction of this crate.
//!
//! The emulator sees what goes through this crate. A kernel that dereferences a pointer itself does so unseen.
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
    /// Where the order of turns comes from: the same seed, the same order.
    pub seed: u64,
    /// Blocks that run at the same time; a block that has ended makes room for the next. At least 1.
    pub resident_blocks: usize,
    /// At a memory instruction, one turn in this many goes to another thread. At least 1, which is always.
    pub switch_one_in: u32,
    /// Instructions that access memory or wait, which the grid may execute before it is taken to loop for ever.
    pub step_limit: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0,
            // Enough for blocks to race with each other; more only takes memory for stacks.
            resident_blocks: 4,
            // Often enough to part a load from the store that follows it, at a fifth of the time of switching always.
            switch_one_in: 4,
            // About a minute's work, far above any test's.
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
/// Inside another `run` on the same OS thread: a kernel does not launch kernels.
pub fn run(launch: &Launch, options: &Options, memory: &Memory, kernel: impl Fn()) -> Result<(), Fault> {
    launch.check()?;
    scheduler::run(launch, options, memory, &kernel)
}
