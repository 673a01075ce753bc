//! What a lane has to do at a time: a piece of a segment, with others, and what becomes of it.

use kernel_params::SegmentParams;
use nvptx_arch::{index::lane_id, warp::WARP_SIZE};

use super::{
    indptr::{sees_holes, Indptr},
    long::note_chunks,
    piece::{Folded, Piece},
    records::{self, Record},
    store::{store, Finish, Load},
};
use crate::{element::Scalar, layout::split_rows};

/// What becomes of a piece.
#[derive(Clone, Copy, PartialEq)]
pub enum Outcome {
    /// There is none.
    None,
    /// It is the whole segment.
    Whole,
    /// It is left in a record.
    Record(Record),
    /// It is left to the block.
    Left,
}

/// Threads that take a segment together.
pub struct Team {
    /// Which segment, and which part of its columns, counted over all of them.
    pub number: u64,
    /// This thread's number in the team.
    pub member: u32,
    /// Base-2 logarithm of how many they are.
    pub log2: u32,
    /// Whether they are a block; else a group of lanes of a warp.
    pub is_block: bool,
}

impl Team {
    /// This lane's group, of those of a warp that has the segments from `first` on.
    #[inline(always)]
    pub fn group(p: &SegmentParams, first: u64) -> Self {
        let log2 = p.lanes_log2 + p.ways_log2;
        let group = lane_id() >> log2;
        Self { number: first + group as u64, member: lane_id() - (group << log2), log2, is_block: false }
    }
}

/// What a lane has to do.
pub struct Work {
    pub piece: Piece,
    /// Which share of the elements, and the base-2 logarithm of how many there are.
    pub way: u32,
    pub ways_log2: u32,
    /// Which lanes of a warp join theirs: those whose numbers differ in bits from `lanes_log2` up to this one.
    pub join_log2: u32,
    pub has_holes: bool,
    pub outcome: Outcome,
}

impl Work {
    /// Nothing to do.
    pub const NONE: Self = Self {
        piece: Piece { b: 0, row: 0, id: 0, from: 0, column: 0, length: 0 },
        way: 0,
        ways_log2: 0,
        join_log2: 0,
        has_holes: false,
        outcome: Outcome::None,
    };

    /// A segment and a part of its columns for a team. A segment that is longer than a chunk is cut, where there are chunks; else one that
    /// is long for a group of lanes is left to the block.
    #[inline(always)]
    pub unsafe fn of_team<const COLUMNS: usize, const IS_CUT: bool, const HAS_INDEX: bool>(
        p: &SegmentParams,
        team: &Team,
    ) -> Self {
        let join_log2 = team.log2.min(WARP_SIZE.trailing_zeros());
        if team.number >= p.b * p.n * p.column_parts.value {
            // Other groups may have one, and this one takes part when the warp joins.
            return Self { join_log2, ..Self::NONE };
        }
        let way = team.member >> p.lanes_log2;
        let (segment, part) = split_parts(p, team.number);
        let column = first_column::<COLUMNS>(p, part, team.member - (way << p.lanes_log2));
        let (mut piece, length) = find_segment(p, segment, column);
        let mut outcome = Outcome::Whole;
        let chunk = 1 << p.chunk_log2;
        if IS_CUT {
            note_chunks(p, &piece, piece.from + length, p.chunk_log2, team.member, 1 << team.log2);
        }
        if IS_CUT && length > chunk {
            // Up to the next multiple of the chunk's length.
            piece.length = (chunk - (piece.from & (chunk - 1))) as u32;
            outcome = Outcome::Record(Record::Begins);
        } else if !IS_CUT && !team.is_block && length > p.longest as u64 {
            piece.length = 0;
            outcome = Outcome::Left;
        }
        // The lanes of a group all look, so that they need not tell each other.
        let (thread, threads) = if team.is_block { (team.member, 1 << team.log2) } else { (0, 1) };
        let has_holes = sees_holes::<HAS_INDEX>(p, piece.row, piece.from, piece.length, thread, threads);
        Self { piece, way, ways_log2: team.log2 - p.lanes_log2, join_log2, has_holes, outcome }.within(p)
    }

    /// Nothing to do for a lane behind the last column.
    #[inline(always)]
    pub fn within(mut self, p: &SegmentParams) -> Self {
        if self.piece.column >= p.k {
            self.piece.length = 0;
            self.outcome = if self.outcome == Outcome::Left { Outcome::Left } else { Outcome::None };
        }
        self
    }

    /// What the lanes that share the piece's elements have of it together. All lanes of the warp take part.
    #[inline(always)]
    pub unsafe fn fold<T: Scalar, R: Finish, L: Load, const COLUMNS: usize, const HAS_INDEX: bool>(
        &self,
        p: &SegmentParams,
    ) -> Folded<T::Accumulator, u32, COLUMNS> {
        let counts = HAS_INDEX && R::HAS_COUNT && p.is_mean != 0;
        let mut folded = self.piece.fold::<T, R, L, COLUMNS>(p, self.way, self.ways_log2, self.has_holes);
        folded = folded.join_lanes::<R>(p.lanes_log2, self.join_log2, counts);
        if !HAS_INDEX {
            // Without holes.
            folded.count = self.piece.length;
        }
        folded
    }

    /// Stores it, whole or as a record, from the first of those lanes.
    #[inline(always)]
    pub unsafe fn store<T: Scalar, R: Finish, const COLUMNS: usize, const HAS_INDEX: bool>(
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
                store::<T, R, u32, COLUMNS>(p, ((b * p.n + id) * p.k + column) as usize, folded, from);
            }
            Outcome::Record(record) => {
                let record = record.number(b * p.chunks_per_b + (from >> p.chunk_log2));
                records::store::<T::Accumulator, R, u32, COLUMNS>(p, record, column, folded, from, HAS_INDEX);
            }
            Outcome::Left | Outcome::None => {}
        }
    }
}

/// A segment, counted over all b, from a column on; and how long it is, which may be more than a piece can say.
#[inline(always)]
unsafe fn find_segment(p: &SegmentParams, number: u64, column: u64) -> (Piece, u64) {
    let (b, id) = split_rows(number, &p.by_n, p.b);
    let indptr = Indptr::new(p, b);
    let (from, end) = (indptr.get(id), indptr.get(id + 1));
    let length = end.saturating_sub(from);
    (Piece { b, row: indptr.row, id, from, column, length: length as u32 }, length)
}

/// The first of a lane's columns in a part of them.
#[inline(always)]
pub fn first_column<const COLUMNS: usize>(p: &SegmentParams, part: u64, lane: u32) -> u64 {
    ((part << p.lanes_log2) + lane as u64) * COLUMNS as u64
}

/// What a number over all parts of columns of something is of, and the part; nearly every call has one part.
#[inline(always)]
fn split_parts(p: &SegmentParams, number: u64) -> (u64, u64) {
    if p.column_parts.value == 1 {
        return (number, 0);
    }
    p.column_parts.divide(number)
}
