//! `TRTS_ScatterStd`: src, index -> out, a row for each group.

use tensorrt_scatter::Composite;

use super::{
    Row,
    attribute::{DIM, DIM_SIZE, DIM_SIZE_INPUT, UNBIASED},
    composite,
};

pub(super) const ROW: Row = Row {
    name: c"TRTS_ScatterStd",
    attributes: &[DIM, DIM_SIZE, UNBIASED, DIM_SIZE_INPUT],
    operator: |attributes, generation| composite::over_groups(Composite::Std, attributes, generation),
};
