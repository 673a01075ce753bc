//! Runs the calls of tests/oracle/cases.jsonl on every backend, and compares with the results there. Most of those are
//! torch_scatter's.

mod support;

use std::fmt::Write;

use half::{bf16, f16};
use serde::Deserialize;
use support::{
    Element,
    backends::DeviceWeights,
    composite::{self, FloatElement},
    composite_csr, emulator,
    gather::{self, GatherCase},
    gather_dots::GatherDotCase,
    gather_scatters::GatherScatterCase,
    gather_segments::{GatherSegmentCase, WeightValues, Weights},
    gpu_or_skip,
    groupings::GroupingCase,
    naive::ScatterCase,
    segments::SegmentCase,
};
use tensorrt_scatter::{
    AttentionCsrOptions, Combine, Composite, CompositeCsrOptions, CompositeOptions, Error, GatherCooOptions,
    GatherCsrOptions, GatherDotOptions, GatherScatterOptions, GatherSegmentCooOptions, GatherSegmentCsrOptions,
    GroupIndexOptions, Grouping, Index, IndexType, Reduce, ReduceOperator, Reduced, ScalarType, ScatterOptions,
    SegmentCooOptions, SegmentCsrOptions, Shape, Tensor, cpu,
    gpu::{self, DeviceTensor, Stream},
};

/// A line, as tests/oracle/README.md describes it.
#[derive(Deserialize)]
struct Line {
    name: String,
    op: String,
    reduce: Option<String>,
    dtype: Option<String>,
    index_dtype: String,
    weight_dtype: Option<String>,
    dim: Option<isize>,
    dim_size: Option<usize>,
    unbiased: Option<bool>,
    combine: Option<String>,
    heads: Option<usize>,
    negative_slope: Option<f64>,
    src: Option<Text>,
    index: Option<Text>,
    indptr: Option<Text>,
    destination: Option<Text>,
    other: Option<Text>,
    other_index: Option<Text>,
    /// The weights, or the scores of an attention.
    #[serde(alias = "score")]
    weight: Option<Text>,
    base: Option<Text>,
    out: Option<Text>,
    arg_out: Option<Text>,
    perm: Option<Text>,
    #[serde(default)]
    rtol: f64,
    #[serde(default)]
    atol: f64,
}

/// A tensor, its elements in words.
#[derive(Deserialize)]
struct Text {
    shape: Vec<usize>,
    data: String,
}

impl Text {
    fn read<T>(&self, word: impl Fn(&str) -> T) -> Tensor<T> {
        Tensor::new(&self.shape, self.data.split_whitespace().map(word).collect()).unwrap()
    }

    fn values<T: OracleElement>(&self) -> Tensor<T> {
        self.read(T::parse)
    }

    fn positions(&self) -> Vec<i64> {
        self.read(|word| word.parse().unwrap()).into_data()
    }
}

/// A type of values in the table.
trait OracleElement: Element {
    fn parse(word: &str) -> Self;
    fn to_f64(self) -> f64;
}

macro_rules! oracle_elements {
    ($($type:ident: $parse:expr, $to_f64:expr;)+) => {$(
        impl OracleElement for $type {
            fn parse(word: &str) -> Self {
                let parse: fn(&str) -> Self = $parse;
                parse(word)
            }

            fn to_f64(self) -> f64 {
                let to_f64: fn(Self) -> f64 = $to_f64;
                to_f64(self)
            }
        }
    )+};
}

oracle_elements! {
    f32: |word| word.parse().unwrap(), f64::from;
    f64: |word| word.parse().unwrap(), |value| value;
    f16: |word| f16::from_f32(word.parse().unwrap()), f16::to_f64;
    bf16: |word| bf16::from_f32(word.parse().unwrap()), bf16::to_f64;
    i32: |word| word.parse().unwrap(), f64::from;
    i64: |word| word.parse().unwrap(), |value| value as f64;
}

/// The result of a backend for a line: values, and positions if there are any.
type Given<T> = Result<(Vec<T>, Option<Vec<i64>>), Error>;

/// Where a line is run.
trait Backend {
    fn reductions<T: OracleElement, I: Index>(&self, line: &Line) -> Given<T>;
    fn composites<T: OracleElement + FloatElement, I: Index>(&self, line: &Line, composite: Composite) -> Given<T>;
    fn composites_csr<T: OracleElement + FloatElement, I: Index>(&self, line: &Line, composite: Composite) -> Given<T>;
    fn attentions<T: OracleElement + FloatElement, I: Index>(&self, line: &Line) -> Given<T>;
    fn pairs<T: OracleElement + FloatElement, I: Index>(&self, line: &Line) -> Given<T>;
    fn groupings<I: Index>(&self, line: &Line) -> Result<Grouping<Vec<i64>>, Error>;
}

impl Line {
    fn reduce(&self) -> Reduce {
        self.reduce.as_ref().expect("a reduction has a name").parse().unwrap()
    }

    /// The formula of a composite, and whether an indptr tells its groups; None for other operators.
    fn composite(&self) -> Option<(Composite, bool)> {
        let (name, is_csr) = self.op.strip_suffix("_csr").map_or((self.op.as_str(), false), |name| (name, true));
        Composite::ALL.into_iter().find(|composite| composite.name() == name).map(|composite| (composite, is_csr))
    }

    fn scatter_options(&self) -> ScatterOptions {
        let options = ScatterOptions::new(self.reduce()).dim(self.dim.expect("scatter has a dim"));
        self.dim_size.map_or(options, |size| options.dim_size(size))
    }

    fn coo_options(&self) -> SegmentCooOptions {
        let options = SegmentCooOptions::new(self.reduce());
        self.dim_size.map_or(options, |size| options.dim_size(size))
    }

    fn composite_options(&self) -> CompositeOptions {
        let options = CompositeOptions::new().dim(self.dim.expect("a composite has a dim"));
        let options = self.unbiased.map_or(options, |unbiased| options.unbiased(unbiased));
        self.dim_size.map_or(options, |size| options.dim_size(size))
    }

    fn composite_csr_options(&self) -> CompositeCsrOptions {
        let options = CompositeCsrOptions::new();
        self.unbiased.map_or(options, |unbiased| options.unbiased(unbiased))
    }

    fn src<T: OracleElement>(&self) -> Tensor<T> {
        self.src.as_ref().expect("a line with values has src").values()
    }

    fn out(&self) -> &Text {
        self.out.as_ref().expect("a line with values has out")
    }

    fn index_or_indptr(&self) -> &Text {
        self.index.as_ref().or(self.indptr.as_ref()).expect("a line has an index or an indptr")
    }

    fn index<I: Index>(&self) -> Tensor<I> {
        self.index_or_indptr().read(|word| I::from_position(word.parse().unwrap()).unwrap())
    }

    /// The indptr beside an index.
    fn indptr<I: Index>(&self) -> Tensor<I> {
        let indptr = self.indptr.as_ref().expect("a line has an indptr beside the index");
        indptr.read(|word| I::from_position(word.parse().unwrap()).unwrap())
    }

    /// The destinations beside an index.
    fn destination<I: Index>(&self) -> Tensor<I> {
        let destination = self.destination.as_ref().expect("a line has destinations beside the index");
        destination.read(|word| I::from_position(word.parse().unwrap()).unwrap())
    }

    /// The other values of pairs.
    fn other<T: OracleElement>(&self) -> Tensor<T> {
        self.other.as_ref().expect("pairs have other values").values()
    }

    fn other_index<I: Index>(&self) -> Tensor<I> {
        let index = self.other_index.as_ref().expect("pairs have another index");
        index.read(|word| I::from_position(word.parse().unwrap()).unwrap())
    }

    fn weights<T: OracleElement>(&self) -> Option<Weights<T>> {
        let weight = self.weight.as_ref()?;
        let values = match self.weight_dtype.as_deref() {
            None => WeightValues::Same(weight.values::<T>().into_data()),
            Some("float32") => WeightValues::Float32(weight.values::<f32>().into_data()),
            Some(other) => panic!("{}: weight_dtype {other}", self.name),
        };
        Some(Weights { dims: weight.shape.clone(), values })
    }

    fn grouping_options(&self) -> GroupIndexOptions {
        let options = GroupIndexOptions::new();
        self.dim_size.map_or(options, |size| options.dim_size(size))
    }

    fn gather_segment_options(&self) -> GatherSegmentCsrOptions {
        GatherSegmentCsrOptions::new(self.reduce())
    }

    fn gather_scatter_options(&self) -> GatherScatterOptions {
        let options = GatherScatterOptions::new(self.reduce());
        self.dim_size.map_or(options, |size| options.dim_size(size))
    }

    fn gather_segment_coo_options(&self) -> GatherSegmentCooOptions {
        let options = GatherSegmentCooOptions::new(self.reduce());
        self.dim_size.map_or(options, |size| options.dim_size(size))
    }

    fn run<T: OracleElement>(&self, backend: &impl Backend) -> Given<T> {
        match self.index_dtype.as_str() {
            "int32" => backend.reductions::<T, i32>(self),
            _ => backend.reductions::<T, i64>(self),
        }
    }

    /// The inputs of gather_segment_csr, or of attention_csr, whose scores are the weights.
    fn gather_segment_case<T: OracleElement>(&self, reduce: Reduce) -> GatherSegmentCase<T> {
        let (src, index, indptr) = (self.src::<T>(), self.index::<i64>(), self.indptr::<i64>());
        GatherSegmentCase {
            src_dims: src.shape().dims().to_vec(),
            src: src.into_data(),
            index_dims: index.shape().dims().to_vec(),
            index: index.into_data(),
            indptr_dims: indptr.shape().dims().to_vec(),
            indptr: indptr.into_data(),
            weights: self.weights(),
            reduce,
        }
    }

    fn scores<T: OracleElement>(&self) -> Weights<T> {
        self.weights().expect("an attention has scores")
    }

    /// The inputs of gather_dot.
    fn gather_dot_case<T: OracleElement>(&self) -> GatherDotCase<T> {
        let (src, index, other, other_index) =
            (self.src::<T>(), self.index::<i64>(), self.other::<T>(), self.other_index::<i64>());
        let dims = |shape: &Shape| shape.dims().to_vec();
        GatherDotCase {
            src_dims: dims(src.shape()),
            src: src.into_data(),
            index_dims: dims(index.shape()),
            index: index.into_data(),
            other_dims: dims(other.shape()),
            other: other.into_data(),
            other_index_dims: dims(other_index.shape()),
            other_index: other_index.into_data(),
            weights: self.weights(),
            combine: self.combine(),
            heads: self.heads.expect("scores have heads"),
            negative_slope: self.negative_slope.unwrap_or(GatherDotOptions::NEGATIVE_SLOPE),
        }
    }

    fn combine(&self) -> Combine {
        self.combine.as_ref().expect("a way to combine has a name").parse().unwrap()
    }

    fn gather_dot_options(&self) -> GatherDotOptions {
        let options = GatherDotOptions::new(self.combine()).heads(self.heads.expect("scores have heads"));
        self.negative_slope.map_or(options, |slope| options.negative_slope(slope))
    }

    fn run_float<T: OracleElement + FloatElement>(&self, backend: &impl Backend) -> Given<T> {
        match (self.composite(), self.index_dtype.as_str()) {
            (None, "int32") if self.op == "attention_csr" => backend.attentions::<T, i32>(self),
            (None, _) if self.op == "attention_csr" => backend.attentions::<T, i64>(self),
            (None, "int32") if self.op == "gather_dot" => backend.pairs::<T, i32>(self),
            (None, _) if self.op == "gather_dot" => backend.pairs::<T, i64>(self),
            (None, _) => self.run(backend),
            (Some((composite, true)), "int32") => backend.composites_csr::<T, i32>(self, composite),
            (Some((composite, true)), _) => backend.composites_csr::<T, i64>(self, composite),
            (Some((composite, false)), "int32") => backend.composites::<T, i32>(self, composite),
            (Some((composite, false)), _) => backend.composites::<T, i64>(self, composite),
        }
    }

    /// How the grouping of a backend differs from the line, if it does.
    fn complaint_of_grouping(&self, backend: &impl Backend) -> Option<String> {
        let given = match self.index_dtype.as_str() {
            "int32" => backend.groupings::<i32>(self),
            _ => backend.groupings::<i64>(self),
        };
        let [perm, indptr] = [&self.perm, &self.indptr].map(|text| text.as_ref().expect("a result").positions());
        match given {
            Ok(given) if given.perm == perm && given.indptr == indptr => None,
            Ok(given) => Some(format!("{given:?}, expected perm {perm:?} and indptr {indptr:?}")),
            Err(error) => Some(format!("refused: {error}")),
        }
    }

    /// How the result of a backend differs from the line, if it does.
    fn complaint<T: OracleElement>(&self, given: Given<T>) -> Option<String> {
        let (out, arg) = match given {
            Ok(given) => given,
            Err(error) => return Some(format!("refused: {error}")),
        };
        let expected = self.out().values::<T>();
        if out.len() != expected.data().len() {
            return Some(format!("{} values, expected {}", out.len(), expected.data().len()));
        }
        for (at, (&given, &expected)) in out.iter().zip(expected.data()).enumerate() {
            let distance = (given.to_f64() - expected.to_f64()).abs();
            let is_near = self.rtol + self.atol > 0.0 && distance <= self.rtol * expected.to_f64().abs() + self.atol;
            let is_equal = self.rtol + self.atol > 0.0 && given.to_f64() == expected.to_f64();
            if !(is_near || is_equal || given.same(expected)) {
                return Some(format!("out[{at}] is {given:?}, expected {expected:?}"));
            }
        }
        let expected = self.arg_out.as_ref().map(Text::positions);
        (arg != expected).then(|| format!("arg_out is {arg:?}, expected {expected:?}"))
    }
}

/// Runs every line on a backend, and fails with all complaints.
fn check_all(backend: &impl Backend) {
    let (mut count, mut wrong, mut report) = (0, 0, String::new());
    // In the test itself, since a GPU machine may have no source tree.
    for line in include_str!("oracle/cases.jsonl").lines() {
        let line: Line = serde_json::from_str(line).unwrap();
        let Some(dtype) = &line.dtype else {
            count += 1;
            if let Some(complaint) = line.complaint_of_grouping(backend) {
                wrong += 1;
                writeln!(report, "{}: {complaint}", line.name).unwrap();
            }
            continue;
        };
        let complaint = match dtype.as_str() {
            "float32" => line.complaint(line.run_float::<f32>(backend)),
            "float16" => line.complaint(line.run_float::<f16>(backend)),
            "bfloat16" => line.complaint(line.run_float::<bf16>(backend)),
            "float64" => line.complaint(line.run_float::<f64>(backend)),
            "int32" => line.complaint(line.run::<i32>(backend)),
            "int64" => line.complaint(line.run::<i64>(backend)),
            other => panic!("{}: dtype {other}", line.name),
        };
        count += 1;
        if let Some(complaint) = complaint {
            wrong += 1;
            writeln!(report, "{}: {complaint}", line.name).unwrap();
        }
    }
    assert!(count > 0, "there are no cases");
    assert!(wrong == 0, "{wrong} of {count} cases:\n{report}");
}

fn widened<T, I: Index>(reduced: Reduced<Tensor<T>, Tensor<I>>) -> (Vec<T>, Option<Vec<i64>>) {
    let arg = reduced.arg_out.map(|arg| arg.into_data().into_iter().map(Index::to_i64).collect());
    (reduced.out.into_data(), arg)
}

struct Cpu;

impl Backend for Cpu {
    fn reductions<T: OracleElement, I: Index>(&self, line: &Line) -> Given<T> {
        let (src, index) = (line.src::<T>(), line.index::<I>());
        let base = line.base.as_ref().map(Text::values::<T>);
        let base = base.as_ref().map(Tensor::view);
        match line.op.as_str() {
            "scatter" => cpu::scatter(&src, &index, base, &line.scatter_options()).map(widened),
            "segment_coo" => cpu::segment_coo(&src, &index, base, &line.coo_options()).map(widened),
            "segment_csr" => cpu::segment_csr(&src, &index, &SegmentCsrOptions::new(line.reduce())).map(widened),
            "gather_segment_csr" => {
                let (indptr, weights) = (line.indptr::<I>(), line.weights::<T>());
                let weight = weights.as_ref().map(Weights::view);
                cpu::gather_segment_csr(&src, &index, &indptr, weight, &line.gather_segment_options()).map(widened)
            }
            "gather_scatter" => {
                let (destination, weights) = (line.destination::<I>(), line.weights::<T>());
                let weight = weights.as_ref().map(Weights::view);
                cpu::gather_scatter(&src, &index, &destination, weight, &line.gather_scatter_options()).map(widened)
            }
            "gather_segment_coo" => {
                let (destination, weights) = (line.destination::<I>(), line.weights::<T>());
                let (weight, options) = (weights.as_ref().map(Weights::view), line.gather_segment_coo_options());
                cpu::gather_segment_coo(&src, &index, &destination, weight, &options).map(widened)
            }
            "gather_coo" => cpu::gather_coo(&src, &index, &GatherCooOptions::new()).map(|out| (out.into_data(), None)),
            _ => cpu::gather_csr(&src, &index, &GatherCsrOptions::new()).map(|out| (out.into_data(), None)),
        }
    }

    fn composites<T: OracleElement + FloatElement, I: Index>(&self, line: &Line, composite: Composite) -> Given<T> {
        let (src, index, options) = (line.src::<T>(), line.index::<I>(), line.composite_options());
        let call = match composite {
            Composite::Softmax => cpu::softmax(&src, &index, &options),
            Composite::LogSoftmax => cpu::log_softmax(&src, &index, &options),
            Composite::LogSumExp => cpu::logsumexp(&src, &index, &options),
            Composite::Std => cpu::std(&src, &index, &options),
        };
        call.map(|out| (out.into_data(), None))
    }

    fn composites_csr<T: OracleElement + FloatElement, I: Index>(&self, line: &Line, composite: Composite) -> Given<T> {
        let (src, indptr, options) = (line.src::<T>(), line.indptr::<I>(), line.composite_csr_options());
        let call = match composite {
            Composite::Softmax => cpu::softmax_csr(&src, &indptr, &options),
            Composite::LogSoftmax => cpu::log_softmax_csr(&src, &indptr, &options),
            Composite::LogSumExp => cpu::logsumexp_csr(&src, &indptr, &options),
            Composite::Std => cpu::std_csr(&src, &indptr, &options),
        };
        call.map(|out| (out.into_data(), None))
    }

    fn attentions<T: OracleElement + FloatElement, I: Index>(&self, line: &Line) -> Given<T> {
        let (src, index, indptr, scores) = (line.src::<T>(), line.index::<I>(), line.indptr::<I>(), line.scores::<T>());
        let call = cpu::attention_csr(&src, &index, &indptr, scores.view(), &AttentionCsrOptions::new());
        call.map(|out| (out.into_data(), None))
    }

    fn pairs<T: OracleElement + FloatElement, I: Index>(&self, line: &Line) -> Given<T> {
        let (src, index, other, other_index) =
            (line.src::<T>(), line.index::<I>(), line.other::<T>(), line.other_index::<I>());
        let weights = line.weights::<T>();
        let weight = weights.as_ref().map(Weights::view);
        let call = cpu::gather_dot(&src, &index, &other, &other_index, weight, &line.gather_dot_options());
        call.map(|out| (out.into_data(), None))
    }

    fn groupings<I: Index>(&self, line: &Line) -> Result<Grouping<Vec<i64>>, Error> {
        cpu::group_index(&line.index::<I>(), &line.grouping_options()).map(wide)
    }
}

fn wide<I: Index>(grouping: Grouping<Tensor<I>>) -> Grouping<Vec<i64>> {
    let [perm, indptr] =
        [grouping.perm, grouping.indptr].map(|tensor| tensor.data().iter().map(|&value| value.to_i64()).collect());
    Grouping { perm, indptr }
}

/// The kernels on the emulated grid; the number of groups is taken from the expected result.
struct Emulated;

/// One order of the threads' turns; the operators' own tests try many.
const SEED: u64 = 11;

impl Backend for Emulated {
    fn reductions<T: OracleElement, I: Index>(&self, line: &Line) -> Given<T> {
        let (src, index) = (line.src::<T>(), line.index::<i64>());
        let base = line.base.as_ref().map(|base| base.values::<T>().into_data());
        let (src_dims, index_dims) = (src.shape().dims().to_vec(), index.shape().dims().to_vec());
        let axis = index_dims.len() - 1;
        let (src, index) = (src.into_data(), index.into_data());
        match line.op.as_str() {
            "scatter" => {
                let dim = line.dim.unwrap().rem_euclid(src_dims.len() as isize) as usize;
                let (dim_size, reduce) = (line.out().shape[dim], line.reduce());
                let case = ScatterCase { src_dims, src, index_dims, index, base, dim, dim_size, reduce };
                emulator::scatter(&case, SEED, u32::MAX).map(|(out, arg)| (out, reduce.has_arg().then_some(arg)))
            }
            "segment_coo" | "segment_csr" => {
                let (segments, reduce, is_csr) = (line.out().shape[axis], line.reduce(), line.op == "segment_csr");
                // In segment_csr, base is only the destination.
                let base = base.filter(|_| !is_csr);
                let case = SegmentCase { src_dims, src, index_dims, index, base, segments, reduce, is_csr };
                emulator::segment(&case, SEED, u32::MAX, 0).map(|(out, arg)| (out, reduce.has_arg().then_some(arg)))
            }
            "gather_segment_csr" => {
                let reduce = line.reduce();
                let given = emulator::gather_segment(&line.gather_segment_case::<T>(reduce), SEED, u32::MAX, 0);
                given.map(|(out, arg)| (out, reduce.has_arg().then_some(arg)))
            }
            "gather_scatter" | "gather_segment_coo" => {
                let (destination, weights, reduce) = (line.destination::<i64>(), line.weights::<T>(), line.reduce());
                let destination_dims = destination.shape().dims().to_vec();
                let (indptr_dims, indptr) = (Vec::new(), Vec::new());
                let rows = GatherSegmentCase { src_dims, src, index_dims, index, indptr_dims, indptr, weights, reduce };
                let (destination, dim_size) = (destination.into_data(), line.out().shape[axis]);
                let case = GatherScatterCase { rows, destination_dims, destination, dim_size };
                let given = if line.op == "gather_scatter" {
                    emulator::gather_scatter(&case, SEED, u32::MAX, 0)
                } else {
                    emulator::gather_segment_coo(&case, SEED, u32::MAX, 0)
                };
                given.map(|(out, arg)| (out, reduce.has_arg().then_some(arg)))
            }
            _ => {
                let case = GatherCase { src_dims, src, index_dims, index, size: line.out().shape[axis] };
                let emulate = if line.op == "gather_coo" { gather::emulate_coo } else { gather::emulate_csr };
                Ok((emulate(&case, 0, SEED, u32::MAX), None))
            }
        }
    }

    fn composites<T: OracleElement + FloatElement, I: Index>(&self, line: &Line, composite: Composite) -> Given<T> {
        let (src, index) = (line.src::<T>(), line.index::<i64>());
        let dim = line.dim.unwrap().rem_euclid(src.shape().rank() as isize) as usize;
        // The results of softmax and log_softmax have src's shape, which says nothing of the groups.
        let largest = index.data().iter().max().map_or(0, |&largest| largest as usize + 1);
        let per_group = matches!(composite, Composite::LogSumExp | Composite::Std);
        let dim_size = if per_group { line.out().shape[dim] } else { line.dim_size.unwrap_or(largest) };
        let case = ScatterCase {
            src_dims: src.shape().dims().to_vec(),
            src: src.into_data(),
            index_dims: index.shape().dims().to_vec(),
            index: index.into_data(),
            base: None,
            dim,
            dim_size,
            reduce: Reduce::Sum,
        };
        let options = line.composite_options().dim_size(dim_size);
        composite::emulate(composite, &case, &options, IndexType::I64, SEED, u32::MAX).map(|out| (out, None))
    }

    fn composites_csr<T: OracleElement + FloatElement, I: Index>(&self, line: &Line, composite: Composite) -> Given<T> {
        let (src, indptr) = (line.src::<T>(), line.indptr::<i64>());
        let index_dims = indptr.shape().dims().to_vec();
        let case = SegmentCase {
            src_dims: src.shape().dims().to_vec(),
            src: src.into_data(),
            segments: index_dims.last().expect("an indptr has an axis").saturating_sub(1),
            index_dims,
            index: indptr.into_data(),
            base: None,
            reduce: Reduce::Sum,
            is_csr: true,
        };
        let run = composite_csr::Run { index_type: I::TYPE, offset: 0, seed: SEED, max_blocks: u32::MAX };
        composite_csr::emulate(composite, &case, &line.composite_csr_options(), run).map(|out| (out, None))
    }

    fn attentions<T: OracleElement + FloatElement, I: Index>(&self, line: &Line) -> Given<T> {
        emulator::attention_csr(&line.gather_segment_case(Reduce::Sum), SEED, u32::MAX, 0).map(|out| (out, None))
    }

    fn pairs<T: OracleElement + FloatElement, I: Index>(&self, line: &Line) -> Given<T> {
        emulator::gather_dot(&line.gather_dot_case(), SEED, u32::MAX, 0).map(|out| (out, None))
    }

    fn groupings<I: Index>(&self, line: &Line) -> Result<Grouping<Vec<i64>>, Error> {
        let (index, entries) = (line.index::<i64>(), line.indptr::<i64>().shape().dims().to_vec());
        let groups = entries.last().expect("an indptr has an axis") - 1;
        let case = GroupingCase { dims: index.shape().dims().to_vec(), index: index.into_data(), groups };
        emulator::grouping(&case, I::TYPE, false, SEED, u32::MAX)
    }
}

struct OnGpu(Stream);

impl OnGpu {
    fn host<T: bytemuck::Pod>(&self, tensor: DeviceTensor<T>) -> Tensor<T> {
        tensor.to_host(&self.0).unwrap()
    }

    fn widened<T: Element, I: Index>(
        &self,
        reduced: Reduced<DeviceTensor<T>, DeviceTensor<I>>,
    ) -> (Vec<T>, Option<Vec<i64>>) {
        widened(Reduced { out: self.host(reduced.out), arg_out: reduced.arg_out.map(|arg| self.host(arg)) })
    }
}

impl Backend for OnGpu {
    fn reductions<T: OracleElement, I: Index>(&self, line: &Line) -> Given<T> {
        let stream = &self.0;
        let src = DeviceTensor::from_host(stream, &line.src::<T>()).unwrap();
        let index = DeviceTensor::from_host(stream, &line.index::<I>()).unwrap();
        let base = line.base.as_ref().map(|base| DeviceTensor::from_host(stream, &base.values::<T>()).unwrap());
        let base = base.as_ref();
        let values = |out: DeviceTensor<T>| (self.host(out).into_data(), None);
        match line.op.as_str() {
            "scatter" => gpu::scatter(stream, &src, &index, base, &line.scatter_options()).map(|r| self.widened(r)),
            "segment_coo" => gpu::segment_coo(stream, &src, &index, base, &line.coo_options()).map(|r| self.widened(r)),
            "segment_csr" => {
                let options = SegmentCsrOptions::new(line.reduce());
                gpu::segment_csr(stream, &src, &index, &options).map(|r| self.widened(r))
            }
            "gather_segment_csr" | "gather_segment_coo" | "gather_scatter" => {
                let weights = line.weights::<T>().map(|weights| DeviceWeights::upload(stream, &weights).unwrap());
                let weight = weights.as_ref().map(DeviceWeights::weight);
                let destination = || DeviceTensor::from_host(stream, &line.destination::<I>()).unwrap();
                let given = match line.op.as_str() {
                    "gather_scatter" => {
                        let options = line.gather_scatter_options();
                        gpu::gather_scatter(stream, &src, &index, &destination(), weight, &options)
                    }
                    "gather_segment_coo" => {
                        let options = line.gather_segment_coo_options();
                        gpu::gather_segment_coo(stream, &src, &index, &destination(), weight, &options)
                    }
                    _ => {
                        let indptr = DeviceTensor::from_host(stream, &line.indptr::<I>()).unwrap();
                        gpu::gather_segment_csr(stream, &src, &index, &indptr, weight, &line.gather_segment_options())
                    }
                };
                given.map(|reduced| self.widened(reduced))
            }
            "gather_coo" => gpu::gather_coo(stream, &src, &index, &GatherCooOptions::new()).map(values),
            _ => gpu::gather_csr(stream, &src, &index, &GatherCsrOptions::new()).map(values),
        }
    }

    fn composites<T: OracleElement + FloatElement, I: Index>(&self, line: &Line, composite: Composite) -> Given<T> {
        let stream = &self.0;
        let src = DeviceTensor::from_host(stream, &line.src::<T>()).unwrap();
        let index = DeviceTensor::from_host(stream, &line.index::<I>()).unwrap();
        let options = line.composite_options();
        let call = match composite {
            Composite::Softmax => gpu::softmax(stream, &src, &index, &options),
            Composite::LogSoftmax => gpu::log_softmax(stream, &src, &index, &options),
            Composite::LogSumExp => gpu::logsumexp(stream, &src, &index, &options),
            Composite::Std => gpu::std(stream, &src, &index, &options),
        };
        call.map(|out| (self.host(out).into_data(), None))
    }

    fn composites_csr<T: OracleElement + FloatElement, I: Index>(&self, line: &Line, composite: Composite) -> Given<T> {
        let stream = &self.0;
        let src = DeviceTensor::from_host(stream, &line.src::<T>()).unwrap();
        let indptr = DeviceTensor::from_host(stream, &line.indptr::<I>()).unwrap();
        let options = line.composite_csr_options();
        let call = match composite {
            Composite::Softmax => gpu::softmax_csr(stream, &src, &indptr, &options),
            Composite::LogSoftmax => gpu::log_softmax_csr(stream, &src, &indptr, &options),
            Composite::LogSumExp => gpu::logsumexp_csr(stream, &src, &indptr, &options),
            Composite::Std => gpu::std_csr(stream, &src, &indptr, &options),
        };
        call.map(|out| (self.host(out).into_data(), None))
    }

    fn attentions<T: OracleElement + FloatElement, I: Index>(&self, line: &Line) -> Given<T> {
        let stream = &self.0;
        let src = DeviceTensor::from_host(stream, &line.src::<T>()).unwrap();
        let index = DeviceTensor::from_host(stream, &line.index::<I>()).unwrap();
        let indptr = DeviceTensor::from_host(stream, &line.indptr::<I>()).unwrap();
        let scores = DeviceWeights::upload(stream, &line.scores::<T>()).unwrap();
        let call = gpu::attention_csr(stream, &src, &index, &indptr, scores.weight(), &AttentionCsrOptions::new());
        call.map(|out| (self.host(out).into_data(), None))
    }

    fn pairs<T: OracleElement + FloatElement, I: Index>(&self, line: &Line) -> Given<T> {
        let stream = &self.0;
        let [src, other] =
            [line.src::<T>(), line.other::<T>()].map(|values| DeviceTensor::from_host(stream, &values).unwrap());
        let [index, other_index] =
            [line.index::<I>(), line.other_index::<I>()].map(|index| DeviceTensor::from_host(stream, &index).unwrap());
        let weights = line.weights::<T>().map(|weights| DeviceWeights::upload(stream, &weights).unwrap());
        let weight = weights.as_ref().map(DeviceWeights::weight);
        let call = gpu::gather_dot(stream, &src, &index, &other, &other_index, weight, &line.gather_dot_options());
        call.map(|out| (self.host(out).into_data(), None))
    }

    fn groupings<I: Index>(&self, line: &Line) -> Result<Grouping<Vec<i64>>, Error> {
        let index = DeviceTensor::from_host(&self.0, &line.index::<I>()).unwrap();
        let Grouping { perm, indptr } = gpu::group_index(&self.0, &index, &line.grouping_options())?;
        Ok(wide(Grouping { perm: self.host(perm), indptr: self.host(indptr) }))
    }
}

#[test]
fn the_cpu_backend_gives_the_oracles_results() {
    check_all(&Cpu);
}

#[test]
fn the_emulated_kernels_give_the_oracles_results() {
    check_all(&Emulated);
}

#[test]
fn the_gpu_backend_gives_the_oracles_results() {
    let Some(gpu) = gpu_or_skip("the_gpu_backend_gives_the_oracles_results") else { return };
    check_all(&OnGpu(Stream::new(&gpu).unwrap()));
}

/// What torch_scatter does not have needs lines of another origin.
#[test]
fn every_type_and_every_reduction_has_lines() {
    let lines: Vec<Line> =
        include_str!("oracle/cases.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for scalar in ScalarType::ALL {
        assert!(lines.iter().any(|line| line.dtype == Some(scalar.to_string())), "no line has dtype {scalar}");
    }
    for operator in ReduceOperator::ALL {
        for reduce in operator.reductions() {
            let is_of = |line: &Line| line.op == operator.name() && line.reduce.as_deref() == Some(reduce.name());
            assert!(lines.iter().any(is_of), "no line has {operator} and {reduce}");
        }
    }
    for index_type in IndexType::ALL {
        let is_of = |line: &Line| line.op == "group_index" && line.index_dtype == index_type.to_string();
        assert!(lines.iter().any(is_of), "no line has group_index and {index_type}");
    }
    for scalar in ScalarType::ALL.into_iter().filter(|scalar| scalar.is_float()) {
        for op in ["attention_csr", "gather_dot"] {
            let is_of = |line: &Line| line.op == op && line.dtype == Some(scalar.to_string());
            assert!(lines.iter().any(is_of), "no line has {op} and {scalar}");
        }
    }
    for composite in Composite::ALL {
        for is_csr in [false, true] {
            let is_of = |line: &Line| line.composite() == Some((composite, is_csr));
            assert!(lines.iter().any(is_of), "no line has {}, by an indptr: {is_csr}", composite.name());
        }
    }
}
