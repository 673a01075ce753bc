//! `TRTS_LogSumExpCSR`: src, indptr -> out, a row for each segment.

use tensorrt_scatter::Composite;

use super::{
    Id,
    attribute::EPS,
    composite_csr,
    declaration::{Declaration, INDPTR_INPUT, OUT, SRC_OF_FLOATS},
};

pub(super) const DECLARATION: Declaration = Declaration {
    id: Id::LogSumExpCsr,
    name: "logsumexp_csr",
    plugin: c"TRTS_LogSumExpCSR",
    inputs: &[SRC_OF_FLOATS, INDPTR_INPUT],
    outputs: &[OUT],
    attributes: &[EPS],
    reductions: None,
    make: |declaration, attributes, _| composite_csr::make(Composite::LogSumExp, declaration, attributes),
};
