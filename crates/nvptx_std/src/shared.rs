//! Memory that the threads of a block share.

pub use nvptx_arch::shared::{dynamic_shared_mem, shared_array};
