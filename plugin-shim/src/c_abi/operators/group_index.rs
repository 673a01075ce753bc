//! group_index: its function, its options, and its query.

use tensorrt_scatter::{GroupIndexOptions, GroupIndexPlan};

use super::{
    super::{
        options::Options,
        query::{Answer, Query},
        status::Failure,
    },
    operator,
};

operator! {
    GroupIndex: trts_group_index(index: index; perm: indices, indptr: indices)
    -> group_index_into with group_index, with_index_types<I: Index>
}

impl Options {
    pub(super) fn group_index(&self) -> GroupIndexOptions {
        let options = GroupIndexOptions::new().bad_index(self.bad_index);
        self.dim_size.map_or(options, |size| options.dim_size(size))
    }
}

impl Query {
    /// The answer is the shape of indptr; perm has the index's.
    ///
    /// # Safety
    /// That of [`answer`](super::answer).
    pub(super) unsafe fn answer_group_index(&mut self) -> Result<Answer, Failure> {
        let (index, index_type) = (self.index(), self.inputs.index().index_type()?);
        if self.index_decides() {
            GroupIndexPlan::new(&index, &self.options.group_index().dim_size(0))?;
            // SAFETY: the caller's promise.
            self.options.dim_size = Some(unsafe { self.group_count()? });
        }
        let plan = GroupIndexPlan::new(&index, &self.options.group_index())?;
        self.found(plan.indptr_shape(), || plan.workspace_bytes(index_type), Some(index.rank() - 1))
    }
}
