//! gather_segment_coo: its function, its options, and its query.

use tensorrt_scatter::{GatherScatterPlan, GatherSegmentCooOptions};

use super::{
    super::{
        options::Options,
        query::{Answer, Query},
        status::Failure,
    },
    operator,
};

operator! {
    GatherSegmentCoo: trts_gather_segment_coo(
        src: values, index: index, destination: index, weight: weight; out: out, arg_out: positions
    )
    -> gather_segment_coo_into with gather_segment_coo, with_types<T: Scalar, I: Index>
}

impl Options {
    pub(super) fn gather_segment_coo(&self) -> GatherSegmentCooOptions {
        let options = GatherSegmentCooOptions::new(self.reduce).bad_index(self.bad_index);
        self.dim_size.map_or(options, |size| options.dim_size(size))
    }
}

impl Query {
    /// # Safety
    /// That of [`answer`](super::answer).
    pub(super) unsafe fn answer_gather_segment_coo(&mut self) -> Result<Answer, Failure> {
        // SAFETY: the caller's promise.
        unsafe { self.answer_by_destination(Options::gather_segment_coo, GatherScatterPlan::coo) }
    }
}
