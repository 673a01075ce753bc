//! Attention over segments of rows that are read through an index: its options, and the plan that every backend
//! executes.

use crate::{
    BadIndex, Error, GatherSegmentCsrOptions, GatherSegmentPlan, Reduce, Shape, gather_segment::WeightLayout,
    shape::check_output,
};

/// The options of attention_csr.
///
/// ```
/// use tensorrt_scatter::{AttentionCsrOptions, BadIndex};
/// let options = AttentionCsrOptions::new().bad_index(BadIndex::Skip);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttentionCsrOptions {
    pub(crate) bad_index: BadIndex,
}

impl AttentionCsrOptions {
    /// A bad index or indptr is an error.
    pub fn new() -> Self {
        Self::default()
    }

    /// What to do with an index outside [0, R), and with an indptr that decreases or leaves [0, E].
    /// [`BadIndex::Skip`] checks neither: it leaves out elements with a bad index, as if they were not in their segment;
    /// it clamps indptr to [0, E], and the results around a decrease are not specified.
    pub fn bad_index(mut self, bad_index: BadIndex) -> Self {
        self.bad_index = bad_index;
        self
    }
}

/// An attention over segments whose shapes were checked. The backends and the plugins execute it.
///
/// `src` is seen as [B, R, K], the rows that are read as [B, E, K], the result as [B, N, K]. The K columns are H heads of
/// K / H neighbouring columns, each with a score of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct AttentionCsrPlan {
    /// The reduction that has the scores for weights: it says which rows are read, and how the scores lie.
    pub(crate) gather: GatherSegmentPlan,
}

/// The name of the scores in messages.
pub(crate) const SCORE: &str = "score";

impl AttentionCsrPlan {
    /// Plans, for each segment, the softmax of its scores [.., E] or [.., E, H], and the sum of the rows
    /// `src[.., index[.., e], ..]` times these softmaxes.
    ///
    /// # Errors
    /// [`Error::Scalar`] and [`Error::LeadingAxes`] for shapes that do not fit; [`Error::OtherAxis`] where the index and
    /// indptr have different numbers of axes; [`Error::WeightShape`] for the scores; [`Error::TooManyElements`].
    pub fn new(src: &Shape, index: &Shape, indptr: &Shape, score: &Shape) -> Result<Self, Error> {
        let options = GatherSegmentCsrOptions::new(Reduce::Sum);
        let gather = GatherSegmentPlan::csr(src, index, indptr, Some(score), &options).map_err(|error| {
            // The caller knows scores, and no weights.
            let Error::WeightShape { given, index, src, .. } = error else { return error };
            Error::WeightShape { input: SCORE, given, index, src }
        })?;
        Ok(Self { gather })
    }

    /// The shape of the result: src's with N in place of R.
    pub fn out_shape(&self) -> &Shape {
        self.gather.out_shape()
    }

    /// How the scores are read.
    pub(crate) fn layout(&self) -> WeightLayout {
        self.gather.weight.expect("the plan was made with scores")
    }

    /// Refuses an output buffer of another shape than the result's.
    pub(crate) fn check_output(&self, given: &Shape) -> Result<(), Error> {
        check_output("out", given, self.out_shape())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(src: &[usize], index: &[usize], indptr: &[usize], score: &[usize]) -> Result<AttentionCsrPlan, Error> {
        let shape = |dims: &[usize]| Shape::new(dims).unwrap();
        AttentionCsrPlan::new(&shape(src), &shape(index), &shape(indptr), &shape(score))
    }

    #[test]
    fn the_result_has_a_row_for_each_segment() {
        let plan = plan(&[2, 10, 4, 5], &[1, 7], &[2, 9], &[2, 7, 4]).unwrap();
        assert_eq!((plan.out_shape().dims(), plan.layout().heads), (&[2, 8, 4, 5][..], 4));
    }

    #[test]
    fn scores_are_refused_by_their_name() {
        assert_eq!(plan(&[10, 6], &[7], &[3], &[7]).unwrap().layout().heads, 1);
        for score in [&[6][..], &[7, 4], &[7, 0], &[1, 7]] {
            let refused = plan(&[10, 6], &[7], &[3], score).unwrap_err();
            assert!(refused.to_string().starts_with("score of shape"), "{refused}");
        }
        assert!(matches!(plan(&[2, 10], &[2, 7], &[3], &[2, 7]), Err(Error::OtherAxis { input: "indptr", .. })));
    }
}
