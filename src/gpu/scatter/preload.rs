//! The kernels of a scatter, loaded ahead.

use super::{Collector, Kernels, ReductionPointers, enqueue_scatter};
use crate::{Error, IndexType, ScalarType, ScatterOptions, ScatterPlan, Shape};

/// Loads the kernels of a scatter into the current context, whatever its shapes will be, so that a later
/// [`scatter_raw`](super::scatter_raw) can be captured in a CUDA graph. Of the options, the reduction and
/// whether it is deterministic matter.
///
/// # Errors
/// [`Error::Cuda`] where the driver refuses.
pub fn preload_scatter(
    kernels: &Kernels,
    options: &ScatterOptions,
    scalar: ScalarType,
    index_type: IndexType,
    arg_type: IndexType,
) -> Result<(), Error> {
    // A plan for each algorithm: an index over all of src, one in several runs, and one along src with one column, with
    // three, with four and with twelve, into many groups and into few.
    let plans: [(&[usize], &[usize]); 8] = [
        (&[1, 2, 4], &[1, 2, 4]),
        (&[1, 2, 2, 2, 2], &[1, 2, 1, 2, 1]),
        (&[1, 2], &[2]),
        (&[1, 2, 3], &[2]),
        (&[1, 2, 4], &[2]),
        (&[1, 2, 12], &[2]),
        (&[1, 4096], &[4096]),
        (&[1, 4096, 4], &[4096]),
    ];
    Collector::load(kernels, |collector| {
        for (src, index) in plans {
            let src = Shape::new(src)?;
            let options = options.dim(1).dim_size(2);
            // With a base that is not `out`, so that the kernel that starts from it is loaded as well.
            let plan = ScatterPlan::new(&src, &Shape::new(index)?, Some(&src.with_axis(1, 2)?), &options)?;
            let pointers = ReductionPointers {
                scalar,
                index_type,
                arg_type,
                src: 0,
                index: 0,
                base: Some(u64::MAX),
                // Not 0, which stands for a part that is not there.
                out: 64,
                arg_out: None,
                workspace: 128,
                workspace_bytes: usize::MAX,
            };
            // SAFETY: nothing is launched, so no address is used.
            unsafe { enqueue_scatter(collector, &plan, &pointers)? };
        }
        Ok(())
    })
}
