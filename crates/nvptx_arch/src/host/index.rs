//! The special registers.

use crate::emulate::context::{Context, current};

macro_rules! special_registers {
    ($($name:ident = $read:expr;)*) => {$(
        #[track_caller]
        pub fn $name() -> u32 {
            let read: fn(&Context<'_>) -> u32 = $read;
            current(read)
        }
    )*};
}

special_registers! {
    thread_idx_x = |context| context.turn.get().thread[0];
    thread_idx_y = |context| context.turn.get().thread[1];
    thread_idx_z = |context| context.turn.get().thread[2];
    block_idx_x = |context| context.turn.get().block[0];
    block_idx_y = |context| context.turn.get().block[1];
    block_idx_z = |context| context.turn.get().block[2];
    block_dim_x = |context| context.launch.block[0];
    block_dim_y = |context| context.launch.block[1];
    block_dim_z = |context| context.launch.block[2];
    grid_dim_x = |context| context.launch.grid[0];
    grid_dim_y = |context| context.launch.grid[1];
    grid_dim_z = |context| context.launch.grid[2];
    lane_id = |context| context.lane();
}
