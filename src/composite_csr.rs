//! Softmax, log_softmax, logsumexp and std over segments: their options, and the plan that every backend executes.

use crate::{
    BadIndex, Composite, CompositeOptions, Error, Reduce, SegmentCsrOptions, SegmentPlan, Shape, shape::check_output,
};

/// The options of the composites over segments: the constants of the formulas.
///
/// ```
/// use tensorrt_scatter::CompositeCsrOptions;
/// let options = CompositeCsrOptions::new().unbiased(false);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompositeCsrOptions {
    pub(crate) bad_index: BadIndex,
    pub(crate) eps: f64,
    pub(crate) unbiased: bool,
}

impl Default for CompositeCsrOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl CompositeCsrOptions {
    /// A bad indptr is an error, eps is 10^-12, and std is unbiased.
    pub fn new() -> Self {
        Self { bad_index: BadIndex::default(), eps: CompositeOptions::EPS, unbiased: true }
    }

    /// What to do with an indptr that decreases, or that leaves [0, E]. [`BadIndex::Skip`] does not check it: entries
    /// outside [0, E] are clamped to it, and the results around a decrease are not specified.
    pub fn bad_index(mut self, bad_index: BadIndex) -> Self {
        self.bad_index = bad_index;
        self
    }

    /// What log_softmax and logsumexp add to a sum before they take its logarithm. The default is 10^-12, which changes
    /// no float32 sum of 1 or more.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// Whether std divides by the count less one (at least 1) instead of the count. The default is true.
    pub fn unbiased(mut self, unbiased: bool) -> Self {
        self.unbiased = unbiased;
        self
    }
}

/// A composite over segments whose shapes were checked. The backends execute it.
#[derive(Clone, Debug, PartialEq)]
pub struct CompositeCsrPlan {
    pub(crate) composite: Composite,
    pub(crate) segments: SegmentPlan,
    pub(crate) eps: f64,
    pub(crate) unbiased: bool,
}

impl CompositeCsrPlan {
    /// Plans a composite of `src` [.., E, ..] over the segments of an indptr [.., N + 1], whose leading axes expand to
    /// src's.
    ///
    /// # Errors
    /// [`Error::Scalar`] and [`Error::LeadingAxes`] for shapes that do not fit; [`Error::TooManyElements`].
    pub fn new(
        composite: Composite,
        src: &Shape,
        indptr: &Shape,
        options: &CompositeCsrOptions,
    ) -> Result<Self, Error> {
        // Composites use of the plan how the segments lie. The reduction says that there is no arg_out.
        let segments = SegmentPlan::csr(src, indptr, &SegmentCsrOptions::new(Reduce::Sum))?;
        Ok(Self { composite, segments, eps: options.eps, unbiased: options.unbiased })
    }

    /// The shape of the result: src's for softmax and log_softmax, else src's with N in place of the reduced axis.
    pub fn out_shape(&self) -> &Shape {
        if self.composite.keeps_shape() { &self.segments.src } else { &self.segments.out }
    }

    /// The operator.
    pub fn composite(&self) -> Composite {
        self.composite
    }

    /// The operator's name: "softmax_csr" and so on.
    pub(crate) fn name(&self) -> &'static str {
        match self.composite {
            Composite::Softmax => "softmax_csr",
            Composite::LogSoftmax => "log_softmax_csr",
            Composite::LogSumExp => "logsumexp_csr",
            Composite::Std => "std_csr",
        }
    }

    /// Refuses an output buffer of another shape than the result's.
    pub(crate) fn check_output(&self, given: &Shape) -> Result<(), Error> {
        check_output("out", given, self.out_shape())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(dims: &[usize]) -> Shape {
        Shape::new(dims).unwrap()
    }

    #[test]
    fn softmaxes_have_the_shape_of_src_and_the_others_a_row_for_each_segment() {
        for composite in Composite::ALL {
            let plan = |src: &[usize], indptr: &[usize]| {
                CompositeCsrPlan::new(composite, &shape(src), &shape(indptr), &CompositeCsrOptions::new())
            };
            let expected = if composite.keeps_shape() { [2, 5, 3] } else { [2, 7, 3] };
            assert_eq!(plan(&[2, 5, 3], &[1, 8]).unwrap().out_shape().dims(), expected, "{}", composite.name());
            assert!(matches!(plan(&[2, 5], &[3, 8]), Err(Error::LeadingAxes { input: "indptr", .. })));
            assert!(matches!(plan(&[], &[8]), Err(Error::Scalar { input: "src" })));
        }
    }
}
