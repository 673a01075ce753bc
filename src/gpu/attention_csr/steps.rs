//! The launches of an attention, each with its kernel. `enqueue_attention_csr` and `preload_attention_csr` both take
//! their kernels from here.

use crate::{
    Error, ScalarType,
    gpu::{
        gather_segment::Step,
        kernel::{FloatType, Kernel, kernel},
        kernels::Kernels,
        launches,
    },
};

/// The kernel of a launch of an attention.
pub(super) fn kernel(step: Step, float: FloatType) -> Kernel {
    match step {
        Step::Cut { is_packs } => kernel!(attention_csr_cut columns_or_packs(is_packs) float(float)),
        Step::Chunks { is_packs } => kernel!(attention_csr_chunks columns_or_packs(is_packs) float(float)),
        Step::Combine => kernel!(attention_csr_combine float(float)),
    }
}

/// Every kernel that an attention may launch, whatever its shapes.
fn kernels(float: FloatType) -> Vec<Kernel> {
    Step::ALL.into_iter().map(|step| kernel(step, float)).chain([Kernel::index_store_offsets_all]).collect()
}

/// Loads every kernel that attention_csr may launch into the current context, whatever its shapes, so that a later
/// [`attention_csr_raw`](super::attention_csr_raw) compiles nothing and can be captured in a CUDA graph. It loads the
/// kernels for both types of indices: they take the type as a parameter. A second call costs next to nothing.
///
/// # Errors
/// [`Error::NotAFloat`]; [`Error::Cuda`] where the driver refuses.
pub fn preload_attention_csr(kernels: &Kernels, scalar: ScalarType) -> Result<(), Error> {
    let float = FloatType::of(scalar).ok_or(Error::NotAFloat { given: scalar })?;
    launches::preload(kernels, |_| self::kernels(float))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        AttentionCsrPlan, IndexType, Shape,
        gpu::{
            attention_csr::enqueue_attention_csr,
            gather_segment::GatherSegmentPointers,
            launches::tests::{DEVICES, Launched, assert_exact},
            pointers::ReductionPointers,
        },
    };

    fn plan(e: usize, k: usize, heads: usize, lead: &[usize], part: &[usize]) -> AttentionCsrPlan {
        let shape = |dims: &[usize], rest: &[usize]| Shape::new(&[dims, rest].concat()).unwrap();
        let (src, index, indptr) = (shape(lead, &[100, k]), shape(part, &[e]), shape(part, &[31]));
        AttentionCsrPlan::new(&src, &index, &indptr, &shape(part, &[e, heads])).unwrap()
    }

    fn launched(plan: &AttentionCsrPlan, scalar: ScalarType, is_aligned: bool) -> BTreeSet<Kernel> {
        let mut queue = Launched::on(DEVICES[0]);
        let reduction = ReductionPointers {
            scalar,
            index_type: IndexType::I32,
            arg_type: IndexType::I32,
            src: if is_aligned { 0 } else { scalar.bytes() as u64 },
            index: 0,
            base: None,
            out: 1024,
            arg_out: None,
            workspace: 0,
            workspace_bytes: usize::MAX,
        };
        let pointers = GatherSegmentPointers { reduction, index: 0, weight: Some(64), weights_are_float32: false };
        // SAFETY: nothing is launched, so no address is used.
        unsafe { enqueue_attention_csr(&mut queue, plan, &pointers).unwrap() };
        queue.steps.into_iter().flatten().collect()
    }

    #[test]
    fn what_is_loaded_ahead_is_what_shapes_launch() {
        for (scalar, float) in ScalarType::ALL.into_iter().filter_map(|scalar| Some((scalar, FloatType::of(scalar)?))) {
            let mut all = BTreeSet::new();
            for e in [0, 1, 300, 5000, 1 << 20] {
                for (k, heads) in [(1, 1), (3, 3), (64, 8), (64, 1), (256, 4)] {
                    for (lead, part) in [(&[][..], &[][..]), (&[2, 2, 2], &[2, 1, 2])] {
                        let plan = plan(e, k, heads, lead, part);
                        all.extend(
                            [true, false].into_iter().flat_map(|is_aligned| launched(&plan, scalar, is_aligned)),
                        );
                    }
                }
            }
            assert_exact(scalar.name(), &kernels(float), &all);
        }
    }
}
