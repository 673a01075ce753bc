//! `TRTS_ScatterStd`: src, index -> out, a row for each group.

use tensorrt_scatter::Composite;

use super::{
    Id,
    attribute::{DIM, DIM_SIZE, DIM_SIZE_INPUT, UNBIASED},
    composite,
    declaration::{Declaration, INDEX_INPUT, OUT, SRC_OF_FLOATS},
};

pub(super) const DECLARATION: Declaration = Declaration {
    id: Id::Std,
    name: "std",
    plugin: c"TRTS_ScatterStd",
    inputs: &[SRC_OF_FLOATS, INDEX_INPUT],
    outputs: &[OUT],
    attributes: &[DIM, DIM_SIZE, UNBIASED, DIM_SIZE_INPUT],
    reductions: None,
    make: |declaration, attributes, generation| composite::make(Composite::Std, declaration, attributes, generation),
};
