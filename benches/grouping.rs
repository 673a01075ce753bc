//! `cargo bench --bench grouping`: scatter by atomics and with a grouping of its index, as lines of CSV: reduction, type
//! and method, pattern, rows, columns, milliseconds. The sizes from which scatter groups are chosen by these times.
//!
//! Medians of single runs between two events, the second-level cache filled with other data before each. The values are
//! whole numbers, so that sums are exact: before a size is timed, both methods must give the same.

mod sizes;
mod timer;

use half::f16;
use sizes::{Pattern, Size, mix};
use tensorrt_scatter::{BadIndex, Reduce, Scalar, ScatterOptions, Shape, gpu, gpu::DeviceTensor};
use timer::Timer;

/// Rows, columns and groups of each size.
const SIZES: &[(usize, &[usize], usize)] = &[
    (35_000, &[4, 16, 64, 128, 256], 10_000),
    (160_000, &[4, 16, 32, 64, 128, 256], 10_000),
    (1 << 20, &[1, 3, 4, 16, 32, 33, 64, 127, 256], 1 << 16),
    (1 << 22, &[1, 4, 8, 16, 24, 32, 33, 48, 64, 127, 256], 1 << 18),
    (1 << 22, &[16, 64, 256], 1 << 10),
];

fn measure<T: Scalar>(timer: &mut Timer, size: &Size, of: impl Fn(f32) -> T) {
    timer.sizes = format!("{},{},{}", size.name, size.rows, size.columns);
    let values = (0..size.values() as u64).map(|i| of((mix(i) >> 61) as f32 - 3.0)).collect();
    let src = timer.upload(&[size.rows, size.columns], values);
    let index = timer.upload(&[size.rows], size.index().into_iter().map(i64::from).collect());
    let shape = Shape::new(&[size.groups, size.columns]).unwrap();
    let tensor = |timer: &Timer| DeviceTensor::<T>::zeros(&timer.stream, shape).unwrap();
    let [mut out, mut grouped] = [tensor(timer), tensor(timer)];
    let [mut arg, mut grouped_arg] = [(); 2].map(|()| DeviceTensor::<i64>::zeros(&timer.stream, shape).unwrap());
    for reduce in [Reduce::Sum, Reduce::Max] {
        let options = ScatterOptions::new(reduce).dim(0).dim_size(size.groups).bad_index(BadIndex::Skip);
        let name = |method: &str| format!("{reduce} {} {method}", T::TYPE.name());
        for (method, out, arg) in [("atomics", &mut out, &mut arg), ("grouping", &mut grouped, &mut grouped_arg)] {
            let options = options.grouping(method == "grouping");
            timer.print_median(&name(method), |stream, workspace| {
                let arg = reduce.has_arg().then_some(&mut *arg);
                gpu::scatter_into(stream, &src, &index, None, &options, out, arg, workspace).unwrap();
            });
        }
        let same = |one: &DeviceTensor<T>, other| {
            one.to_host(&timer.stream).unwrap() == DeviceTensor::to_host(other, &timer.stream).unwrap()
        };
        assert!(same(&out, &grouped), "{}", name("out"));
        assert!(
            arg.to_host(&timer.stream).unwrap() == grouped_arg.to_host(&timer.stream).unwrap(),
            "{}",
            name("arg_out")
        );
    }
}

fn main() {
    let Some(mut timer) = Timer::new_or_skip("grouping") else { return };
    for &(rows, columns, groups) in SIZES {
        for &columns in columns {
            let name = if groups <= 1 << 10 { "few" } else { "uniform" };
            let size = Size { name, rows, columns, groups, pattern: Pattern::Uniform };
            measure(&mut timer, &size, |value| value);
            measure(&mut timer, &size, f16::from_f32);
        }
    }
    for columns in [1, 3, 16, 64] {
        let size = Size { name: "skewed", rows: 1 << 22, columns, groups: 1 << 18, pattern: Pattern::Skewed };
        measure(&mut timer, &size, |value| value);
        let size = Size { name: "hot", rows: 1 << 20, columns, groups: 1 << 16, pattern: Pattern::Hot };
        measure(&mut timer, &size, |value| value);
    }
}
