//! Softmax, log_softmax, logsumexp and std over segments: generated cases, and the kernels on the emulated grid. The
//! naive twin is that of the composites, with the index written out.

use proptest::prelude::*;
use tensorrt_scatter::{
    Composite, CompositeCsrOptions, CompositeCsrPlan, Error, IndexType, Reduce, Shape,
    gpu::raw::{CompositeCsrPointers, enqueue_composite_csr},
};

use super::{
    Element,
    cases::Indices,
    composite::{Constants, Expected, FloatElement, naive},
    emulator::{Aligned, Emulator, Integers},
    segments::{Lengths, SegmentCase, large, segment_cases, written_out},
};

/// Values whose sums are rounded, instead of the small integers of reductions.
fn with_fractions<T: Element>(case: SegmentCase<T>) -> SegmentCase<T> {
    let src = (0..case.src.len()).map(|i| T::of(((i * 37 + i / 7) % 101) as f64 / 16.0 - 3.0)).collect();
    SegmentCase { src, ..case }
}

/// Cases of rank 1 to 4.
pub fn composite_csr_cases<T: Element>(
    max_axis: usize,
    max_length: usize,
    indices: Indices,
) -> impl Strategy<Value = SegmentCase<T>> {
    let cases = segment_cases::<T>(max_axis, max_length, indices).prop_filter("by indptr", |case| case.is_csr);
    (cases, any::<bool>()).prop_map(|(case, has_ties)| if has_ties { case } else { with_fractions(case) })
}

/// A case with `b` rows of `length` elements of `k` columns.
pub fn large_case<T: Element>(sizes: (usize, usize, usize, usize), lengths: Lengths) -> SegmentCase<T> {
    with_fractions(large(sizes, lengths, Reduce::Sum, true))
}

/// Every two of some special values as a segment, and an empty one.
pub fn special_values<T: FloatElement>(columns: usize) -> SegmentCase<T> {
    let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1.0, T::largest(), -T::largest()];
    let n = values.len().pow(2);
    let pair = |i: usize| [values[i / 8], values[i % 8]];
    let src = (0..n).flat_map(pair).flat_map(|value| vec![T::of(value); columns]).collect();
    let indptr = (0..=n).map(|n| 2 * n as i64).chain([2 * n as i64]).collect();
    SegmentCase::csr(columns, src, indptr, Reduce::Sum)
}

/// The results by their definition, in float64.
pub fn expected<T: FloatElement>(composite: Composite, case: &SegmentCase<T>, constants: &Constants) -> Expected {
    naive(composite, &written_out(case), constants)
}

/// Whether no entry of indptr lies below the one before it.
fn rises<T>(case: &SegmentCase<T>) -> bool {
    case.index.chunks(case.segments + 1).all(|row| row.is_sorted())
}

/// How a case is run on the emulated grid.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub index_type: IndexType,
    /// Elements by which the tensors are displaced from an aligned address.
    pub offset: usize,
    pub seed: u64,
    pub max_blocks: u32,
}

impl Run {
    /// A run with every choice taken from the seed.
    pub fn of(seed: u64, max_blocks: u32) -> Self {
        let index_type = if seed.is_multiple_of(2) { IndexType::I32 } else { IndexType::I64 };
        Self { index_type, offset: (seed / 2 % 2) as usize, seed, max_blocks }
    }
}

/// Runs a case through the GPU backend's own steps, on the emulated grid. Outputs and workspace start as garbage.
pub fn emulate<T: FloatElement>(
    composite: Composite,
    case: &SegmentCase<T>,
    options: &CompositeCsrOptions,
    run: Run,
) -> Result<Vec<T>, Error> {
    let shape = |dims: &[usize]| Shape::new(dims).unwrap();
    let plan = CompositeCsrPlan::new(composite, &shape(&case.src_dims), &shape(&case.index_dims), options)?;
    let bytes = plan.workspace_bytes(T::TYPE);
    let mut src = Aligned::new(&case.src, run.offset);
    let mut out = Aligned::new(&vec![T::of(77.0); plan.out_shape().element_count()], run.offset);
    let mut workspace = vec![0x5555_5555_5555_5555u64; bytes.div_ceil(size_of::<u64>())];
    let indptr = Integers::new(&case.index, run.index_type);
    let mut emulator = Emulator::new(run.seed, run.max_blocks);
    let pointers = CompositeCsrPointers {
        scalar: T::TYPE,
        index_type: run.index_type,
        src: emulator.readable(src.data()),
        indptr: indptr.readable(&mut emulator),
        out: emulator.unwritten(out.data()),
        // If indptr decreases, a record may be read that no kernel has written.
        workspace: if rises(case) { emulator.unwritten(&mut workspace) } else { emulator.writable(&mut workspace) },
        workspace_bytes: bytes,
    };
    // SAFETY: the addresses are of the vectors above, which have the plan's sizes and outlive the call.
    unsafe { enqueue_composite_csr(&mut emulator, &plan, &pointers)? };
    Ok(out.data().to_vec())
}
