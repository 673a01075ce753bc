//! Numbers that the kernels and their launches share.

/// Threads of a block, of every kernel. 256 fill a multiprocessor of every architecture that the kernels are compiled
/// for (1024 to 2048 threads) with whole blocks.
pub const THREADS_PER_BLOCK: u32 = 256;

/// Lanes of a warp.
pub const WARP_SIZE: u32 = 32;

/// Loads that a thread has under way at a time: enough to hide the latency of memory, with few enough registers to keep
/// a multiprocessor full. The kernels are written for four.
pub const BATCH: usize = 4;

/// The most bytes that one instruction loads or stores.
pub const PACK_BYTES: usize = 16;

/// Records that a chunk of the reduced axis has: of the segment that goes on in it, and of the one that begins in it.
pub const RECORDS_PER_CHUNK: u64 = 2;

/// Elements of a sorted index that a warp turns into entries of an indptr together.
pub const INDEX_TILE: u64 = 128;

/// Elements that a block of group_index takes together.
pub const GROUP_TILE: u64 = 2048;

const _: () = assert!(THREADS_PER_BLOCK.is_multiple_of(WARP_SIZE));
