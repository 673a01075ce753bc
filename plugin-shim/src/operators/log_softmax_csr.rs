//! `TRTS_LogSoftmaxCSR`: src, indptr -> out, of src's shape.

use tensorrt_scatter::Composite;

use super::{
    Id,
    attribute::EPS,
    composite_csr,
    declaration::{Declaration, INDPTR_INPUT, OUT, SRC_OF_FLOATS},
};

pub(super) const DECLARATION: Declaration = Declaration {
    id: Id::LogSoftmaxCsr,
    name: "log_softmax_csr",
    plugin: c"TRTS_LogSoftmaxCSR",
    inputs: &[SRC_OF_FLOATS, INDPTR_INPUT],
    outputs: &[OUT],
    attributes: &[EPS],
    reductions: None,
    make: |declaration, attributes, _| composite_csr::make(Composite::LogSoftmax, declaration, attributes),
};
