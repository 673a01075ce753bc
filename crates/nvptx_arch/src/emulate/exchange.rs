//! The results of the instructions that threads execute together.

use crate::warp::{ShuffleMode, WARP_SIZE};

/// A barrier of the whole block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarrierKind {
    Plain,
    Count,
    And,
    Or,
}

impl BarrierKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "sync_threads",
            Self::Count => "sync_threads_count",
            Self::And => "sync_threads_and",
            Self::Or => "sync_threads_or",
        }
    }

    /// The result for all threads of a block, if the predicate holds in `holding` of the block's `threads`.
    pub fn result(self, holding: usize, threads: usize) -> u32 {
        match self {
            Self::Plain => 0,
            Self::Count => holding as u32,
            Self::And => u32::from(holding == threads),
            Self::Or => u32::from(holding > 0),
        }
    }
}

/// An instruction of a warp, with the operands of one lane.
#[derive(Clone, Copy, Debug)]
pub enum WarpInstruction {
    Sync,
    Ballot(bool),
    Any(bool),
    All(bool),
    MatchAny(u32),
    Shuffle(Shuffle),
}

/// The operands of one lane of a shuffle.
#[derive(Clone, Copy, Debug)]
pub struct Shuffle {
    pub mode: ShuffleMode,
    pub value: u32,
    /// The lane, the distance or the lane mask.
    pub lane: u32,
    pub width: u32,
}

impl Shuffle {
    /// The lane that `own` reads.
    pub fn source(&self, own: u32) -> u32 {
        let operand = self.lane % WARP_SIZE;
        let first = own & !(self.width - 1);
        let last = first + self.width - 1;
        let (source, in_segment) = match self.mode {
            ShuffleMode::Idx => (first | (operand & (self.width - 1)), true),
            ShuffleMode::Up => (own.wrapping_sub(operand), own >= first + operand),
            ShuffleMode::Down => (own + operand, own + operand <= last),
            ShuffleMode::Xor => (own ^ operand, own ^ operand <= last),
        };
        if in_segment { source } else { own }
    }
}

impl WarpInstruction {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sync => "sync_warp",
            Self::Ballot(_) => "ballot",
            Self::Any(_) => "any",
            Self::All(_) => "all",
            Self::MatchAny(_) => "match_any",
            Self::Shuffle(shuffle) => match shuffle.mode {
                ShuffleMode::Idx => "shuffle_idx",
                ShuffleMode::Up => "shuffle_up",
                ShuffleMode::Down => "shuffle_down",
                ShuffleMode::Xor => "shuffle_xor",
            },
        }
    }

    /// Whether two lanes with these operands execute the same instruction.
    pub fn goes_with(&self, other: &Self) -> bool {
        self.name() == other.name()
    }

    /// The result for lane `own`, whose operands are `self`. `brought` returns the operands of a lane of `mask`. The
    /// error is the lane that a shuffle reads although `mask` leaves it out.
    pub fn result(&self, own: u32, mask: u32, brought: impl Fn(u32) -> Self) -> Result<u32, u32> {
        let lanes_where = |holds: &dyn Fn(Self) -> bool| {
            lanes(mask).filter(|&lane| holds(brought(lane))).fold(0, |set, lane| set | 1 << lane)
        };
        let votes = || lanes_where(&|other| matches!(other, Self::Ballot(true) | Self::Any(true) | Self::All(true)));
        Ok(match *self {
            Self::Sync => 0,
            Self::Ballot(_) => votes(),
            Self::Any(_) => u32::from(votes() != 0),
            Self::All(_) => u32::from(votes() == mask),
            Self::MatchAny(value) => lanes_where(&|other| matches!(other, Self::MatchAny(others) if others == value)),
            Self::Shuffle(shuffle) => {
                let source = shuffle.source(own);
                if mask & 1 << source == 0 {
                    return Err(source);
                }
                match brought(source) {
                    Self::Shuffle(other) => other.value,
                    _ => unreachable!("lanes meet in one instruction"),
                }
            }
        })
    }
}

/// The lanes of a mask, from the lowest.
pub fn lanes(mask: u32) -> impl Iterator<Item = u32> {
    (0..WARP_SIZE).filter(move |lane| mask & 1 << lane != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(mode: ShuffleMode, lane: u32, width: u32) -> Vec<u32> {
        let shuffle = Shuffle { mode, value: 0, lane, width };
        (0..WARP_SIZE).map(|own| shuffle.source(own)).collect()
    }

    #[test]
    fn idx_counts_from_the_segments_first_lane() {
        assert_eq!(sources(ShuffleMode::Idx, 5, 32), [5; 32]);
        let expected: Vec<u32> = (0..32).map(|own| own / 4 * 4 + 1).collect();
        assert_eq!(sources(ShuffleMode::Idx, 5, 4), expected);
    }

    #[test]
    fn up_and_down_stay_in_their_segment() {
        let up: Vec<u32> = (0..32).map(|own| if own % 8 < 3 { own } else { own - 3 }).collect();
        assert_eq!(sources(ShuffleMode::Up, 3, 8), up);
        let down: Vec<u32> = (0..32).map(|own| if own % 8 + 3 > 7 { own } else { own + 3 }).collect();
        assert_eq!(sources(ShuffleMode::Down, 3, 8), down);
    }

    #[test]
    fn xor_reaches_lower_segments_and_not_higher_ones() {
        let butterfly: Vec<u32> = (0..32).map(|own| own ^ 1).collect();
        assert_eq!(sources(ShuffleMode::Xor, 1, 2), butterfly);
        let across: Vec<u32> = (0..32).map(|own| if own & 4 == 0 { own } else { own ^ 4 }).collect();
        assert_eq!(sources(ShuffleMode::Xor, 4, 4), across);
    }
}
