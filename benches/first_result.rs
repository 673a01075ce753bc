//! `cargo bench --bench first_result`: how long a process waits for the first result of an operator on the GPU, each
//! operator in a process of its own. Run it with CUDA_CACHE_DISABLE=1, so that the driver compiles the kernels anew.
//!
//! The time of the context is the driver's. The time of this library is that of the first call, from tensors in device
//! memory to a result in host memory. It includes the compilation of the kernels, also of those that check the index.

use std::{env, process::Command, time::Instant};

use tensorrt_scatter::{
    CompositeOptions, Error, GatherCooOptions, GatherCsrOptions, Reduce, ScatterOptions, SegmentCooOptions,
    SegmentCsrOptions, Shape, Tensor,
    gpu::{self, DeviceTensor, Gpu, Stream},
};

/// A call: its name and what does it, with a result in device memory.
type Operator = (&'static str, fn(&Inputs) -> Result<DeviceTensor<f32>, Error>);

/// Every operator, with the reductions whose kernels differ.
const OPERATORS: &[Operator] = &[
    ("scatter sum", |i| scatter(i, ScatterOptions::new(Reduce::Sum))),
    ("scatter sum, deterministic", |i| scatter(i, ScatterOptions::new(Reduce::Sum).deterministic(true))),
    ("scatter mul", |i| scatter(i, ScatterOptions::new(Reduce::Mul))),
    ("scatter mean", |i| scatter(i, ScatterOptions::new(Reduce::Mean))),
    ("scatter max", |i| scatter(i, ScatterOptions::new(Reduce::Max))),
    ("segment_coo sum", |i| segment_coo(i, Reduce::Sum)),
    ("segment_coo max", |i| segment_coo(i, Reduce::Max)),
    ("segment_csr sum", |i| segment_csr(i, Reduce::Sum)),
    ("segment_csr max", |i| segment_csr(i, Reduce::Max)),
    ("gather_coo", |i| gpu::gather_coo(&i.stream, &i.src, &i.index, &GatherCooOptions::new())),
    ("gather_csr", |i| gpu::gather_csr(&i.stream, &i.group_rows, &i.indptr, &GatherCsrOptions::new().size(i.rows))),
    ("softmax", |i| gpu::softmax(&i.stream, &i.src, &i.index, &composite(i))),
    ("log_softmax", |i| gpu::log_softmax(&i.stream, &i.src, &i.index, &composite(i))),
    ("logsumexp", |i| gpu::logsumexp(&i.stream, &i.src, &i.index, &composite(i))),
    ("std", |i| gpu::std(&i.stream, &i.src, &i.index, &composite(i))),
];

/// Numbers of rows: few, and enough for segments to be cut into chunks.
const ROWS: [usize; 2] = [1000, 1_000_000];
const COLUMNS: usize = 4;
const ROWS_PER_GROUP: usize = 10;

/// `src` and a sorted index in device memory.
struct Inputs {
    stream: Stream,
    rows: usize,
    groups: usize,
    src: DeviceTensor<f32>,
    group_rows: DeviceTensor<f32>,
    index: DeviceTensor<i32>,
    indptr: DeviceTensor<i32>,
}

impl Inputs {
    fn new(gpu: &Gpu, rows: usize) -> Result<Self, Error> {
        let stream = Stream::new(gpu)?;
        let groups = rows / ROWS_PER_GROUP;
        let values = |rows| Tensor::full(Shape::new(&[rows, COLUMNS]).unwrap(), 1.0f32).unwrap();
        let index = (0..rows).map(|row| (row / ROWS_PER_GROUP) as i32).collect();
        let indptr = (0..=groups).map(|group| (group * ROWS_PER_GROUP) as i32).collect();
        Ok(Self {
            rows,
            groups,
            src: DeviceTensor::from_host(&stream, &values(rows))?,
            group_rows: DeviceTensor::from_host(&stream, &values(groups))?,
            index: DeviceTensor::from_host(&stream, &Tensor::new(&[rows], index)?)?,
            indptr: DeviceTensor::from_host(&stream, &Tensor::new(&[groups + 1], indptr)?)?,
            stream,
        })
    }
}

fn scatter(inputs: &Inputs, options: ScatterOptions) -> Result<DeviceTensor<f32>, Error> {
    let options = options.dim(0).dim_size(inputs.groups);
    Ok(gpu::scatter(&inputs.stream, &inputs.src, &inputs.index, None, &options)?.out)
}

fn segment_coo(inputs: &Inputs, reduce: Reduce) -> Result<DeviceTensor<f32>, Error> {
    let options = SegmentCooOptions::new(reduce).dim_size(inputs.groups);
    Ok(gpu::segment_coo(&inputs.stream, &inputs.src, &inputs.index, None, &options)?.out)
}

fn segment_csr(inputs: &Inputs, reduce: Reduce) -> Result<DeviceTensor<f32>, Error> {
    Ok(gpu::segment_csr(&inputs.stream, &inputs.src, &inputs.indptr, &SegmentCsrOptions::new(reduce))?.out)
}

fn composite(inputs: &Inputs) -> CompositeOptions {
    CompositeOptions::new().dim(0).dim_size(inputs.groups)
}

/// Calls an operator twice and prints the times in milliseconds: of the context, and of the two calls.
fn measure(name: &str, rows: usize) -> Result<(), Error> {
    let (_, call) = OPERATORS.iter().find(|(of, _)| *of == name).expect("the name of an operator");
    let start = Instant::now();
    let inputs = Inputs::new(&Gpu::new(0)?, rows)?;
    inputs.stream.synchronize()?;
    let mut times = vec![start.elapsed()];
    for _ in 0..2 {
        let start = Instant::now();
        let out = call(&inputs)?.to_host(&inputs.stream)?;
        times.push(start.elapsed());
        assert!(out.data().iter().all(|value| value.is_finite()));
    }
    println!("{}", times.iter().map(|time| format!("{:9.1}", time.as_secs_f64() * 1e3)).collect::<String>());
    Ok(())
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [marker, name, rows] = &arguments[..]
        && marker == "measure"
    {
        measure(name, rows.parse().expect("a number of rows")).unwrap();
        return;
    }
    if let Err(error) = Gpu::new(0) {
        println!("SKIPPED: first_result: {error}");
        return;
    }
    println!("{:28}{:>9}{:>9}{:>9}{:>9}  in ms", "", "rows", "context", "first", "second");
    for rows in ROWS {
        for (name, _) in OPERATORS {
            let program = env::current_exe().expect("the path of this program");
            let output = Command::new(program).args(["measure", name, &rows.to_string()]).output().expect("a process");
            assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
            println!("{name:28}{rows:>9}{}", String::from_utf8_lossy(&output.stdout).trim_end());
        }
    }
}
