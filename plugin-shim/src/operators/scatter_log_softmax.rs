//! `TRTS_ScatterLogSoftmax`: src, index -> out, of src's shape.

use tensorrt_scatter::Composite;

use super::{
    Row,
    attribute::{DIM, DIM_SIZE, DIM_SIZE_INPUT, EPS},
    composite,
};

pub(super) const ROW: Row = Row {
    name: c"TRTS_ScatterLogSoftmax",
    attributes: &[DIM, DIM_SIZE, EPS, DIM_SIZE_INPUT],
    operator: |attributes, generation| composite::over_elements(Composite::LogSoftmax, attributes, generation),
};
