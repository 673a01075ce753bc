//! Scores of pairs of rows that are read through two indices: their options, and the plan that every backend executes.

use std::{fmt, str::FromStr};

use crate::{BadIndex, Error, GatherPlan, Shape, broadcast, named_enum::named_enum, shape::check_output};

named_enum! {
    /// How gather_dot combines the values that two rows have in a column.
    pub enum Combine {
        /// The product, so that a score is a dot product.
        Mul = "mul",
        /// The leaky ReLU of the sum: x where the sum x is above 0, otherwise x times the negative slope.
        Add = "add",
    }

    /// The name: "mul" or "add".
    pub fn name;
}

impl Combine {
    /// The number in the C ABI, of `trts_combine`.
    pub const fn number(self) -> i32 {
        match self {
            Self::Mul => 0,
            Self::Add => 1,
        }
    }
}

impl fmt::Display for Combine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Combine {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|combine| combine.name() == name);
        found.ok_or_else(|| Error::UnknownCombine { given: name.to_owned() })
    }
}

/// The options of gather_dot: how two rows are combined, the number of heads, what to do with a bad index.
///
/// ```
/// use tensorrt_scatter::{Combine, GatherDotOptions};
/// let dot_product = GatherDotOptions::new(Combine::Mul).heads(8);
/// let additive = GatherDotOptions::new(Combine::Add).negative_slope(0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GatherDotOptions {
    pub(crate) combine: Combine,
    pub(crate) heads: usize,
    pub(crate) negative_slope: f64,
    pub(crate) bad_index: BadIndex,
}

impl GatherDotOptions {
    /// The default of the negative slope.
    pub const NEGATIVE_SLOPE: f64 = 0.2;

    /// One head; a negative slope of 0.2; a bad index is an error.
    pub fn new(combine: Combine) -> Self {
        Self { combine, heads: 1, negative_slope: Self::NEGATIVE_SLOPE, bad_index: BadIndex::default() }
    }

    /// The number of heads H: each has a score of its own, of K / H neighbouring columns. The default is 1.
    pub fn heads(mut self, heads: usize) -> Self {
        self.heads = heads;
        self
    }

    /// What [`Combine::Add`] multiplies sums below 0 with. The default is 0.2; 1 leaves every sum as it is.
    /// [`Combine::Mul`] ignores it.
    pub fn negative_slope(mut self, negative_slope: f64) -> Self {
        self.negative_slope = negative_slope;
        self
    }

    /// What to do with an index outside [0, R), and with another index outside [0, S). [`BadIndex::Skip`] checks
    /// neither: the score of such a pair is 0.
    pub fn bad_index(mut self, bad_index: BadIndex) -> Self {
        self.bad_index = bad_index;
        self
    }
}

/// The name of the index of `other` in messages.
pub(crate) const OTHER_INDEX: &str = "other_index";

/// Scores of pairs of rows, whose shapes were checked. The backends and the plugins execute it.
///
/// `src` is seen as [B, R, K], `other` as [B, S, K], the result as [B, E, H]. The K columns are H heads of K / H
/// neighbouring columns, each with a score of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct GatherDotPlan {
    /// Which row of `src` is read for each pair.
    pub(crate) rows: GatherPlan,
    /// Which row of `other` is.
    pub(crate) other_rows: GatherPlan,
    pub(crate) combine: Combine,
    pub(crate) heads: usize,
    pub(crate) negative_slope: f64,
    pub(crate) has_weight: bool,
    pub(crate) out: Shape,
}

impl GatherDotPlan {
    /// The most heads there may be. The kernels count them in 32 bits.
    const MAX_HEADS: usize = 1 << 30;

    /// Plans, for each pair of rows `src[.., index[.., e], ..]` and `other[.., other_index[.., e], ..]`, the score of
    /// each head: the sum over its columns of both values combined, times the weight of the column.
    ///
    /// # Errors
    /// [`Error::Scalar`] and [`Error::LeadingAxes`] for shapes that do not fit; [`Error::OtherShape`] for another one
    /// than src's; [`Error::BesideIndexShape`] for an other index that is not as long as the index; [`Error::Heads`];
    /// [`Error::ColumnWeightShape`]; [`Error::RankTooLarge`] and [`Error::TooManyElements`] for the result.
    pub fn new(
        src: &Shape,
        index: &Shape,
        other: &Shape,
        other_index: &Shape,
        weight: Option<&Shape>,
        options: &GatherDotOptions,
    ) -> Result<Self, Error> {
        let rows = GatherPlan::coo(src, index)?;
        let axis = index.rank() - 1;
        let others = other.dims().get(axis).copied().unwrap_or(0);
        if other.rank() != src.rank() || src.with_axis(axis, others)? != *other {
            return Err(Error::OtherShape { other: *other, src: *src, axis });
        }
        if other_index.rank() == 0 {
            return Err(Error::Scalar { input: OTHER_INDEX });
        }
        broadcast::check_beside_index(index, OTHER_INDEX, other_index)?;
        let other_rows = GatherPlan::coo(other, other_index).map_err(|error| {
            let Error::LeadingAxes { given, .. } = error else { return error };
            // The leading axes of `other` are src's.
            Error::LeadingAxes { input: OTHER_INDEX, given, src: *src }
        })?;
        let (heads, columns) = (options.heads, rows.k);
        if !(1..=Self::MAX_HEADS).contains(&heads) || !columns.is_multiple_of(heads) {
            return Err(Error::Heads { given: heads, columns, most: Self::MAX_HEADS });
        }
        if let Some(weight) = weight.filter(|weight| weight.dims() != [columns]) {
            return Err(Error::ColumnWeightShape { weight: *weight, src: *src, columns });
        }
        let out = Shape::new(&[&src.dims()[..axis], &[rows.e, heads]].concat())?;
        Ok(Self {
            rows,
            other_rows: GatherPlan { input: OTHER_INDEX, ..other_rows },
            combine: options.combine,
            heads,
            negative_slope: options.negative_slope,
            has_weight: weight.is_some(),
            out,
        })
    }

    /// The shape of the result: src's axes before that of the rows, then E and H.
    pub fn out_shape(&self) -> &Shape {
        &self.out
    }

    /// The number of neighbouring columns that have one score.
    pub(crate) fn columns_of_head(&self) -> usize {
        self.rows.k / self.heads
    }

    /// Refuses an output buffer of another shape than the result's.
    pub(crate) fn check_output(&self, given: &Shape) -> Result<(), Error> {
        check_output("out", given, &self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index_rules::IndexRules;

    fn plan(shapes: [&[usize]; 4], weight: Option<&[usize]>, heads: usize) -> Result<GatherDotPlan, Error> {
        let [src, index, other, other_index] = shapes.map(|dims| Shape::new(dims).unwrap());
        let weight = weight.map(|dims| Shape::new(dims).unwrap());
        let options = GatherDotOptions::new(Combine::Mul).heads(heads);
        GatherDotPlan::new(&src, &index, &other, &other_index, weight.as_ref(), &options)
    }

    #[test]
    fn the_result_has_a_score_for_each_pair_and_head() {
        let plan = plan([&[2, 3, 10, 4, 5], &[2, 1, 7], &[2, 3, 9, 4, 5], &[1, 3, 7]], Some(&[20]), 4).unwrap();
        assert_eq!(plan.out_shape().dims(), [2, 3, 7, 4]);
        assert_eq!((plan.rows.b, plan.rows.s, plan.other_rows.s, plan.rows.k), (6, 10, 9, 20));
        assert_eq!((plan.columns_of_head(), plan.has_weight), (5, true));
        assert_eq!((0..6).map(|b| plan.other_rows.index_start(b)).collect::<Vec<_>>(), [0, 7, 14, 0, 7, 14]);
    }

    #[test]
    fn an_index_has_the_name_of_its_input() {
        let plan = plan([&[10, 4], &[7], &[9, 4], &[7]], None, 2).unwrap();
        for (rules, name) in [(&plan.rows, "index"), (&plan.other_rows, "other_index")] {
            assert!(matches!(rules.bad_index(0, 99, None), Error::IndexOutOfRange { input, .. } if input == name));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for other in [&[9, 5][..], &[9], &[9, 4, 1], &[]] {
            assert!(matches!(plan([&[10, 4], &[7], other, &[7]], None, 1), Err(Error::OtherShape { .. })), "{other:?}");
        }
        for other_index in [&[6][..], &[1, 7]] {
            let refused = plan([&[10, 4], &[7], &[9, 4], other_index], None, 1);
            assert!(matches!(refused, Err(Error::BesideIndexShape { input: "other_index", .. })), "{refused:?}");
        }
        let refused = plan([&[10, 4], &[7], &[9, 4], &[]], None, 1);
        assert!(matches!(refused, Err(Error::Scalar { input: "other_index" })));
        let refused = plan([&[2, 10], &[2, 7], &[2, 9], &[3, 7]], None, 1).unwrap_err();
        assert!(refused.to_string().starts_with("`other_index` of shape [3, 7] does not fit src of shape [2, 10]"));
        for heads in [0, 3, 8, 1 << 31] {
            assert!(matches!(plan([&[10, 4], &[7], &[9, 4], &[7]], None, heads), Err(Error::Heads { .. })), "{heads}");
        }
        for weight in [&[][..], &[3], &[1, 4], &[2, 2]] {
            let refused = plan([&[10, 4], &[7], &[9, 4], &[7]], Some(weight), 2);
            assert!(matches!(refused, Err(Error::ColumnWeightShape { .. })), "{weight:?}");
        }
        let deep = &[1, 1, 1, 1, 1, 1, 1, 4];
        assert!(matches!(
            plan([deep, &[1, 1, 1, 1, 1, 1, 1, 7], deep, &[1, 1, 1, 1, 1, 1, 1, 7]], None, 1),
            Err(Error::RankTooLarge { .. })
        ));
    }

    #[test]
    fn without_columns_any_number_of_heads_fits() {
        let plan = plan([&[10, 0], &[7], &[9, 0], &[7]], Some(&[0]), 5).unwrap();
        assert_eq!(plan.out_shape().dims(), [7, 5]);
    }

    #[test]
    fn names_are_read_back() {
        for (at, combine) in Combine::ALL.into_iter().enumerate() {
            assert_eq!((combine.name().parse(), combine.number()), (Ok(combine), at as i32));
        }
        let refused = "dot".parse::<Combine>().unwrap_err();
        assert_eq!(refused.to_string(), "unknown combine \"dot\"; expected \"mul\" or \"add\"");
    }
}
