//! Lesson 1: reductions on the CPU. Rows that share an index are reduced to one.
//!
//! `cargo run --example 01_reduce_on_the_cpu`

use tensorrt_scatter::{Error, Reduce, ReduceOperator, ScatterOptions, SegmentCsrOptions, Tensor, cpu};

fn main() -> Result<(), Error> {
    // Four points with two features each. The index names the cell, one of three, in which each point lies.
    let points = Tensor::new(&[4, 2], vec![1.0f32, 10.0, 5.0, 20.0, 2.0, 30.0, 3.0, 40.0])?;
    let cells = Tensor::new(&[4], vec![0, 2, 0, 2])?;

    for reduce in ReduceOperator::Scatter.reductions() {
        // A 1-D index lies along dim; each column is reduced by itself.
        let options = ScatterOptions::new(reduce).dim(0).dim_size(3);
        let reduced = cpu::scatter(&points, &cells, None, &options)?;
        println!("{reduce:4} {:?}", reduced.out.data());
        if let Some(arg_out) = reduced.arg_out {
            println!("     from points {:?} (4 stands for none)", arg_out.data());
        }
    }

    // Rows that are sorted by group need no index: an indptr has the bounds of the groups.
    let sorted = Tensor::new(&[4, 1], vec![1.0f32, 2.0, 5.0, 3.0])?;
    let indptr = Tensor::new(&[4], vec![0, 2, 2, 4])?;
    let sums = cpu::segment_csr(&sorted, &indptr, &SegmentCsrOptions::new(Reduce::Sum))?;
    println!("sums of segments {:?}", sums.out.data());

    // A wrong call is an error that names the values given.
    let beyond = Tensor::new(&[4], vec![0, 2, 7, 2])?;
    let error = cpu::scatter(&points, &beyond, None, &ScatterOptions::new(Reduce::Sum).dim(0).dim_size(3)).unwrap_err();
    println!("{error}");
    Ok(())
}
