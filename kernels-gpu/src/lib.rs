//! The kernels. Compiled to PTX, they run on the GPU. Compiled for the host, they run in `nvptx_arch`'s emulation of a
//! grid, so the same source is tested where there is no GPU.
//!
//! [`entry`] lists the entry points. The algorithms, generic over value type, index type and reduction, are in the
//! files named after them. The parameter structures and what a kernel assumes of its launch are in the crate
//! `kernel_params`.
//!
//! # Glossary
//!
//! | word | meaning |
//! |---|---|
//! | src, out | the input, seen as [B, E, K], and the result, seen as [B, N, K]; both row-major |
//! | base | a tensor shaped as `out` that the reduction starts from |
//! | group | the elements that one element of `out` is made of; its number is the index |
//! | segment | a group whose elements are neighbours along the reduced axis |
//! | short segment | a segment of few elements |
//! | index, indptr | the group of each element; where each segment starts, N + 1 entries |
//! | hole | an element with a bad index, outside [0, N), between elements of one segment |
//! | row, column | K neighbouring values of `src` or `out`; one of them |
//! | part | a column part: a slice of the columns of a row |
//! | pack | the values that one vector instruction loads: 16 bytes of columns, or four columns in scatter |
//! | word | what one access of a copy moves: 2, 4, 8 or 16 bytes |
//! | chunk | a piece of the reduced axis, 2^n elements |
//! | record | what a chunk has of one long segment, in the workspace |
//! | tile | a group of consecutive work items that a warp or a block takes together: index tile, row tile, chunk tile |
//! | batch | [`BATCH`](kernel_params::BATCH) loads that a thread has under way at a time |
//! | way | the share of a lane, or of a group of lanes, in the elements of a segment: every n-th element |
//! | narrow, wide | of 32 bits, of 64 bits |

#![cfg_attr(target_arch = "nvptx64", no_std, feature(abi_ptx, asm_experimental_arch))]
#![allow(clippy::missing_safety_doc, reason = "the contract of every kernel is its parameter structure's")]

mod attention_csr;
mod batch;
mod bev_pool;
mod check;
mod composite;
mod composite_csr;
mod element;
pub mod entry;
mod fill;
mod fixed_point;
mod gather;
mod gather_dot;
mod group_index;
mod items;
mod layout;
mod reduction;
mod scatter;
mod segment;
mod word;
