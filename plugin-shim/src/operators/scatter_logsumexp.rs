//! `TRTS_ScatterLogSumExp`: src, index -> out, a row for each group.

use tensorrt_scatter::Composite;

use super::{
    Id,
    attribute::{DIM, DIM_SIZE, DIM_SIZE_INPUT, EPS},
    composite,
    declaration::{Declaration, INDEX_INPUT, OUT, SRC_OF_FLOATS},
};

pub(super) const DECLARATION: Declaration = Declaration {
    id: Id::LogSumExp,
    name: "logsumexp",
    plugin: c"TRTS_ScatterLogSumExp",
    inputs: &[SRC_OF_FLOATS, INDEX_INPUT],
    outputs: &[OUT],
    attributes: &[DIM, DIM_SIZE, EPS, DIM_SIZE_INPUT],
    reductions: None,
    make: |declaration, attributes, generation| {
        composite::make(Composite::LogSumExp, declaration, attributes, generation)
    },
};
