//! The work of a lane in one step: which piece of a segment it folds, with which other lanes, and where the result
//! goes.

use kernel_params::SegmentParams;
use nvptx_arch::{index::lane_id, warp::WARP_SIZE};

use super::{
    columns::Load,
    fold::{Fold, Folded},
    indptr::{sees_holes, Indptr},
    long::note_chunks,
    piece::Piece,
    records::{self, Record},
    rows::Rows,
    store::store,
};
use crate::{element::Scalar, layout::split_rows};

/// Where the result of a piece goes.
#[derive(Clone, Copy, PartialEq)]
pub enum Outcome {
    /// There is no piece.
    None,
    /// To `out`: the piece is the whole segment.
    Whole,
    /// To a record.
    Record(Record),
    /// Nowhere: the segment is left to the block.
    Left,
}

/// Threads that take a segment together: a group of lanes of a warp, or a block.
pub struct Team {
    /// The number of the segment and its column part, counted over all column parts of all segments.
    pub number: u64,
    /// This thread's number in the team.
    pub member: u32,
    /// The base-2 logarithm of the number of threads.
    pub log2: u32,
    /// Whether the team is a block.
    pub is_block: bool,
}

impl Team {
    /// This lane's group. The groups of the warp take the numbers from `first` on.
    #[inline(always)]
    pub fn group(p: &SegmentParams, first: u64) -> Self {
        let log2 = p.lanes_log2 + p.ways_log2;
        let group = lane_id() >> log2;
        Self { number: first + group as u64, member: lane_id() - (group << log2), log2, is_block: false }
    }
}

/// The work of a lane.
pub struct Work {
    pub piece: Piece,
    /// The lane's way: it takes every 2^`ways_log2`-th element, beginning with this one.
    pub way: u32,
    /// The base-2 logarithm of the number of ways.
    pub ways_log2: u32,
    /// The lanes of a warp that join their results: those whose numbers differ in the bits from `lanes_log2` up to, but
    /// not including, this one.
    pub join_log2: u32,
    /// Whether there may be holes in the piece.
    pub has_holes: bool,
    pub outcome: Outcome,
}

impl Work {
    /// No work.
    pub const NONE: Self = Self {
        piece: Piece { b: 0, row: 0, id: 0, from: 0, column: 0, length: 0 },
        way: 0,
        ways_log2: 0,
        join_log2: 0,
        has_holes: false,
        outcome: Outcome::None,
    };

    /// The work of this lane for its team's segment and column part.
    ///
    /// If the axis is cut, a segment that is longer than a chunk is cut too. Otherwise, a group of lanes leaves a
    /// segment that is long for it to the block.
    #[inline(always)]
    pub unsafe fn of_team<S: Rows, const COLUMNS: usize, const IS_CUT: bool>(params: &S::Params, team: &Team) -> Self {
        let p = S::segments(params);
        let join_log2 = team.log2.min(WARP_SIZE.trailing_zeros());
        if team.number >= p.b * p.n * p.column_parts.value {
            // Other groups of the warp may have work, and all lanes call the shuffles that join results.
            return Self { join_log2, ..Self::NONE };
        }
        let way = team.member >> p.lanes_log2;
        let (segment, part) = S::split_parts(params, team.number);
        let column = first_column::<COLUMNS>(p, part, team.member - (way << p.lanes_log2));
        let (mut piece, length) = find_segment(p, segment, column);
        let mut outcome = Outcome::Whole;
        let chunk = 1 << p.chunk_log2;
        if IS_CUT {
            note_chunks(p, &piece, piece.from + length, p.chunk_log2, team.member, 1 << team.log2);
        }
        if IS_CUT && length > chunk {
            // Up to the end of the chunk.
            piece.length = (chunk - (piece.from & (chunk - 1))) as u32;
            outcome = Outcome::Record(Record::Begins);
        } else if !IS_CUT && !team.is_block && length > p.longest as u64 {
            piece.length = 0;
            outcome = Outcome::Left;
        }
        // Each lane of a group examines all elements, so that no exchange is needed. The threads of a block share them.
        let (thread, threads) = if team.is_block { (team.member, 1 << team.log2) } else { (0, 1) };
        let has_holes = S::SEGMENTS_ARE_BY_INDEX && sees_holes(p, piece.row, piece.from, piece.length, thread, threads);
        Self { piece, way, ways_log2: team.log2 - p.lanes_log2, join_log2, has_holes, outcome }.within(p)
    }

    /// The same work, but none for a lane behind the last column.
    #[inline(always)]
    pub fn within(mut self, p: &SegmentParams) -> Self {
        if self.piece.column >= p.k {
            self.piece.length = 0;
            self.outcome = if self.outcome == Outcome::Left { Outcome::Left } else { Outcome::None };
        }
        self
    }

    /// The result of the lanes of this warp that share the piece's elements. All lanes of the warp call it.
    #[inline(always)]
    pub unsafe fn fold<T: Scalar, R: Fold, L: Load, S: Rows, const COLUMNS: usize>(
        &self,
        params: &S::Params,
    ) -> Folded<T::Accumulator, u32, COLUMNS> {
        let p = S::segments(params);
        let counts = S::LEAVES_OUT && R::HAS_COUNT && p.is_mean != 0;
        let folded = S::fold::<T, R, L, COLUMNS>(params, &self.piece, self.way, self.ways_log2, self.has_holes);
        let mut joined = folded.join_lanes::<R>(p.lanes_log2, self.join_log2, counts);
        if !S::LEAVES_OUT {
            joined.count = self.piece.length;
        }
        joined
    }

    /// Stores the result in `out` or in a record. Of the lanes that share elements, the first one stores.
    #[inline(always)]
    pub unsafe fn store<T: Scalar, R: Fold, S: Rows, const COLUMNS: usize>(
        &self,
        p: &SegmentParams,
        folded: Folded<T::Accumulator, u32, COLUMNS>,
    ) {
        if self.way != 0 {
            return;
        }
        let &Piece { b, id, from, column, .. } = &self.piece;
        match self.outcome {
            Outcome::Whole => {
                let number = b * p.n + id;
                let at = (number * p.k + column) as usize;
                store::<T, R, u32, COLUMNS>(p, at, folded, from, S::MAY_HAVE_ARGS.then_some(number));
            }
            Outcome::Record(record) => {
                let record = record.number(b * p.chunks_per_b + (from >> p.chunk_log2));
                records::store::<T::Accumulator, R, u32, COLUMNS>(p, record, column, folded, from, S::LEAVES_OUT);
            }
            Outcome::Left | Outcome::None => {}
        }
    }
}

/// The piece that is segment `number`, counted over all b, from a column on; and the length of the segment, which may
/// not fit in the piece.
#[inline(always)]
unsafe fn find_segment(p: &SegmentParams, number: u64, column: u64) -> (Piece, u64) {
    let (b, id) = split_rows(number, &p.by_n, p.b);
    let indptr = Indptr::new(p, b);
    let (from, end) = (indptr.get(id), indptr.get(id + 1));
    let length = end.saturating_sub(from);
    (Piece { b, row: indptr.row, id, from, column, length: length as u32 }, length)
}

/// The first column of a lane in a column part.
#[inline(always)]
pub fn first_column<const COLUMNS: usize>(p: &SegmentParams, part: u64, lane: u32) -> u64 {
    ((part << p.lanes_log2) + lane as u64) * COLUMNS as u64
}
