//! What the kernels assume of a launch. The host makes its launches from the same constants.
//!
//! | kernels | one work item is | taken by | grid |
//! |---|---|---|---|
//! | fill, check, composite, scatter but for the next two | an element, a row, columns of a row | a thread | any |
//! | `scatter_sum_rows`, `scatter_mean_rows` | `rows_of_warp` neighbouring rows | a warp | whole |
//! | `scatter_sum_privatized`, `scatter_mean_privatized` | all elements | the grid | any; dynamic shared memory, see below |
//! | `segment_from_index` | [`INDEX_TILE`] elements of a row of the index | a warp | any |
//! | `segment_csr`, `segment_coo`, with `_cut` too | the segments of a warp's groups of lanes | a warp | any |
//! | ..., with `_short` | an element of `out` | a thread | any |
//! | ..., with `_chunks` | 2^`tile_log2` chunks | a block | any |
//! | ..., with `_combine` | [`WARP_SIZE`] chunks | a block | any |
//! | `gather_coo` | a word of `out`; [`BATCH`] words for `_words` | a thread | any |
//! | `gather_csr` | `tiles` tiles of rows, or a part of the words of one | a warp | any |
//!
//! `_privatized` kernels need dynamic shared memory for b * n * k float32, those of means for b * n u32 more.
//!
//! A block has [`THREADS_PER_BLOCK`] threads along x, and the grid extends along x alone. "Any": a loop in the kernel
//! takes the work items that a smaller grid leaves. "Whole": the grid has a warp for each work item.
//!
//! Kernels of packs (`_packs`, `_quads`) need `src`, `base`, `out` and accumulators aligned to [`PACK_BYTES`], or to
//! four values; those of words need `src` and `out` aligned to a word.

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

const _: () = assert!(THREADS_PER_BLOCK.is_multiple_of(WARP_SIZE));
