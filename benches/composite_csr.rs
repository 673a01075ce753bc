//! `cargo bench --bench composite_csr`: softmax, log_softmax, logsumexp and std over segments on a GPU, and the same
//! composites by the index that indptr stands for, as lines of CSV: operator, groups, rows, columns, milliseconds.
//!
//! Medians of single runs between two events, the second-level cache filled with other data before each. The result of
//! the last run is compared with that of the CPU backend.

mod sizes;
mod timer;

use sizes::{Pattern, Size};
use tensorrt_scatter::{
    BadIndex, Composite, CompositeCsrOptions, CompositeOptions, Error, Tensor, TensorView, cpu,
    gpu::{self, DeviceTensor, Stream, Workspace},
};
use timer::Timer;

const fn size(name: &'static str, rows: usize, columns: usize, groups: usize, pattern: Pattern) -> Size {
    Size { name, rows, columns, groups, pattern }
}

const ROWS: usize = 1 << 22;
const GROUPS: usize = 1 << 18;
const COLUMNS: [usize; 5] = [1, 3, 8, 16, 64];

/// Sizes with each number of columns, and whether one segment has most of the rows.
const SIZES: [(Size, bool); 5] = [
    (size("uniform", ROWS, 1, GROUPS, Pattern::Uniform), false),
    (size("skewed", ROWS, 1, GROUPS, Pattern::Skewed), false),
    (size("giant", ROWS, 1, GROUPS, Pattern::Uniform), true),
    (size("few", ROWS, 1, 1 << 10, Pattern::Uniform), false),
    (size("sweep", 35_000, 1, 10_000, Pattern::Uniform), false),
];

/// The bounds of the segments. With `is_giant`, the segment in the middle has nine tenths of the rows.
fn indptr(size: &Size, is_giant: bool) -> Vec<i32> {
    let mut indptr = size.indptr();
    if is_giant {
        let (rows, groups) = (size.rows as i64, size.groups);
        for (group, bound) in indptr.iter_mut().enumerate() {
            let bound_of_rest = i64::from(*bound) / 10;
            *bound = (if group > groups / 2 { bound_of_rest + rows - rows / 10 } else { bound_of_rest }) as i32;
        }
        indptr[groups] = size.rows as i32;
    }
    indptr
}

/// In float64, because the CPU adds the elements of a group one by one, up to millions of them.
fn on_cpu(
    composite: Composite,
    src: TensorView<'_, f64>,
    indptr: TensorView<'_, i32>,
    options: &CompositeCsrOptions,
) -> Result<Tensor<f64>, Error> {
    match composite {
        Composite::Softmax => cpu::softmax_csr(src, indptr, options),
        Composite::LogSoftmax => cpu::log_softmax_csr(src, indptr, options),
        Composite::LogSumExp => cpu::logsumexp_csr(src, indptr, options),
        Composite::Std => cpu::std_csr(src, indptr, options),
    }
}

fn by_indptr(
    composite: Composite,
    stream: &Stream,
    (src, indptr): (&DeviceTensor<f32>, &DeviceTensor<i32>),
    options: &CompositeCsrOptions,
    out: &mut DeviceTensor<f32>,
    workspace: &mut Workspace,
) {
    match composite {
        Composite::Softmax => gpu::softmax_csr_into(stream, src, indptr, options, out, workspace),
        Composite::LogSoftmax => gpu::log_softmax_csr_into(stream, src, indptr, options, out, workspace),
        Composite::LogSumExp => gpu::logsumexp_csr_into(stream, src, indptr, options, out, workspace),
        Composite::Std => gpu::std_csr_into(stream, src, indptr, options, out, workspace),
    }
    .unwrap();
}

fn by_index(
    composite: Composite,
    stream: &Stream,
    (src, index): (&DeviceTensor<f32>, &DeviceTensor<i32>),
    options: &CompositeOptions,
    out: &mut DeviceTensor<f32>,
    workspace: &mut Workspace,
) {
    match composite {
        Composite::Softmax => gpu::softmax_into(stream, src, index, options, out, workspace),
        Composite::LogSoftmax => gpu::log_softmax_into(stream, src, index, options, out, workspace),
        Composite::LogSumExp => gpu::logsumexp_into(stream, src, index, options, out, workspace),
        Composite::Std => gpu::std_into(stream, src, index, options, out, workspace),
    }
    .unwrap();
}

fn assert_near(composite: Composite, given: &Tensor<f32>, expected: &Tensor<f64>) {
    // The values of a softmax over a large segment are small.
    let least = if composite == Composite::Softmax { 0.0 } else { 1e-5 };
    for (at, (&given, expected)) in given.data().iter().zip(expected.data()).enumerate() {
        let is_near = (f64::from(given) - expected).abs() <= 1e-4 * expected.abs() + least;
        assert!(is_near, "{}[{at}] is {given}, expected {expected}", composite.name());
    }
}

fn main() {
    let Some(mut timer) = Timer::new_or_skip("composite_csr") else { return };
    let csr_options = CompositeCsrOptions::new().bad_index(BadIndex::Skip);
    for (size, is_giant) in &SIZES {
        let indptr = indptr(size, *is_giant);
        let segment = |group: usize| vec![group as i32; (indptr[group + 1] - indptr[group]) as usize];
        let index: Vec<i32> = (0..size.groups).flat_map(segment).collect();
        for columns in COLUMNS {
            timer.sizes = format!("{},{},{columns}", size.name, size.rows);
            let wanted = |composite: &Composite| timer.is_wanted(composite.name());
            if !Composite::ALL.iter().any(wanted) {
                continue;
            }
            let values = sizes::floats(size.rows * columns);
            let wide: Vec<f64> = values.iter().map(|&value| value.into()).collect();
            let on_device = timer.upload(&[size.rows, columns], values);
            let (bounds, groups) =
                (timer.upload(&[indptr.len()], indptr.clone()), timer.upload(&[size.rows], index.clone()));
            let options = CompositeOptions::new().dim(0).dim_size(size.groups).bad_index(BadIndex::Skip);
            for composite in Composite::ALL {
                if !timer.is_wanted(composite.name()) {
                    continue;
                }
                let src = TensorView::new(&[size.rows, columns], &wide).unwrap();
                let bounds_on_host = TensorView::new(&[indptr.len()], &indptr).unwrap();
                let expected = on_cpu(composite, src, bounds_on_host, &csr_options).unwrap();
                let mut out = DeviceTensor::zeros(&timer.stream, *expected.shape()).unwrap();
                timer.print_median(&format!("{}_csr", composite.name()), |stream, workspace| {
                    by_indptr(composite, stream, (&on_device, &bounds), &csr_options, &mut out, workspace);
                });
                assert_near(composite, &out.to_host(&timer.stream).unwrap(), &expected);
                timer.print_median(composite.name(), |stream, workspace| {
                    by_index(composite, stream, (&on_device, &groups), &options, &mut out, workspace);
                });
            }
        }
    }
}
