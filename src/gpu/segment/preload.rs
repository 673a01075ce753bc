//! The kernels of reductions over segments, loaded ahead.

use super::{super::queue::Collector, Kernels, PACK_BYTES, Queue, ReductionPointers, enqueue_segment};
use crate::{Error, IndexType, Reduce, ScalarType, SegmentCooOptions, SegmentCsrOptions, SegmentPlan, Shape};

/// Loads the kernels of a reduction over segments into the current context, whatever its shapes will be and whether an index
/// or an indptr tells the segments apart, so that a later [`segment_raw`](super::segment_raw) can be captured in a CUDA graph.
///
/// # Errors
/// [`Error::UnsupportedReduce`] for "mul"; [`Error::Cuda`] where the driver refuses.
pub fn preload_segment(
    kernels: &Kernels,
    reduce: Reduce,
    scalar: ScalarType,
    index_type: IndexType,
) -> Result<(), Error> {
    // SAFETY: nothing is launched, so no address is used.
    Collector::load(kernels, |collector| unsafe { steps(collector, reduce, scalar, index_type) })
}

/// Gives a queue the steps of every algorithm.
///
/// # Safety
/// The queue must not launch anything: there is nothing at the addresses.
unsafe fn steps(
    queue: &mut impl Queue,
    reduce: Reduce,
    scalar: ScalarType,
    index_type: IndexType,
) -> Result<(), Error> {
    // A plan for each algorithm: short segments and long ones, of one column, of a few, and of as many as fill a pack, also of
    // more than is streamed; many short ones; and leading axes of the index in several runs. Elements, columns, and the index's
    // leading axes.
    let cases: [(usize, usize, [usize; 3]); 9] = [
        (4, 1, [1, 1, 1]),
        (4, 3, [1, 1, 1]),
        (4, PACK_BYTES, [1, 1, 1]),
        (4096, 1, [1, 1, 1]),
        (4096, 3, [1, 1, 1]),
        (4096, PACK_BYTES, [1, 1, 1]),
        (1 << 30, PACK_BYTES, [1, 1, 1]),
        (4, (1 << 20) + 1, [1, 1, 1]),
        (4096, 1, [2, 1, 2]),
    ];
    for (e, k, [a, b, c]) in cases {
        let src = Shape::new(&[2, 2, 2, e, k])?;
        let plans = [
            SegmentPlan::coo(&src, &Shape::new(&[a, b, c, e])?, None, &SegmentCooOptions::new(reduce).dim_size(2))?,
            SegmentPlan::csr(&src, &Shape::new(&[a, b, c, 3])?, &SegmentCsrOptions::new(reduce))?,
        ];
        let pointers = ReductionPointers {
            scalar,
            index_type,
            arg_type: index_type,
            src: 0,
            index: 0,
            base: None,
            out: 0,
            arg_out: None,
            workspace: 0,
            workspace_bytes: usize::MAX,
        };
        for plan in plans {
            // SAFETY: the caller's promise.
            unsafe { enqueue_segment(queue, &plan, &pointers)? };
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{super::super::Kernel, *};

    /// Writes down which kernels it is asked to launch.
    #[derive(Default)]
    struct Launched(BTreeSet<Kernel>);

    impl Queue for Launched {
        unsafe fn fill_u32(&mut self, _address: u64, _value: u32, _count: usize) -> Result<(), Error> {
            Ok(())
        }

        unsafe fn copy(&mut self, _to: u64, _from: u64, _bytes: usize) -> Result<(), Error> {
            Ok(())
        }

        fn has_vector_atomics(&self) -> bool {
            true
        }

        unsafe fn launch_with_shared<P: Copy>(
            &mut self,
            kernel: Kernel,
            _blocks: u32,
            _shared_bytes: u32,
            _params: &P,
        ) -> Result<(), Error> {
            self.0.insert(kernel);
            Ok(())
        }
    }

    /// The kernels of one plan with tensors at an address.
    fn launched(plan: &SegmentPlan, scalar: ScalarType, index_type: IndexType, address: u64) -> BTreeSet<Kernel> {
        let mut queue = Launched::default();
        let pointers = ReductionPointers {
            scalar,
            index_type,
            arg_type: index_type,
            src: address,
            index: address,
            base: plan.has_base.then_some(address),
            out: address + 1024,
            arg_out: plan.reduce.has_arg().then_some(address),
            workspace: 0,
            workspace_bytes: usize::MAX,
        };
        // SAFETY: the queue launches nothing.
        unsafe { enqueue_segment(&mut queue, plan, &pointers).unwrap() };
        queue.0
    }

    #[test]
    fn no_shape_launches_a_kernel_that_is_not_loaded() {
        for reduce in [Reduce::Sum, Reduce::Mean, Reduce::Min, Reduce::Max] {
            for (scalar, index_type) in [ScalarType::F32, ScalarType::F16, ScalarType::I64]
                .into_iter()
                .flat_map(|scalar| [(scalar, IndexType::I32), (scalar, IndexType::I64)])
            {
                let mut loaded = Launched::default();
                // SAFETY: the queue launches nothing.
                unsafe { steps(&mut loaded, reduce, scalar, index_type).unwrap() };
                for plan in plans(reduce) {
                    for address in [0, scalar.bytes() as u64] {
                        let missing: Vec<_> =
                            launched(&plan, scalar, index_type, address).difference(&loaded.0).copied().collect();
                        assert!(missing.is_empty(), "{plan:?}: {missing:?}");
                    }
                }
            }
        }
    }

    /// Plans over many sizes, with and without a base and repeated axes of the index.
    fn plans(reduce: Reduce) -> Vec<SegmentPlan> {
        const SIZES: [usize; 6] = [1, 2, 31, 300, 5000, 1 << 20];
        let mut plans = Vec::new();
        for e in [0].into_iter().chain(SIZES) {
            for k in [1, 2, 3, 4, 8, 33, 64, 256] {
                for n in SIZES {
                    for leading in [[1, 1], [2, 3], [1, 3]] {
                        let src = Shape::new(&[2, 3, e, k]).unwrap();
                        let base = src.with_axis(2, n).unwrap();
                        let index = |last| Shape::new(&[leading[0], leading[1], last]).unwrap();
                        let coo = SegmentCooOptions::new(reduce);
                        plans.push(SegmentPlan::coo(&src, &index(e), Some(&base), &coo).unwrap());
                        plans.push(SegmentPlan::coo(&src, &index(e), None, &coo.dim_size(n)).unwrap());
                        let csr = SegmentCsrOptions::new(reduce);
                        plans.push(SegmentPlan::csr(&src, &index(n + 1), &csr).unwrap());
                    }
                }
            }
        }
        plans
    }
}
