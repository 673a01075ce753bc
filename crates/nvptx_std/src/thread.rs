//! Threads, blocks and the grid: who a thread is, and how the threads of a block wait for each other.

pub use nvptx_arch::barrier::{
    fence_device as device_fence, fence_device as grid_fence, fence_system as system_fence, nanosleep, sync_threads,
    sync_threads_and, sync_threads_count, sync_threads_or,
};
pub use nvptx_arch::index::{
    block_dim_x, block_dim_y, block_dim_z, block_idx_x, block_idx_y, block_idx_z, grid_dim_x, grid_dim_y, grid_dim_z,
    thread_idx_x, thread_idx_y, thread_idx_z,
};

/// This thread's index in the grid along x: the one to use where block and grid extend along x alone.
#[inline(always)]
#[must_use]
pub fn index_1d() -> u32 {
    thread_idx_x() + block_idx_x() * block_dim_x()
}

/// This thread's index among all threads of the grid, for blocks and grids of any shape: blocks in order of x, then y,
/// then z. The threads of a block are counted in the same order.
#[inline(always)]
#[must_use]
pub fn index() -> u32 {
    let block = block_idx_x() + grid_dim_x() * (block_idx_y() + grid_dim_y() * block_idx_z());
    let threads_per_block = block_dim_x() * block_dim_y() * block_dim_z();
    let thread = thread_idx_x() + block_dim_x() * (thread_idx_y() + block_dim_y() * thread_idx_z());
    block * threads_per_block + thread
}

/// Whether this is the first thread of the grid. Exactly one thread is.
#[inline(always)]
#[must_use]
pub fn first() -> bool {
    let block = block_idx_x() | block_idx_y() | block_idx_z();
    let thread = thread_idx_x() | thread_idx_y() | thread_idx_z();
    block | thread == 0
}

/// The lanes of a warp: 32 on every architecture so far.
#[inline(always)]
#[must_use]
pub const fn warp_size() -> u32 {
    nvptx_arch::warp::WARP_SIZE
}
