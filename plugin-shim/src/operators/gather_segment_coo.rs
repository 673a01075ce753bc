//! `TRTS_GatherSegmentCOO`: src, index, sorted destination, optional weight -> out, and arg_out for min and max. All
//! but the plan is that of `TRTS_GatherScatter`.

use tensorrt_scatter::ReduceOperator;

use super::{Id, declaration::Declaration, gather_scatter};

pub(super) const DECLARATION: Declaration = Declaration {
    id: Id::GatherSegmentCoo,
    name: "gather_segment_coo",
    plugin: c"TRTS_GatherSegmentCOO",
    reductions: Some(ReduceOperator::GatherSegmentCoo),
    ..gather_scatter::DECLARATION
};
