//! Plugins of other projects that an operator here serves under their own names, with the attributes, inputs and outputs
//! that their ONNX files have. They have no function in C and no number.

use std::ffi::CStr;

use tensorrt_scatter::ReduceOperator;

use super::{
    Id,
    attribute::REDUCE,
    bev_pool,
    declaration::{Declaration, INDPTR_INPUT, OUT, SRC_OF_ALL},
    segment_csr,
};

/// Every such plugin.
pub(crate) static ALIASES: [Declaration; 3] = [
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
    // BEVDet's bev_pool_v2, version 1: depth [N, D, H, W] and feat [N, H, W, C] in FLOAT, the others in INT32; out
    // [1, out_height, out_width, C]. Its ONNX files have the domain mmdeploy. More is taken here: other ranks, types and
    // orders of intervals. (HuangJunJie2017/BEVDet, mmdet3d/ops/bev_pool_v2)
    bev_pool_as(c"bev_pool_v2"),
    // The same in FLOAT or HALF; in INT8 too, which is not here. (DerryHub/BEVFormer_tensorrt,
    // TensorRT/plugin/bev_pool_v2)
    bev_pool_as(c"BEVPoolV2TRT"),
];

/// Bird's-eye-view pooling under a name. It is gather_scatter, with weights that an index names.
const fn bev_pool_as(plugin: &'static CStr) -> Declaration {
    Declaration {
        id: Id::GatherScatter,
        name: "gather_scatter",
        plugin,
        inputs: bev_pool::INPUTS,
        outputs: &[OUT],
        attributes: bev_pool::ATTRIBUTES,
        reductions: None,
        make: bev_pool::make,
    }
}
