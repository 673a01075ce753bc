//! The faults that end a run.

use std::fmt;
use std::panic::Location;

use thiserror::Error;

/// Which thread executed which instruction, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The thread's block, along x, y and z.
    pub block: [u32; 3],
    /// The thread in its block, along x, y and z.
    pub thread: [u32; 3],
    /// The instruction: the name of its function in this crate.
    pub instruction: &'static str,
    /// Where in the kernel's source.
    pub location: &'static Location<'static>,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { block, thread, instruction, location } = self;
        write!(f, "{instruction} at {location} in thread {thread:?} of block {block:?}")
    }
}

/// Threads of one block that wait at the same place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiters {
    /// The instruction that they wait in.
    pub instruction: &'static str,
    /// Where in the kernel's source.
    pub location: &'static Location<'static>,
    /// How many they are.
    pub threads: usize,
}

impl fmt::Display for Waiters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { instruction, location, threads } = self;
        write!(f, "{threads} in {instruction} at {location}")
    }
}

/// What an instruction does to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// A load from global or shared memory.
    Load,
    /// A load from global memory that does not change.
    LoadReadonly,
    /// A load from global memory that others change atomically.
    LoadRelaxed,
    /// A store to global or shared memory.
    Store,
    /// A read-modify-write in global memory.
    Atomic,
}

impl Access {
    pub fn loads(self) -> bool {
        matches!(self, Self::Load | Self::LoadReadonly | Self::LoadRelaxed | Self::Atomic)
    }

    pub fn writes(self) -> bool {
        matches!(self, Self::Store | Self::Atomic)
    }

    pub fn needs_global(self) -> bool {
        matches!(self, Self::LoadReadonly | Self::LoadRelaxed | Self::Atomic)
    }
}

/// Why a grid stopped: what is undefined, or never ends, on a GPU.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// The launch is beyond what CUDA allows.
    #[error(
        "a grid of {grid:?} blocks of {block:?} threads cannot be launched: every extent is at least 1, a grid is at most \
         [2147483647, 65535, 65535], and a block at most [1024, 1024, 64] and 1024 threads in all"
    )]
    InvalidLaunch {
        /// Blocks along x, y and z.
        grid: [u32; 3],
        /// Threads of a block along x, y and z.
        block: [u32; 3],
    },

    /// Some threads of a block wait at a barrier that the others never reach, because they have returned.
    #[error(
        "block {block:?} waits for ever at a barrier: {} wait, and {returned} have returned from the kernel; \
         bring every thread of the block to the barrier before any returns",
        list(waiting)
    )]
    BarrierAbandoned {
        /// The block.
        block: [u32; 3],
        /// The waiting threads, by instruction and place.
        waiting: Vec<Waiters>,
        /// How many threads of the block have returned.
        returned: usize,
    },

    /// Two threads of a block wait at barriers that are not the same: of different kinds, or of different places in the
    /// source within one warp.
    #[error(
        "{site} is not the barrier that another thread waits at: {other}; \
         all threads of a block come to one kind of barrier, and all threads of a warp to the same one"
    )]
    BarrierMismatch {
        /// The thread that arrived second.
        site: Site,
        /// The thread that waits already.
        other: Site,
    },

    /// A lane executed a warp instruction whose mask leaves it out.
    #[error("{site} has the mask {mask:#010x}, which leaves out the calling lane {lane}")]
    NotInMask {
        /// The thread.
        site: Site,
        /// The instruction's mask.
        mask: u32,
        /// The thread's lane.
        lane: u32,
    },

    /// A warp instruction waits for a lane that has returned from the kernel, or that the block does not have.
    #[error(
        "{site} has the mask {mask:#010x}, whose lane {lane} has returned from the kernel or is beyond the block's end; \
         name only lanes that come to the instruction"
    )]
    LaneGone {
        /// A thread that waits.
        site: Site,
        /// The instruction's mask.
        mask: u32,
        /// The lane that never arrives.
        lane: u32,
    },

    /// A warp instruction waits for a lane that itself waits in another instruction, or with another mask, for this
    /// one.
    #[error(
        "{site} has the mask {mask:#010x}, and waits for a lane that waits elsewhere for it: {other}; \
         all lanes of a mask come to the same instruction with the same mask"
    )]
    LaneElsewhere {
        /// A thread that waits.
        site: Site,
        /// The instruction's mask.
        mask: u32,
        /// The thread that waits elsewhere.
        other: Site,
    },

    /// A shuffle reads a lane that its mask leaves out.
    #[error("{site} reads lane {lane}, which its mask {mask:#010x} leaves out")]
    ShuffleSource {
        /// The thread.
        site: Site,
        /// The instruction's mask.
        mask: u32,
        /// The lane that it reads.
        lane: u32,
    },

    /// A shuffle's segments do not divide a warp.
    #[error("{site} has segments of {width} lanes; give a power of two of at most 32")]
    ShuffleWidth {
        /// The thread.
        site: Site,
        /// The width given.
        width: u32,
    },

    /// Every thread of a block that has not returned waits for something that can no longer happen.
    #[error("block {block:?} waits for ever: {}; {returned} have returned", list(waiting))]
    Deadlock {
        /// The block.
        block: [u32; 3],
        /// The waiting threads, by instruction and place.
        waiting: Vec<Waiters>,
        /// How many threads of the block have returned.
        returned: usize,
    },

    /// An access to an address that is not a multiple of its size.
    #[error("{site} accesses {bytes} bytes at {address:#x}, which is not a multiple of {bytes}")]
    Misaligned {
        /// The thread.
        site: Site,
        /// The address.
        address: usize,
        /// The size of the access.
        bytes: usize,
    },

    /// An access to memory that is neither registered nor the block's own.
    #[error(
        "{site} accesses {bytes} bytes at {address:#x}, outside the registered memory and the block's shared memory{}",
        nearest.as_ref().map(|place| format!("; {place}")).unwrap_or_default()
    )]
    OutOfBounds {
        /// The thread.
        site: Site,
        /// The address.
        address: usize,
        /// The size of the access.
        bytes: usize,
        /// A description of the registered or shared memory that is nearest to the address.
        nearest: Option<String>,
    },

    /// A write to memory that was registered for reading alone.
    #[error("{site} writes {bytes} bytes at {address:#x}, in memory registered as not writable")]
    NotWritable {
        /// The thread.
        site: Site,
        /// The address.
        address: usize,
        /// The size of the access.
        bytes: usize,
    },

    /// A load of memory that nothing has written.
    #[error("{site} loads {bytes} bytes at {address:#x}, which no grid has written")]
    Unwritten {
        /// The thread.
        site: Site,
        /// The address.
        address: usize,
        /// The size of the access.
        bytes: usize,
    },

    /// An access to shared memory by an instruction that reaches only global memory.
    #[error("{site} accesses shared memory, and reaches only global memory")]
    NotGlobal {
        /// The thread.
        site: Site,
    },

    /// The same place is written by the grid and loaded as memory that does not change.
    #[error(
        "{site} accesses {address:#x}, which this grid both writes and loads with load_readonly; use load or load_relaxed"
    )]
    NotConstant {
        /// The thread whose access was the second of the two.
        site: Site,
        /// The address.
        address: usize,
    },

    /// The grid executed more instructions that access memory or wait than
    /// [`Options::step_limit`](super::Options::step_limit).
    #[error("the grid has not ended after {limit} instructions that access memory or wait; the last was {site}")]
    StepLimit {
        /// The thread that executed the last one.
        site: Site,
        /// The limit.
        limit: u64,
    },

    /// A thread panicked.
    #[error("thread {thread:?} of block {block:?} panicked: {message}")]
    Panic {
        /// The thread's block, along x, y and z.
        block: [u32; 3],
        /// The thread in its block, along x, y and z.
        thread: [u32; 3],
        /// What it panicked with.
        message: String,
    },
}

fn list(waiting: &[Waiters]) -> String {
    let places: Vec<String> = waiting.iter().map(Waiters::to_string).collect();
    places.join(", ")
}
