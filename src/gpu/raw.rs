//! The operators on a raw CUDA stream and addresses, as a plugin calls them, and what they are made of.
//!
//! The layers, the lowest first: [`Queue`] executes single steps (fill, launch). [`Kernels`] has the compiled kernels
//! of a context, and `preload_*` compiles those of an operator ahead. `enqueue_*`, such as [`enqueue_scatter`], turn a
//! plan into steps. `*_raw`, such as [`scatter_raw`], put the steps on a raw stream.
//!
//! These functions trust the caller: each address must be that of device memory as large as the plan's shapes say. The
//! safe calls in [`gpu`](super) check the sizes.

pub use super::{
    attention_csr::{attention_csr_raw, enqueue_attention_csr, preload_attention_csr},
    bev_pool::{BevPoolPointers, bev_pool_raw, enqueue_bev_pool, preload_bev_pool},
    check::enqueue_index_question,
    composite::{CompositePointers, composite_raw, enqueue_composite, preload_composite},
    composite_csr::{CompositeCsrPointers, composite_csr_raw, enqueue_composite_csr, preload_composite_csr},
    context::CurrentContext,
    gather::{GatherPointers, enqueue_gather, gather_raw, preload_gather_coo, preload_gather_csr},
    gather_dot::{GatherDotPointers, enqueue_gather_dot, gather_dot_raw, preload_gather_dot},
    gather_scatter::{enqueue_gather_scatter, gather_scatter_raw, preload_gather_scatter},
    gather_segment::{GatherSegmentPointers, enqueue_gather_segment, gather_segment_raw, preload_gather_segment_csr},
    gather_segment_coo::preload_gather_segment_coo,
    group_index::{GroupIndexPointers, enqueue_group_index, group_index_raw, preload_group_index},
    kernel::{IndexQuestion, Kernel},
    kernels::{EMBEDDED_PTX, EmbeddedPtx, Kernels},
    pointers::ReductionPointers,
    queue::{Queue, StreamQueue, THREADS_PER_BLOCK},
    scatter::{enqueue_scatter, preload_scatter, scatter_raw},
    segment::{enqueue_segment, enqueue_segment_check, preload_segment_coo, preload_segment_csr, segment_raw},
};
