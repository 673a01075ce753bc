//! Where the tensors of a reduction lie.

use crate::{Error, IndexType, ScalarType, reduction::Reduction};

/// Where the tensors of a scatter, or of a reduction over segments, lie in device memory, and of what types they are.
#[derive(Clone, Copy, Debug)]
pub struct ReductionPointers {
    /// Type of `src`, `base` and `out`.
    pub scalar: ScalarType,
    /// Type of `index`.
    pub index_type: IndexType,
    /// Type of `arg_out`.
    pub arg_type: IndexType,
    /// Address of `src`.
    pub src: u64,
    /// Address of the index or indptr, of the plan's index shape.
    pub index: u64,
    /// Address of `base`; given where, and only where, the plan has one. It may be `out` itself.
    pub base: Option<u64>,
    /// Address of `out`.
    pub out: u64,
    /// Address of `arg_out`, where it is wanted.
    pub arg_out: Option<u64>,
    /// Address of the workspace, aligned to 8. The plan's `workspace_bytes` tells how many bytes it needs.
    pub workspace: u64,
    /// The number of bytes at `workspace`.
    pub workspace_bytes: usize,
}

/// The types of the tensors of a reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReductionTypes {
    /// Type of `src`, `base` and `out`.
    pub(super) scalar: ScalarType,
    /// Type of the index or indptr.
    pub(super) index: IndexType,
    /// Type of `arg_out`.
    pub(super) arg: IndexType,
}

impl ReductionPointers {
    /// Refuses an `arg_out` that the plan's reduction does not have, and a workspace of fewer bytes than `needed`.
    ///
    /// # Errors
    /// [`Error::NoArgOut`]; [`Error::WorkspaceTooSmall`].
    pub(super) fn check(&self, plan: &impl Reduction, needed: usize) -> Result<(), Error> {
        if self.arg_out.is_some() {
            plan.check_has_arg()?;
        }
        if self.workspace_bytes < needed {
            return Err(Error::WorkspaceTooSmall { given: self.workspace_bytes, needed });
        }
        Ok(())
    }

    pub(super) fn types(&self) -> ReductionTypes {
        ReductionTypes { scalar: self.scalar, index: self.index_type, arg: self.arg_type }
    }
}
