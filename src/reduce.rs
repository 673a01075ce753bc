//! The reductions.

use std::{fmt, str::FromStr};

use crate::Error;

/// How the elements of a group become one.
///
/// Names and meaning are torch_scatter's: <https://pytorch-scatter.readthedocs.io>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduce {
    /// The sum; 0 for an empty group. torch_scatter's "add" is the same.
    Sum,
    /// The product; 1 for an empty group.
    Mul,
    /// The sum over the number of elements; 0 for an empty group.
    Mean,
    /// The smallest element and its position; 0 for an empty group.
    Min,
    /// The largest element and its position; 0 for an empty group.
    Max,
}

impl Reduce {
    /// All reductions, for tables and tests.
    pub const ALL: [Self; 5] = [Self::Sum, Self::Mul, Self::Mean, Self::Min, Self::Max];

    /// Whether the reduction also tells the position of the winner, `arg_out`.
    pub fn has_arg(self) -> bool {
        matches!(self, Self::Min | Self::Max)
    }

    /// torch_scatter's name: "sum", "mul", "mean", "min" or "max".
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Mul => "mul",
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

impl fmt::Display for Reduce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Reduce {
    type Err = Error;

    /// Reads torch_scatter's names; "add" is a second name of "sum".
    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "sum" | "add" => Ok(Self::Sum),
            "mul" => Ok(Self::Mul),
            "mean" => Ok(Self::Mean),
            "min" => Ok(Self::Min),
            "max" => Ok(Self::Max),
            _ => Err(Error::UnknownReduce { given: name.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for reduce in Reduce::ALL {
            assert_eq!(reduce.name().parse(), Ok(reduce));
        }
        assert_eq!("add".parse(), Ok(Reduce::Sum));
        assert!("Sum".parse::<Reduce>().is_err());
    }
}
