//! `TRTS_StdCSR`: src, indptr -> out, a row for each segment.

use tensorrt_scatter::Composite;

use super::{
    Id,
    attribute::UNBIASED,
    composite_csr,
    declaration::{Declaration, INDPTR_INPUT, OUT, SRC_OF_FLOATS},
};

pub(super) const DECLARATION: Declaration = Declaration {
    id: Id::StdCsr,
    name: "std_csr",
    plugin: c"TRTS_StdCSR",
    inputs: &[SRC_OF_FLOATS, INDPTR_INPUT],
    outputs: &[OUT],
    attributes: &[UNBIASED],
    reductions: None,
    make: |declaration, attributes, _| composite_csr::make(Composite::Std, declaration, attributes),
};
