//! The grouping of an index: its options, and the plan that every backend executes.

use crate::{BadIndex, Error, Index, Shape, index_rules::IndexRules, shape::check_output};

/// The options of group_index: the number of groups, and what to do with a bad index.
///
/// ```
/// use tensorrt_scatter::{BadIndex, GroupIndexOptions};
/// let options = GroupIndexOptions::new().dim_size(100).bad_index(BadIndex::Skip);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupIndexOptions {
    pub(crate) dim_size: Option<usize>,
    pub(crate) bad_index: BadIndex,
    /// Whether the index is sorted along its last axis, for operators that then need no permutation.
    pub(crate) is_sorted: bool,
}

impl GroupIndexOptions {
    /// The number of groups comes from the index, and a bad index is an error.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of groups N. The default is the largest index plus one.
    pub fn dim_size(mut self, dim_size: usize) -> Self {
        self.dim_size = Some(dim_size);
        self
    }

    /// What to do with an index outside [0, N). [`BadIndex::Skip`] leaves such elements out of every group: their
    /// positions are the last ones of perm.
    pub fn bad_index(mut self, bad_index: BadIndex) -> Self {
        self.bad_index = bad_index;
        self
    }
}

/// The elements of an index by their group: what [`cpu::group_index`](crate::cpu::group_index) returns. `T` is the type
/// of both tensors.
///
/// Several reductions by one index need one grouping: `perm` and `indptr` are the index and the indptr of a
/// gather_segment_csr, which computes what scatter does. Its `arg_out` has places in `perm`.
///
/// ```
/// use tensorrt_scatter::{GatherSegmentCsrOptions, GroupIndexOptions, Reduce, ScatterOptions, Tensor, cpu};
/// let src = Tensor::new(&[4], vec![1.0f32, 5.0, 2.0, 3.0])?;
/// let index = Tensor::new(&[4], vec![0, 1, 0, 1])?;
/// let groups = cpu::group_index(&index, &GroupIndexOptions::new())?;
/// for reduce in [Reduce::Sum, Reduce::Mean, Reduce::Max] {
///     let options = GatherSegmentCsrOptions::new(reduce);
///     let grouped = cpu::gather_segment_csr(&src, &groups.perm, &groups.indptr, None, &options)?;
///     let scattered = cpu::scatter(&src, &index, None, &ScatterOptions::new(reduce))?;
///     assert_eq!(grouped.out, scattered.out);
///     if let (Some(places), Some(arg_out)) = (grouped.arg_out, scattered.arg_out) {
///         let elements: Vec<i32> = places.data().iter().map(|&place| groups.perm.data()[place as usize]).collect();
///         assert_eq!(elements, arg_out.data());
///     }
/// }
/// # Ok::<(), tensorrt_scatter::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Grouping<T> {
    /// [.., E]: the positions of the elements, those of group 0 first, then those of group 1, and so on. Within a group
    /// they rise. Behind `indptr[N]` are the positions of the elements without a group.
    pub perm: T,
    /// [.., N + 1]: the positions of the elements of group n are `perm[indptr[n]..indptr[n + 1]]`.
    pub indptr: T,
}

/// A grouping of an index whose shape was checked. The backends and the plugins execute it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupIndexPlan {
    pub(crate) index: Shape,
    pub(crate) indptr: Shape,
    /// The number of rows of the index.
    pub(crate) rows: usize,
    /// E: the number of elements of a row.
    pub(crate) e: usize,
    /// N: the number of groups.
    pub(crate) n: usize,
    /// Whether the steps on a GPU keep 64 bits for each element between them, where 32 may be enough.
    pub(crate) has_wide_words: bool,
    /// Whether the index is sorted along its last axis. The groups are then found where they are, and not sorted.
    pub(crate) is_sorted: bool,
    /// What the caller calls the index, for errors.
    pub(crate) input: &'static str,
}

impl GroupIndexPlan {
    /// Plans the grouping of the elements of each row of an index, along its last axis.
    ///
    /// # Errors
    /// [`Error::Scalar`] for an index without axes; [`Error::UnknownDimSize`] without a `dim_size`;
    /// [`Error::TooManyElements`].
    pub fn new(index: &Shape, options: &GroupIndexOptions) -> Result<Self, Error> {
        let axis = Self::axis(index)?;
        let n = options.dim_size.ok_or(Error::UnknownDimSize)?;
        let too_many = || Error::TooManyElements { dims: [&index.dims()[..axis], &[n]].concat() };
        let indptr = index.with_axis(axis, n.checked_add(1).ok_or_else(too_many)?)?;
        let rows = index.dims()[..axis].iter().product();
        Ok(Self {
            index: *index,
            indptr,
            rows,
            e: index.dims()[axis],
            n,
            has_wide_words: false,
            is_sorted: options.is_sorted,
            input: "index",
        })
    }

    /// [`new`](Self::new), with the number of groups from `group_count` where `dim_size` does not give it.
    ///
    /// # Errors
    /// Those of [`new`](Self::new), but for [`Error::UnknownDimSize`]; that of `group_count`.
    pub(crate) fn with_group_count(
        index: &Shape,
        options: &GroupIndexOptions,
        group_count: impl FnOnce() -> Result<usize, Error>,
    ) -> Result<Self, Error> {
        // The shape is checked first: its error costs nothing.
        Self::axis(index)?;
        let n = options.dim_size.map_or_else(group_count, Ok)?;
        Self::new(index, &options.dim_size(n))
    }

    /// The last axis of an index.
    fn axis(index: &Shape) -> Result<usize, Error> {
        index.rank().checked_sub(1).ok_or(Error::Scalar { input: "index" })
    }

    /// The same result, with 64 bits for each element between the steps on a GPU. Plans take them where 32 are not
    /// enough; this is for tests.
    #[doc(hidden)]
    pub fn with_wide_words(self) -> Self {
        Self { has_wide_words: true, ..self }
    }

    /// The shape of perm: that of the index.
    pub fn perm_shape(&self) -> &Shape {
        &self.index
    }

    /// The shape of indptr: that of the index, with N + 1 along the last axis.
    pub fn indptr_shape(&self) -> &Shape {
        &self.indptr
    }

    /// Refuses an index type that does not hold every position.
    ///
    /// # Errors
    /// [`Error::PermTooNarrow`].
    pub(crate) fn check_positions<I: Index>(&self) -> Result<(), Error> {
        let length = self.e;
        I::from_position(length).map(|_| ()).ok_or(Error::PermTooNarrow { length })
    }

    /// Refuses output buffers of other shapes than the results'.
    ///
    /// # Errors
    /// [`Error::OutputShape`].
    pub(crate) fn check_outputs(&self, perm: &Shape, indptr: &Shape) -> Result<(), Error> {
        check_output("perm", perm, self.perm_shape())?;
        check_output("indptr", indptr, self.indptr_shape())
    }
}

impl IndexRules for GroupIndexPlan {
    fn index_shape(&self) -> &Shape {
        &self.index
    }

    fn index_limit(&self) -> usize {
        self.n
    }

    fn is_sorted(&self) -> bool {
        self.is_sorted
    }

    fn uses_index(&self) -> bool {
        self.index.element_count() != 0
    }

    fn bad_index(&self, position: u64, value: i64, previous: Option<i64>) -> Error {
        let (input, shape) = (self.input, self.index);
        let in_range = usize::try_from(value).is_ok_and(|value| value < self.n);
        match previous {
            Some(previous) if in_range => Error::UnsortedIndex { input, position, value, previous, shape },
            _ => Error::IndexOutOfRange { input, position, value, size: self.n, shape },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_have_the_shapes_of_the_index_and_of_its_groups() {
        let index = Shape::new(&[2, 3, 5]).unwrap();
        let plan = GroupIndexPlan::new(&index, &GroupIndexOptions::new().dim_size(4)).unwrap();
        assert_eq!((plan.perm_shape().dims(), plan.indptr_shape().dims()), (&[2, 3, 5][..], &[2, 3, 5][..]));
        assert_eq!((plan.rows, plan.e, plan.n), (6, 5, 4));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let options = GroupIndexOptions::new();
        let shape = |dims: &[usize]| Shape::new(dims).unwrap();
        assert_eq!(GroupIndexPlan::new(&shape(&[]), &options), Err(Error::Scalar { input: "index" }));
        assert_eq!(GroupIndexPlan::new(&shape(&[5]), &options), Err(Error::UnknownDimSize));
        for n in [usize::MAX, usize::MAX / 2] {
            let refused = GroupIndexPlan::new(&shape(&[5]), &options.dim_size(n));
            assert!(matches!(refused, Err(Error::TooManyElements { .. })), "{refused:?}");
        }
        let plan = GroupIndexPlan::new(&shape(&[1 << 31]), &options.dim_size(4)).unwrap();
        assert_eq!(plan.check_positions::<i32>(), Err(Error::PermTooNarrow { length: 1 << 31 }));
        assert_eq!(plan.check_positions::<i64>(), Ok(()));
    }
}
