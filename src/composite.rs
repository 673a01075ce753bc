//! Softmax, log_softmax, logsumexp and std over the groups of a scatter: their options, and the plan that every backend
//! executes.

use crate::{BadIndex, Error, Reduce, ScatterOptions, ScatterPlan, Shape, named_enum::named_enum, shape::check_output};

named_enum! {
    /// An operator that torch_scatter composes of several scatters, and that is one operator here. The formulas are
    /// those of `torch_scatter.composite`; each max, sum and count is over one group.
    pub enum Composite {
        /// exp(src - max) / sum of exp(src - max). The result has src's shape.
        Softmax = "softmax",
        /// src - max - ln(sum of exp(src - max) + eps). The result has src's shape.
        LogSoftmax = "log_softmax",
        /// max + ln(sum of exp(src - max) + eps), without the NaNs in src; 0 for an empty group.
        LogSumExp = "logsumexp",
        /// The square root of the sum of (src - mean)^2, divided by (count - 1 + 10^-6) if unbiased and by
        /// (count + 10^-6) if not; 0 for an empty group.
        Std = "std",
    }

    /// The operator's name: "softmax", "log_softmax", "logsumexp" or "std".
    pub fn name;
}

impl Composite {
    /// Whether the result has an element for each of src's, rather than one for each group.
    pub(crate) fn keeps_shape(self) -> bool {
        match self {
            Self::Softmax | Self::LogSoftmax => true,
            Self::LogSumExp | Self::Std => false,
        }
    }

    /// What is added to a sum before its logarithm, where `eps` is the option, or to a count before the division.
    pub(crate) fn added(self, eps: f64) -> f64 {
        match self {
            Self::Softmax | Self::LogSoftmax | Self::LogSumExp => eps,
            Self::Std => CompositePlan::STD_EPS,
        }
    }
}

/// The options of the composites: how groups are formed, and the constants of the formulas.
///
/// ```
/// use tensorrt_scatter::CompositeOptions;
/// let options = CompositeOptions::new().dim(0).dim_size(100);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompositeOptions {
    pub(crate) groups: ScatterOptions,
    pub(crate) eps: f64,
    pub(crate) unbiased: bool,
}

impl Default for CompositeOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl CompositeOptions {
    /// torch_scatter's default of eps.
    pub(crate) const EPS: f64 = 1e-12;

    /// Groups along the last axis. Their number comes from the index, a bad index is an error, eps is 10^-12, and std
    /// is unbiased.
    pub fn new() -> Self {
        // The reduction does not matter: it decides the workspace of a scatter, and composites compute their own.
        Self { groups: ScatterOptions::new(Reduce::Sum), eps: Self::EPS, unbiased: true }
    }

    /// The axis of `src` that groups are formed along; negative ones count from the end. The default is -1.
    pub fn dim(mut self, dim: isize) -> Self {
        self.groups = self.groups.dim(dim);
        self
    }

    /// The number of groups N. The default is the length of the groups' axis of the caller's buffer if there is one,
    /// else the largest index plus one.
    pub fn dim_size(mut self, dim_size: usize) -> Self {
        self.groups = self.groups.dim_size(dim_size);
        self
    }

    /// What to do with an index outside [0, N). With [`BadIndex::Skip`] the element belongs to no group, and the
    /// result of softmax or log_softmax is 0 there.
    pub fn bad_index(mut self, bad_index: BadIndex) -> Self {
        self.groups = self.groups.bad_index(bad_index);
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

/// A composite whose shapes were checked. The backends and the plugins execute it.
#[derive(Clone, Debug, PartialEq)]
pub struct CompositePlan {
    pub(crate) composite: Composite,
    pub(crate) groups: ScatterPlan,
    pub(crate) eps: f64,
    pub(crate) unbiased: bool,
}

impl CompositePlan {
    /// What torch_scatter's std adds to the count.
    pub(crate) const STD_EPS: f64 = 1e-6;

    /// Checks the shapes and computes how the index is broadcast to `src`.
    ///
    /// # Errors
    /// [`Error::Scalar`], [`Error::DimOutOfRange`] and [`Error::IndexShape`] for shapes that do not fit;
    /// [`Error::UnknownDimSize`] where `dim_size` is not given.
    pub fn new(composite: Composite, src: &Shape, index: &Shape, options: &CompositeOptions) -> Result<Self, Error> {
        let groups = ScatterPlan::new(src, index, None, &options.groups)?;
        Ok(Self { composite, groups, eps: options.eps, unbiased: options.unbiased })
    }

    /// [`new`](Self::new), with the number of groups from `group_count` where `dim_size` does not give it.
    ///
    /// # Errors
    /// Those of [`new`](Self::new), but for [`Error::UnknownDimSize`]; that of `group_count`.
    pub(crate) fn with_group_count(
        composite: Composite,
        src: &Shape,
        index: &Shape,
        options: &CompositeOptions,
        group_count: impl FnOnce() -> Result<usize, Error>,
    ) -> Result<Self, Error> {
        let groups = ScatterPlan::with_group_count(src, index, None, &options.groups, group_count)?;
        Ok(Self { composite, groups, eps: options.eps, unbiased: options.unbiased })
    }

    /// The shape of the result: src's for softmax and log_softmax, else src's with N in place of the reduced axis.
    pub fn out_shape(&self) -> &Shape {
        if self.composite.keeps_shape() { &self.groups.src } else { &self.groups.out }
    }

    /// The operator.
    pub fn composite(&self) -> Composite {
        self.composite
    }

    /// Refuses an output buffer of another shape than the result's.
    pub(crate) fn check_output(&self, given: &Shape) -> Result<(), Error> {
        check_output("out", given, self.out_shape())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmaxes_have_the_shape_of_src_and_the_others_a_row_for_each_group() {
        let (src, index) = (Shape::new(&[2, 5, 3]).unwrap(), Shape::new(&[5]).unwrap());
        let options = CompositeOptions::new().dim(1).dim_size(7);
        for composite in Composite::ALL {
            let plan = CompositePlan::new(composite, &src, &index, &options).unwrap();
            let expected = if composite.keeps_shape() { [2, 5, 3] } else { [2, 7, 3] };
            assert_eq!(plan.out_shape().dims(), expected, "{}", composite.name());
        }
    }
}
