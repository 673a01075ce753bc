//! `TRTS_ScatterLogSumExp`: src, index -> out, a row for each group.

use tensorrt_scatter::Composite;

use super::{
    Row,
    attribute::{DIM, DIM_SIZE, DIM_SIZE_INPUT, EPS},
    composite,
};

pub(super) const ROW: Row = Row {
    name: c"TRTS_ScatterLogSumExp",
    attributes: &[DIM, DIM_SIZE, EPS, DIM_SIZE_INPUT],
    operator: |attributes, generation| composite::over_groups(Composite::LogSumExp, attributes, generation),
};
