//! The reductions, and which operators have them.

use std::{fmt, str::FromStr};

use crate::{Error, named_enum::named_enum};

/// Declares the reductions: their names, their numbers in the C ABI, whether they have `arg_out`, and which operators
/// have them. This is the only place that says so.
macro_rules! reductions {
    ($(
        $(#[$doc:meta])*
        $variant:ident = $name:literal, number: $number:literal, has_arg: $has_arg:literal, of: $($operator:ident)|+;
    )+) => {
        named_enum! {
            /// How the elements of a group become one.
            ///
            /// Names and meaning are torch_scatter's: <https://pytorch-scatter.readthedocs.io>.
            pub enum Reduce {
                $($(#[$doc])* $variant = $name,)+
            }

            /// torch_scatter's name, such as "sum".
            pub fn name;
        }

        impl Reduce {
            /// The number in the C ABI, of `trts_reduce`.
            pub const fn number(self) -> i32 {
                match self {
                    $(Self::$variant => $number,)+
                }
            }

            /// Whether the reduction also gives the position of the selected element, `arg_out`.
            pub const fn has_arg(self) -> bool {
                match self {
                    $(Self::$variant => $has_arg,)+
                }
            }
        }

        impl ReduceOperator {
            /// Whether the operator has the reduction.
            pub const fn has(self, reduce: Reduce) -> bool {
                match reduce {
                    $(Reduce::$variant => matches!(self, $(Self::$operator)|+),)+
                }
            }
        }
    };
}

reductions! {
    /// The sum; 0 for an empty group. torch_scatter's "add" is the same.
    Sum = "sum", number: 0, has_arg: false,
        of: Scatter | SegmentCoo | SegmentCsr | GatherSegmentCsr | GatherSegmentCoo | GatherScatter;
    /// The product; 1 for an empty group.
    Mul = "mul", number: 1, has_arg: false, of: Scatter;
    /// The sum divided by the number of elements; 0 for an empty group.
    Mean = "mean", number: 2, has_arg: false,
        of: Scatter | SegmentCoo | SegmentCsr | GatherSegmentCsr | GatherSegmentCoo | GatherScatter;
    /// The smallest element and its position; 0 for an empty group.
    Min = "min", number: 3, has_arg: true,
        of: Scatter | SegmentCoo | SegmentCsr | GatherSegmentCsr | GatherSegmentCoo | GatherScatter;
    /// The largest element and its position; 0 for an empty group.
    Max = "max", number: 4, has_arg: true,
        of: Scatter | SegmentCoo | SegmentCsr | GatherSegmentCsr | GatherSegmentCoo | GatherScatter;
}

impl Reduce {
    /// Second names that torch_scatter has for a reduction.
    pub(crate) const ALIASES: [(&'static str, Self); 1] = [("add", Self::Sum)];
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
        let named = Self::ALL.into_iter().find(|reduce| reduce.name() == name);
        let alias = || Self::ALIASES.into_iter().find(|&(alias, _)| alias == name).map(|(_, reduce)| reduce);
        named.or_else(alias).ok_or_else(|| Error::UnknownReduce { given: name.to_owned() })
    }
}

named_enum! {
    /// An operator that takes a reduction.
    pub enum ReduceOperator {
        /// [`scatter`](crate::cpu::scatter()).
        Scatter = "scatter",
        /// [`segment_coo`](crate::cpu::segment_coo).
        SegmentCoo = "segment_coo",
        /// [`segment_csr`](crate::cpu::segment_csr).
        SegmentCsr = "segment_csr",
        /// [`gather_segment_csr`](crate::cpu::gather_segment_csr).
        GatherSegmentCsr = "gather_segment_csr",
        /// [`gather_segment_coo`](crate::cpu::gather_segment_coo).
        GatherSegmentCoo = "gather_segment_coo",
        /// [`gather_scatter`](crate::cpu::gather_scatter).
        GatherScatter = "gather_scatter",
    }

    /// The operator's name, such as "segment_csr".
    pub fn name;
}

impl ReduceOperator {
    /// The reductions that the operator has.
    pub fn reductions(self) -> impl Iterator<Item = Reduce> {
        Reduce::ALL.into_iter().filter(move |&reduce| self.has(reduce))
    }

    /// Refuses a reduction that the operator does not have.
    ///
    /// # Errors
    /// [`Error::UnsupportedReduce`].
    pub fn check(self, reduce: Reduce) -> Result<(), Error> {
        if self.has(reduce) { Ok(()) } else { Err(Error::UnsupportedReduce { operator: self, reduce }) }
    }
}

impl fmt::Display for ReduceOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
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

    #[test]
    fn messages_list_the_reductions_that_there_are() {
        let unknown = "median".parse::<Reduce>().unwrap_err().to_string();
        let unsupported = ReduceOperator::SegmentCsr.check(Reduce::Mul).unwrap_err().to_string();
        for reduce in Reduce::ALL {
            let quoted = format!("\"{reduce}\"");
            assert!(unknown.contains(&quoted), "{unknown}");
            assert!(unsupported.contains(&quoted), "{unsupported}");
        }
        assert_eq!(
            unknown,
            "unknown reduce \"median\"; expected \"sum\", \"mul\", \"mean\", \"min\", \"max\" or \"add\""
        );
        assert_eq!(unsupported, "segment_csr has no reduce \"mul\"; expected \"sum\", \"mean\", \"min\" or \"max\"");
    }
}
