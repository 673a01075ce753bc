//! Reductions over segments: ranges of neighbouring elements along the reduced axis. An indptr delimits them. A sorted
//! index becomes an indptr first ([`from_index`]).
//!
//! There are no atomics, so the bits of a result depend on the sizes and the input alone. The host chooses between two
//! ways:
//!
//! - Small inputs, one launch: a group of lanes takes each segment, and a whole block takes each long one
//!   ([`reduce_whole`]).
//! - Large inputs, three launches: the reduced axis is cut into chunks. The first kernel reduces the segments that are
//!   no longer than a chunk, and the beginnings of longer ones ([`reduce_cut`], a group of lanes for each segment;
//!   [`reduce_short`], a lane for each column of a short segment). The second kernel reduces what the other chunks have
//!   of long segments ([`reduce_chunks`]). Both leave records in the workspace. The third kernel joins the records of
//!   each long segment ([`combine()`]).
//!
//! Modules, from low to high: `columns`, `fold` <- `indptr`, `piece`, `block`, `store` <- `gathered` <- `rows`,
//! `records`, `long`, `tile` <- `work` <- `reduce`, `short`, `chunks`, `combine`.

mod block;
mod chunks;
mod columns;
mod combine;
mod fold;
mod gathered;
mod indptr;
mod long;
mod piece;
mod records;
mod reduce;
mod rows;
mod short;
mod store;
mod tile;
mod work;

pub use block::{join_numbers_of_warps, WARPS};
pub use chunks::{for_each_chunk, reduce_chunks};
pub use columns::{load_readonly_columns, store_columns, Kept, Line, Load, Streamed};
pub use combine::{combine, combine_with, Join, Joiners, Records};
pub use fold::Fold;
pub use gathered::{Batch, GatheredRows};
pub use indptr::{from_index, prefetch_entry, Indptr};
pub use long::Long;
pub use piece::Piece;
pub use records::Record;
pub use reduce::{for_each_cut, groups_log2, reduce_cut, reduce_whole, tasks};
pub use rows::{ByIndex, InOrder};
pub use short::reduce_short;
pub use tile::{warp_of_block, Task, Tile};
pub use work::{first_column, Outcome, Team, Work};

/// Stands for no segment, and for no position.
pub const NONE: u64 = u64::MAX;
