//! `TRTS_ScatterSoftmax`: src, index -> out, of src's shape.

use tensorrt_scatter::Composite;

use super::{
    Row,
    attribute::{DIM, DIM_SIZE},
    composite,
};

pub(super) const ROW: Row = Row {
    name: c"TRTS_ScatterSoftmax",
    attributes: &[DIM, DIM_SIZE],
    operator: |attributes, _| composite::over_elements(Composite::Softmax, attributes),
};
