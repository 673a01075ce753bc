//! The operators on the CPU with one thread and with all: from which size on several threads pay.
//!
//! A line for each operator and size: elements of src, microseconds with one thread, and with all threads
//! ([`cpu::threads`]). The times are the best of several rounds. docs/CPU.md has the table.
//!
//! ```text
//! cargo bench --bench threads
//! ```

use std::time::{Duration, Instant};

use tensorrt_scatter::{
    CompositeOptions, GatherCooOptions, Reduce, ScatterOptions, SegmentCooOptions, SegmentCsrOptions, Tensor, cpu,
};

/// Columns of a row.
const COLUMNS: usize = 16;

/// Rows that go to one group.
const ROWS_PER_GROUP: usize = 8;

const ROUNDS: usize = 60;

fn best_of_rounds(call: &dyn Fn()) -> f64 {
    let round = |_| {
        let started = Instant::now();
        call();
        started.elapsed()
    };
    (0..ROUNDS).map(round).min().unwrap_or(Duration::ZERO).as_secs_f64() * 1e6
}

fn main() {
    println!("{:<24} {:>10} {:>12} {:>12}", "operator", "elements", "1 thread", cpu::threads());
    for elements in (6..=22).step_by(2).map(|log2| 1usize << log2) {
        let rows = elements / COLUMNS;
        let groups = rows.div_ceil(ROWS_PER_GROUP);
        let tensor = |dims: &[usize], data: Vec<i64>| Tensor::new(dims, data).unwrap();
        let src = Tensor::new(&[rows, COLUMNS], (0..elements).map(|at| (at % 97) as f32 / 8.0).collect()).unwrap();
        let index = tensor(&[rows], (0..rows).map(|row| (row * 7919 % groups) as i64).collect());
        let sorted = tensor(&[rows], (0..rows).map(|row| (row / ROWS_PER_GROUP) as i64).collect());
        let bounds: Vec<i64> = (0..=groups).map(|group| (group * ROWS_PER_GROUP).min(rows) as i64).collect();
        let indptr = tensor(&[groups + 1], bounds);
        let groups_src = Tensor::full(*src.shape(), 1.0f32).unwrap();

        let scatter = |reduce| ScatterOptions::new(reduce).dim(0).dim_size(groups);
        let composite = CompositeOptions::new().dim(0).dim_size(groups);
        let coo = SegmentCooOptions::new(Reduce::Sum).dim_size(groups);
        let calls: [(&str, &dyn Fn()); 7] = [
            ("scatter sum", &|| drop(cpu::scatter(&src, &index, None, &scatter(Reduce::Sum)).unwrap())),
            ("scatter max", &|| drop(cpu::scatter(&src, &index, None, &scatter(Reduce::Max)).unwrap())),
            ("segment_coo sum", &|| drop(cpu::segment_coo(&src, &sorted, None, &coo).unwrap())),
            ("segment_csr sum", &|| {
                drop(cpu::segment_csr(&src, &indptr, &SegmentCsrOptions::new(Reduce::Sum)).unwrap());
            }),
            ("gather_coo", &|| drop(cpu::gather_coo(&groups_src, &index, &GatherCooOptions::new()).unwrap())),
            ("softmax", &|| drop(cpu::softmax(&src, &index, &composite).unwrap())),
            ("std", &|| drop(cpu::std(&src, &index, &composite).unwrap())),
        ];
        for (name, call) in calls {
            cpu::set_threads(1);
            let one = best_of_rounds(call);
            cpu::set_threads(0);
            println!("{name:<24} {elements:>10} {one:>12.1} {:>12.1}", best_of_rounds(call));
        }
    }
}
