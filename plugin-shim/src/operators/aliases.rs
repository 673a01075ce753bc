//! Plugins of other projects that an operator here serves under their own names, with the attributes, inputs and outputs
//! that their ONNX files have. They have no function in C and no number.

use tensorrt_scatter::ReduceOperator;

use super::{
    Id,
    attribute::REDUCE,
    declaration::{Declaration, INDPTR_INPUT, OUT, SRC_OF_ALL},
    segment_csr,
};

/// Every such plugin.
pub(crate) static ALIASES: [Declaration; 1] = [
    // Autoware's SegmentCSR, version 1: src [N, C], indptr in INT64, values only. More is taken here: other ranks and
    // types. (autowarefoundation/autoware_universe, perception/autoware_tensorrt_plugins)
    Declaration {
        id: Id::SegmentCsr,
        name: "segment_csr",
        plugin: c"SegmentCSR",
        inputs: &[SRC_OF_ALL, INDPTR_INPUT],
        outputs: &[OUT],
        attributes: &[REDUCE],
        reductions: Some(ReduceOperator::SegmentCsr),
        make: segment_csr::make,
    },
];
