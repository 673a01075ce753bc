//! Where a thread stands in its warp, block and grid.

use crate::target::index as target;

macro_rules! special_registers {
    ($($name:ident: $doc:literal;)*) => {$(
        #[doc = $doc]
        #[inline(always)]
        #[must_use]
        pub fn $name() -> u32 {
            target::$name()
        }
    )*};
}

special_registers! {
    thread_idx_x: "This thread's x index in its block, below [`block_dim_x`].";
    thread_idx_y: "This thread's y index in its block, below [`block_dim_y`].";
    thread_idx_z: "This thread's z index in its block, below [`block_dim_z`].";
    block_idx_x: "This block's x index in the grid, below [`grid_dim_x`].";
    block_idx_y: "This block's y index in the grid, below [`grid_dim_y`].";
    block_idx_z: "This block's z index in the grid, below [`grid_dim_z`].";
    block_dim_x: "Threads of a block along x, 1 to 1024.";
    block_dim_y: "Threads of a block along y, 1 to 1024.";
    block_dim_z: "Threads of a block along z, 1 to 64.";
    grid_dim_x: "Blocks of the grid along x, 1 to 2^31 - 1.";
    grid_dim_y: "Blocks of the grid along y, 1 to 65535.";
    grid_dim_z: "Blocks of the grid along z, 1 to 65535.";
    lane_id: "This thread's lane in its warp, 0 to 31.";
}
