//! `TRTS_SoftmaxCSR`: src, indptr -> out, of src's shape.

use tensorrt_scatter::Composite;

use super::{
    Id, composite_csr,
    declaration::{Declaration, INDPTR_INPUT, OUT, SRC_OF_FLOATS},
};

pub(super) const DECLARATION: Declaration = Declaration {
    id: Id::SoftmaxCsr,
    name: "softmax_csr",
    plugin: c"TRTS_SoftmaxCSR",
    inputs: &[SRC_OF_FLOATS, INDPTR_INPUT],
    outputs: &[OUT],
    attributes: &[],
    reductions: None,
    make: |declaration, attributes, _| composite_csr::make(Composite::Softmax, declaration, attributes),
};
