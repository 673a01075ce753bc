//! What scatter, segment_coo, softmax and its like have in common: operators over the groups that an index names.

use tensorrt_scatter::{Error, Shape, gpu::raw::Kernels};

use super::{
    Operator, SRC, Shapes, Signature,
    groups::Size,
    shape::{self, check_countable},
};
use crate::{
    abi::DimSource,
    backend::{ElementTypes, Plan},
    message::Refusal,
};

/// What tells such an operator from the others.
pub(super) trait Kind: Send + Sync + 'static {
    type Plan: Plan + 'static;
    /// Whether out has src's shape, and not a row for each group.
    fn is_over_elements(&self) -> bool;
    /// Checks the shapes and plans the work for a number of groups.
    fn plan(&self, src: &Shape, index: &Shape, base: Option<&Shape>, groups: usize) -> Result<Self::Plan, Error>;
    /// Loads every kernel that the operator may launch for these types.
    fn load_kernels(&self, kernels: &Kernels, types: &ElementTypes) -> Result<(), Error>;
}

/// The axis of src that becomes groups.
#[derive(Clone, Copy)]
pub(super) enum Axis {
    /// The one that attribute `dim` names.
    Dim(i32),
    /// The last one of the index.
    LastOfIndex,
}

pub(super) struct Grouped<K> {
    pub(super) signature: Signature,
    pub(super) axis: Axis,
    pub(super) groups: Size,
    pub(super) kind: K,
}

impl<K: Kind> Grouped<K> {
    fn axis(&self, shapes: &Shapes) -> Result<usize, Refusal> {
        match self.axis {
            Axis::Dim(dim) => Ok(shapes.src().axis(dim as isize)?),
            Axis::LastOfIndex => Ok(shapes.index().rank().saturating_sub(1)),
        }
    }

    fn group_count(&self, shapes: &Shapes) -> Result<Option<usize>, Refusal> {
        if self.signature.tells_groups() {
            return Ok(shapes.groups);
        }
        self.groups.known(shapes, "dim_size", self.axis(shapes)?)
    }
}

impl<K: Kind> Operator for Grouped<K> {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn out_sizes(&self, _output: usize, inputs: &[&[i64]]) -> Result<Vec<DimSource>, Refusal> {
        let axis = match self.axis {
            Axis::Dim(dim) => {
                let axis = shape::axis_of_dim(dim, inputs[SRC])?;
                shape::check_index_rank(inputs, "index")?;
                axis
            }
            Axis::LastOfIndex => shape::axis_of_index(inputs, "index")?,
        };
        let groups = self.groups.source(&self.signature, inputs, "dim_size", axis)?;
        let size = if self.kind.is_over_elements() { shape::copied(SRC, axis) } else { groups };
        Ok(shape::src_sizes_with(inputs[SRC], axis, size))
    }

    fn plan(&self, shapes: &Shapes) -> Result<Option<Box<dyn Plan>>, Refusal> {
        let groups = self.group_count(shapes)?;
        let plan = self.kind.plan(shapes.src(), shapes.index(), shapes.base(), groups.unwrap_or(0))?;
        shape::check_positions(self.signature.positions(), "src", shapes.src().dims()[self.axis(shapes)?])?;
        Ok(groups.map(|_| Box::new(plan) as Box<dyn Plan>))
    }

    fn workspace_bytes(&self, shapes: &Shapes, types: &ElementTypes) -> Result<usize, Refusal> {
        let groups = self.group_count(shapes)?.ok_or_else(Refusal::unknown_workspace)?;
        let src = shapes.src();
        // An index that repeats over no axis needs the most.
        let index = match self.axis {
            Axis::Dim(_) => *src,
            Axis::LastOfIndex => shape::leading(src, shapes.index().rank())?,
        };
        check_countable([*src, src.with_axis(self.axis(shapes)?, groups)?])?;
        Ok(self.kind.plan(src, &index, None, groups)?.workspace_bytes(types))
    }

    fn load_kernels(&self, kernels: &Kernels, types: &ElementTypes) -> Result<(), Refusal> {
        Ok(self.kind.load_kernels(kernels, types)?)
    }
}
