//! The inputs and the expected results of a layer, and the layer on a device.

use std::ffi::CStr;

use tensorrt_scatter::{
    AttentionCsrOptions, BadIndex, Combine, CompositeCsrOptions, CompositeOptions, Float, GatherCooOptions,
    GatherCsrOptions, GatherDotOptions, GatherScatterOptions, GatherSegmentCooOptions, GatherSegmentCsrOptions,
    GroupIndexOptions, Grouping, Reduce, ReduceOperator, Reduced, ScalarType, ScatterOptions, SegmentCooOptions,
    SegmentCsrOptions, Shape, Tensor, Weight, cpu,
    gpu::{DeviceTensor, Stream},
};

use crate::{
    common::{
        Field, chars, float, int,
        random::Random,
        tensors::{FLOAT, INT32_TYPE, INT64_TYPE, Tensor as Described, tensor, tensorrt_type},
    },
    element::Element,
    plugin::Plugin,
};

/// dim, src, index and the number of groups.
pub type ScatterCase = (i32, &'static [usize], &'static [usize], usize);

pub const SCATTERS: [ScatterCase; 8] = [
    (0, &[100], &[100], 40),
    (1, &[2, 300, 4], &[300], 100),
    (1, &[2, 300, 4], &[2, 300, 4], 100),
    (-2, &[2, 300, 4], &[2, 300], 100),
    (1, &[3, 50, 7, 5], &[1, 50, 1, 5], 20),
    (-1, &[2, 3, 64], &[2, 1, 64], 1000),
    (0, &[0, 5], &[0], 3),
    (1, &[4, 5], &[5], 0),
];

/// src, index and the number of segments. For gathers, src and the result change places.
pub type SegmentCase = (&'static [usize], &'static [usize], usize);

pub const SEGMENTS: [SegmentCase; 7] = [
    (&[100], &[100], 40),
    (&[2, 300, 4], &[2, 300], 100),
    (&[2, 300, 5], &[1, 300], 3),
    (&[3, 2, 50, 7], &[3, 1, 50], 20),
    (&[3000, 8], &[3000], 2),
    (&[0, 5], &[0], 3),
    (&[4, 5], &[4, 5], 0),
];

/// A layer with inputs, and the result that the CPU backend gives for them.
pub struct Work<T> {
    pub plugin: &'static CStr,
    pub fields: Vec<Field>,
    /// None for `TRTS_GroupIndex`.
    src: Option<Tensor<T>>,
    index: Tensor<i64>,
    /// An indptr or destinations beside the index.
    indptr: Option<Tensor<i64>>,
    /// The other values and their index, of `TRTS_GatherDot`.
    other: Option<(Tensor<T>, Tensor<i64>)>,
    weight: Option<Weights<T>>,
    /// What bird's-eye-view pooling has beside depth, which is src, and ranks_depth, which is the index.
    points: Option<Points<T>>,
    base: Option<Tensor<T>>,
    results: Vec<Outcome<T>>,
    /// Whether positions are INT64.
    wide_positions: bool,
    /// The number of groups, where an output's size tells it.
    groups: Option<usize>,
    tolerance: f64,
}

/// The rows of points, and the inputs behind ranks_depth: ranks_feat, ranks_bev, interval_starts, interval_lengths.
struct Points<T> {
    feat: Tensor<T>,
    others: [Tensor<i64>; 4],
}

/// What an output must be.
enum Outcome<T> {
    Values(Tensor<T>),
    /// Integers of the index's type.
    Indices(Tensor<i64>),
    /// INT32, unless the layer asks for INT64.
    Positions(Tensor<i64>),
}

/// The weights of a gather_segment_csr, gather_segment_coo or gather_scatter.
pub enum Weights<T> {
    Same(Tensor<T>),
    Float32(Tensor<f32>),
}

impl<T> Weights<T> {
    fn view(&self) -> Weight<'_, T> {
        match self {
            Self::Same(weight) => Weight::Same(weight.view()),
            Self::Float32(weight) => Weight::Float32(weight.view()),
        }
    }
}

/// src, the index that names its rows, and the weights of the elements.
struct GatheredRows<T> {
    src: Tensor<T>,
    index: Tensor<i64>,
    weight: Option<Weights<T>>,
}

/// Which weights a gather_segment_csr, gather_segment_coo or gather_scatter has.
#[derive(Clone, Copy)]
pub enum Weighted {
    Not,
    Same,
    Float32,
}

/// An index, and the number of groups. The last one takes several passes.
const GROUPINGS: [(&[usize], usize); 6] =
    [(&[100], 40), (&[2, 300], 100), (&[3, 2, 50], 0), (&[0], 3), (&[4, 0], 5), (&[5, 20_000], 3_000)];

/// Work for every plugin but the composites, of every reduction.
pub fn for_each<T: Element>(random: &mut Random, visit: &mut dyn FnMut(Work<T>)) {
    // It has no values, so one type stands for all.
    if T::TYPE == ScalarType::F32 {
        for (index, groups) in GROUPINGS {
            visit(Work::group_index(random, index, groups));
        }
    }
    for with_base in [false, true] {
        for (dim, src, index, groups) in SCATTERS {
            for reduce in ReduceOperator::Scatter.reductions() {
                visit(Work::scatter(random, reduce, dim, src, index, groups, with_base));
            }
        }
        for (src, index, rows) in SEGMENTS {
            for reduce in ReduceOperator::SegmentCoo.reductions() {
                visit(Work::segment_coo(random, reduce, src, index, rows, with_base));
            }
            for reduce in ReduceOperator::SegmentCsr.reductions() {
                visit(Work::segment_csr(random, reduce, src, index, rows, with_base));
                visit(Work::segment_csr(random, reduce, src, index, rows, false).under_autowares_name());
            }
            visit(Work::gather_coo(random, src, index, rows, with_base));
            visit(Work::gather_csr(random, src, index, rows, with_base));
            let wide = T::TYPE.is_half().then_some(Weighted::Float32);
            let weights = if with_base { [Some(Weighted::Same), wide] } else { [Some(Weighted::Not), None] };
            for weighted in weights.into_iter().flatten() {
                for reduce in ReduceOperator::GatherSegmentCsr.reductions() {
                    visit(Work::gather_segment_csr(random, reduce, src, index, rows, weighted));
                }
                for reduce in ReduceOperator::GatherScatter.reductions() {
                    visit(Work::gather_scatter(random, reduce, src, index, rows, weighted));
                }
                for reduce in ReduceOperator::GatherSegmentCoo.reductions() {
                    visit(Work::gather_segment_coo(random, reduce, src, index, rows, weighted));
                }
            }
        }
    }
}

/// Work for every composite, for attention, for the scores of pairs, and for bird's-eye-view pooling.
pub fn for_each_composite<T: Element + Float>(random: &mut Random, visit: &mut dyn FnMut(Work<T>)) {
    for (dim, src, index, groups) in SCATTERS {
        Work::composites(random, dim, src, index, groups).into_iter().for_each(&mut *visit);
    }
    for plugin in [c"bev_pool_v2", c"BEVPoolV2TRT"] {
        for (points, columns, grid) in [(700, 8, [4, 6]), (3000, 5, [20, 10]), (0, 4, [3, 2]), (90, 4, [0, 5])] {
            visit(Work::bev_pool(random, plugin, points, columns, grid));
        }
    }
    for (src, index, segments) in SEGMENTS {
        Work::composites_csr(random, src, index, segments).into_iter().for_each(&mut *visit);
        let wide = T::TYPE.is_half().then_some(Weighted::Float32);
        for weighted in [Some(Weighted::Same), wide].into_iter().flatten() {
            visit(Work::attention_csr(random, src, index, segments, weighted));
        }
        for weighted in [Some(Weighted::Not), Some(Weighted::Same), wide].into_iter().flatten() {
            for combine in Combine::ALL {
                visit(Work::gather_dot(random, src, index, combine, weighted));
            }
        }
    }
}

fn values<T: Element>(random: &mut Random, dims: &[usize]) -> Tensor<T> {
    let values = (0..dims.iter().product()).map(|_| T::of(T::VALUES[random.index(T::VALUES.len())]));
    Tensor::new(dims, values.collect()).unwrap()
}

/// Indices. One in ten lies outside [0, groups).
fn indices(random: &mut Random, dims: &[usize], groups: usize) -> Tensor<i64> {
    let mut one = || match random.below(20) {
        0 => -1,
        1 => groups as i64,
        _ => random.below(groups.max(1) as u64) as i64,
    };
    let values = (0..dims.iter().product()).map(|_| one());
    Tensor::new(dims, values.collect()).unwrap()
}

/// Each row sorted.
fn sorted(mut index: Tensor<i64>) -> Tensor<i64> {
    let row = index.shape().dims().last().copied().unwrap_or(0).max(1);
    index.data_mut().chunks_mut(row).for_each(<[i64]>::sort);
    index
}

/// Rows of an indptr that rise from 0 to `end`.
fn bounds(random: &mut Random, leading: &[usize], segments: usize, end: usize) -> Tensor<i64> {
    let dims = [leading, &[segments + 1]].concat();
    let mut bounds = Tensor::full(Shape::new(&dims).unwrap(), 0i64).unwrap();
    for row in bounds.data_mut().chunks_mut(segments + 1) {
        row.iter_mut().for_each(|bound| *bound = random.below(end as u64 + 1) as i64);
        row.sort();
        (row[0], row[segments]) = (0, if segments == 0 { 0 } else { end as i64 });
    }
    bounds
}

fn leaked(name: &'static CStr, value: i32) -> Field {
    int(name, Box::leak(Box::new(value)))
}

impl<T: Element> Work<T> {
    pub fn scatter(
        random: &mut Random,
        reduce: Reduce,
        dim: i32,
        src: &[usize],
        index: &[usize],
        groups: usize,
        with_base: bool,
    ) -> Self {
        let (src, index) = (values::<T>(random, src), indices(random, index, groups));
        let axis = dim.rem_euclid(src.shape().rank() as i32) as usize;
        let base = with_base.then(|| values(random, src.shape().with_axis(axis, groups).unwrap().dims()));
        let options = ScatterOptions::new(reduce).dim(dim as isize).dim_size(groups).bad_index(BadIndex::Skip);
        let result = cpu::scatter(&src, &index, base.as_ref().map(Tensor::view), &options).unwrap();
        let mut fields = vec![leaked(c"dim", dim), chars(c"reduce", reduce.name())];
        fields.extend((!with_base).then(|| leaked(c"dim_size", groups as i32)));
        Self::exact(c"TRTS_Scatter", fields, src, index, base, result)
    }

    pub fn segment_coo(
        random: &mut Random,
        reduce: Reduce,
        src: &[usize],
        index: &[usize],
        groups: usize,
        with_base: bool,
    ) -> Self {
        let (src, index) = (values::<T>(random, src), sorted(indices(random, index, groups)));
        let axis = index.shape().rank() - 1;
        let base = with_base.then(|| values(random, src.shape().with_axis(axis, groups).unwrap().dims()));
        let options = SegmentCooOptions::new(reduce).dim_size(groups).bad_index(BadIndex::Skip);
        let result = cpu::segment_coo(&src, &index, base.as_ref().map(Tensor::view), &options).unwrap();
        let mut fields = vec![chars(c"reduce", reduce.name())];
        fields.extend((!with_base).then(|| leaked(c"dim_size", groups as i32)));
        Self::exact(c"TRTS_SegmentCOO", fields, src, index, base, result)
    }

    pub fn segment_csr(
        random: &mut Random,
        reduce: Reduce,
        src: &[usize],
        index: &[usize],
        groups: usize,
        with_base: bool,
    ) -> Self {
        let src = values::<T>(random, src);
        let (&end, leading) = index.split_last().unwrap();
        let indptr = bounds(random, leading, groups, end);
        let result = cpu::segment_csr(&src, &indptr, &SegmentCsrOptions::new(reduce)).unwrap();
        let base = with_base.then(|| values(random, result.out.shape().dims()));
        Self::exact(c"TRTS_SegmentCSR", vec![chars(c"reduce", reduce.name())], src, indptr, base, result)
    }

    /// The same segment_csr as Autoware's plugin, which has no arg_out.
    fn under_autowares_name(mut self) -> Self {
        self.results.truncate(1);
        Self { plugin: c"SegmentCSR", ..self }
    }

    pub fn gather_coo(random: &mut Random, out: &[usize], index: &[usize], rows: usize, with_base: bool) -> Self {
        let src = Shape::new(out).unwrap().with_axis(index.len() - 1, rows).unwrap();
        let (src, index) = (values::<T>(random, src.dims()), indices(random, index, rows));
        let out = cpu::gather_coo(&src, &index, &GatherCooOptions::new().bad_index(BadIndex::Skip)).unwrap();
        let base = with_base.then(|| values(random, out.shape().dims()));
        Self::exact(c"TRTS_GatherCOO", vec![], src, index, base, Reduced { out, arg_out: None })
    }

    pub fn gather_csr(random: &mut Random, out: &[usize], index: &[usize], rows: usize, with_base: bool) -> Self {
        let src = Shape::new(out).unwrap().with_axis(index.len() - 1, rows).unwrap();
        let (&size, leading) = index.split_last().unwrap();
        let (src, indptr) = (values::<T>(random, src.dims()), bounds(random, leading, rows, size));
        let options = GatherCsrOptions::new().size(size).bad_index(BadIndex::Skip);
        let out = cpu::gather_csr(&src, &indptr, &options).unwrap();
        let base = with_base.then(|| values(random, out.shape().dims()));
        let fields = if with_base { vec![] } else { vec![leaked(c"size", size as i32)] };
        Self::exact(c"TRTS_GatherCSR", fields, src, indptr, base, Reduced { out, arg_out: None })
    }

    /// `src` is the shape of the rows that are read: there are half as many rows to read from.
    pub fn gather_segment_csr(
        random: &mut Random,
        reduce: Reduce,
        src: &[usize],
        index: &[usize],
        segments: usize,
        weighted: Weighted,
    ) -> Self {
        let GatheredRows { src, index, weight } = Self::gathered_rows(random, src, index, weighted);
        let (&elements, leading) = index.shape().dims().split_last().unwrap();
        let indptr = bounds(random, leading, segments, elements);
        let options = GatherSegmentCsrOptions::new(reduce).bad_index(BadIndex::Skip);
        let weights = weight.as_ref().map(Weights::view);
        let result = cpu::gather_segment_csr(&src, &index, &indptr, weights, &options).unwrap();
        let fields = vec![chars(c"reduce", reduce.name())];
        let exact = Self::exact(c"TRTS_GatherSegmentCSR", fields, src, index, None, result);
        Self { indptr: Some(indptr), weight, ..exact }
    }

    /// `src` is the shape of the rows that are read: there are half as many rows to read from.
    pub fn gather_scatter(
        random: &mut Random,
        reduce: Reduce,
        src: &[usize],
        index: &[usize],
        groups: usize,
        weighted: Weighted,
    ) -> Self {
        let GatheredRows { src, index, weight } = Self::gathered_rows(random, src, index, weighted);
        let destination = indices(random, index.shape().dims(), groups);
        let options = GatherScatterOptions::new(reduce).dim_size(groups).bad_index(BadIndex::Skip);
        let weights = weight.as_ref().map(Weights::view);
        let result = cpu::gather_scatter(&src, &index, &destination, weights, &options).unwrap();
        let fields = vec![chars(c"reduce", reduce.name()), leaked(c"dim_size", groups as i32)];
        let exact = Self::exact(c"TRTS_GatherScatter", fields, src, index, None, result);
        Self { indptr: Some(destination), weight, ..exact }
    }

    /// `src` is the shape of the rows that are read: there are half as many rows to read from.
    pub fn gather_segment_coo(
        random: &mut Random,
        reduce: Reduce,
        src: &[usize],
        index: &[usize],
        groups: usize,
        weighted: Weighted,
    ) -> Self {
        let GatheredRows { src, index, weight } = Self::gathered_rows(random, src, index, weighted);
        let destination = sorted(indices(random, index.shape().dims(), groups));
        let options = GatherSegmentCooOptions::new(reduce).dim_size(groups).bad_index(BadIndex::Skip);
        let weights = weight.as_ref().map(Weights::view);
        let result = cpu::gather_segment_coo(&src, &index, &destination, weights, &options).unwrap();
        let fields = vec![chars(c"reduce", reduce.name()), leaked(c"dim_size", groups as i32)];
        let exact = Self::exact(c"TRTS_GatherSegmentCOO", fields, src, index, None, result);
        Self { indptr: Some(destination), weight, ..exact }
    }

    fn gathered_rows(random: &mut Random, src: &[usize], index: &[usize], weighted: Weighted) -> GatheredRows<T> {
        let (&elements, leading) = index.split_last().unwrap();
        let (axis, rows) = (leading.len(), elements.div_ceil(2));
        let columns = src[axis + 1..].iter().product::<usize>();
        let src = Shape::new(src).unwrap().with_axis(axis, rows).unwrap();
        let (src, index) = (values::<T>(random, src.dims()), indices(random, index, rows));
        // Heads for the weights of src's type, where they divide the columns.
        let heads = if columns.is_multiple_of(2) { 2 } else { columns };
        let weight = match weighted {
            Weighted::Not => None,
            Weighted::Same => Some(Weights::Same(values(random, &[leading, &[elements, heads]].concat()))),
            // These repeat over the leading axes.
            Weighted::Float32 => {
                Some(Weights::Float32(self::values(random, &[vec![1; axis], vec![elements]].concat())))
            }
        };
        GatheredRows { src, index, weight }
    }

    /// The sums of the points of intervals over the cells of a grid, by a loop over them for their cells, gather_coo
    /// for their depths and gather_scatter. Some points are in no interval.
    pub fn bev_pool(
        random: &mut Random,
        plugin: &'static CStr,
        points: usize,
        columns: usize,
        [height, width]: [usize; 2],
    ) -> Self {
        let cells = height * width;
        let (depth, feat) = (values::<T>(random, &[2, 5, 3, 4]), values::<T>(random, &[2, 3, 4, columns]));
        let [ranks_depth, ranks_feat, ranks_bev] = [120, 24, cells].map(|size| indices(random, &[points], size));
        let (mut starts, mut lengths, mut destination) = (Vec::new(), Vec::new(), vec![-1i64; points]);
        let mut start = random.index(4);
        while start < points {
            let length = random.index(40).min(points - start);
            destination[start..start + length].fill(ranks_bev.data()[start]);
            starts.push(start as i64);
            lengths.push(length as i64);
            start += length.max(1) + random.index(3);
        }
        let vector = |numbers: Vec<i64>| Tensor::new(&[numbers.len()], numbers).unwrap();
        let flat = |tensor: &Tensor<T>, dims: &[usize]| Tensor::new(dims, tensor.data().to_vec()).unwrap();
        let gather = GatherCooOptions::new().bad_index(BadIndex::Skip);
        let weight = cpu::gather_coo(&flat(&depth, &[120]), &ranks_depth, &gather).unwrap();
        let options = GatherScatterOptions::new(Reduce::Sum).dim_size(cells).bad_index(BadIndex::Skip);
        let (rows, weight) = (flat(&feat, &[24, columns]), Some(Weight::Same(weight.view())));
        let sums = cpu::gather_scatter(&rows, &ranks_feat, &vector(destination), weight, &options).unwrap();
        let result = Reduced { out: flat(&sums.out, &[1, height, width, columns]), arg_out: None };
        let fields = vec![leaked(c"out_height", height as i32), leaked(c"out_width", width as i32)];
        let others = [ranks_feat, ranks_bev, vector(starts), vector(lengths)];
        let exact = Self::exact(plugin, fields, depth, ranks_depth, None, result);
        Self { points: Some(Points { feat, others }), ..exact }
    }

    pub fn group_index(random: &mut Random, index: &[usize], groups: usize) -> Self {
        let index = indices(random, index, groups);
        let options = GroupIndexOptions::new().dim_size(groups).bad_index(BadIndex::Skip);
        let Grouping { perm, indptr } = cpu::group_index(&index, &options).unwrap();
        Self {
            plugin: c"TRTS_GroupIndex",
            fields: vec![leaked(c"dim_size", groups as i32)],
            src: None,
            index,
            indptr: None,
            other: None,
            weight: None,
            points: None,
            base: None,
            results: vec![Outcome::Indices(perm), Outcome::Indices(indptr)],
            wide_positions: false,
            groups: None,
            tolerance: 0.0,
        }
    }

    /// The same with an INT64 arg_out.
    pub fn with_wide_positions(mut self) -> Self {
        self.fields.push(chars(c"arg_type", "int64"));
        self.wide_positions = true;
        self
    }

    fn exact(
        plugin: &'static CStr,
        fields: Vec<Field>,
        src: Tensor<T>,
        index: Tensor<i64>,
        base: Option<Tensor<T>>,
        result: Reduced<Tensor<T>, Tensor<i64>>,
    ) -> Self {
        Self {
            plugin,
            fields,
            src: Some(src),
            index,
            indptr: None,
            other: None,
            weight: None,
            points: None,
            base,
            results: [Outcome::Values(result.out)].into_iter().chain(result.arg_out.map(Outcome::Positions)).collect(),
            wide_positions: false,
            groups: None,
            tolerance: 0.0,
        }
    }
}

/// The values in float64: 33,000 elements of a group, summed in float32 one by one on the CPU, have a standard deviation
/// that is wrong by 2e-5.
fn in_float64<T: Element>(values: &Tensor<T>) -> Tensor<f64> {
    let wide = values.data().iter().map(|value| value.to_f64()).collect();
    Tensor::new(values.shape().dims(), wide).unwrap()
}

fn rounded<T: Element>(values: &Tensor<f64>) -> Tensor<T> {
    let narrow = values.data().iter().map(|&value| T::of(value)).collect();
    Tensor::new(values.shape().dims(), narrow).unwrap()
}

impl<T: Element + Float> Work<T> {
    /// The same softmax with the number of groups from a shape tensor, which the size of a last output tells.
    pub fn with_groups_output(mut self, groups: usize) -> Self {
        self.fields.retain(|field| field.name() != "dim_size");
        self.fields.push(int(c"dim_size_input", &1));
        self.groups = Some(groups);
        self
    }

    /// softmax, log_softmax, logsumexp and std.
    pub fn composites(random: &mut Random, dim: i32, src: &[usize], index: &[usize], groups: usize) -> [Self; 4] {
        let (src, index) = (values::<T>(random, src), indices(random, index, groups));
        let options = CompositeOptions::new().dim(dim as isize).dim_size(groups).bad_index(BadIndex::Skip);
        let exact = in_float64(&src);
        let results = [
            (c"TRTS_ScatterSoftmax", cpu::softmax(&exact, &index, &options)),
            (c"TRTS_ScatterLogSoftmax", cpu::log_softmax(&exact, &index, &options)),
            (c"TRTS_ScatterLogSumExp", cpu::logsumexp(&exact, &index, &options)),
            (c"TRTS_ScatterStd", cpu::std(&exact, &index, &options.unbiased(false))),
        ];
        results.map(|(plugin, out)| {
            let mut fields = vec![leaked(c"dim", dim), leaked(c"dim_size", groups as i32)];
            fields.extend((plugin == c"TRTS_ScatterStd").then(|| int(c"unbiased", &0)));
            Self::composite(plugin, fields, &src, &index, rounded(&out.unwrap()))
        })
    }

    /// softmax_csr, log_softmax_csr, logsumexp_csr and std_csr.
    pub fn composites_csr(random: &mut Random, src: &[usize], index: &[usize], segments: usize) -> [Self; 4] {
        let (&end, leading) = index.split_last().unwrap();
        let (src, indptr) = (values::<T>(random, src), bounds(random, leading, segments, end));
        let options = CompositeCsrOptions::new();
        let exact = in_float64(&src);
        let results = [
            (c"TRTS_SoftmaxCSR", cpu::softmax_csr(&exact, &indptr, &options)),
            (c"TRTS_LogSoftmaxCSR", cpu::log_softmax_csr(&exact, &indptr, &options)),
            (c"TRTS_LogSumExpCSR", cpu::logsumexp_csr(&exact, &indptr, &options)),
            (c"TRTS_StdCSR", cpu::std_csr(&exact, &indptr, &options.unbiased(false))),
        ];
        results.map(|(plugin, out)| {
            let fields = (plugin == c"TRTS_StdCSR").then(|| int(c"unbiased", &0)).into_iter().collect();
            Self::composite(plugin, fields, &src, &indptr, rounded(&out.unwrap()))
        })
    }

    /// `src` is the shape of the rows that are read: there are half as many rows to read from.
    pub fn attention_csr(
        random: &mut Random,
        src: &[usize],
        index: &[usize],
        segments: usize,
        weighted: Weighted,
    ) -> Self {
        let GatheredRows { src, index, weight } = Self::gathered_rows(random, src, index, weighted);
        let (&elements, leading) = index.shape().dims().split_last().unwrap();
        let indptr = bounds(random, leading, segments, elements);
        let options = AttentionCsrOptions::new().bad_index(BadIndex::Skip);
        let scores = weight.as_ref().expect("an attention has scores").view();
        let out = cpu::attention_csr(&src, &index, &indptr, scores, &options).unwrap();
        let work = Self::composite(c"TRTS_AttentionCSR", vec![], &src, &index, out);
        Self { indptr: Some(indptr), weight, ..work }
    }

    /// `src` is the shape of the rows that are read: there are half as many rows to read from, on either side.
    pub fn gather_dot(
        random: &mut Random,
        src: &[usize],
        index: &[usize],
        combine: Combine,
        weighted: Weighted,
    ) -> Self {
        let GatheredRows { src, index, .. } = Self::gathered_rows(random, src, index, Weighted::Not);
        let axis = index.shape().rank() - 1;
        let rows = src.shape().dims()[axis];
        let columns = src.shape().dims()[axis + 1..].iter().product::<usize>();
        let other = values::<T>(random, src.shape().dims());
        let other_index = indices(random, index.shape().dims(), rows);
        let weight = match weighted {
            Weighted::Not => None,
            Weighted::Same => Some(Weights::Same(values(random, &[columns]))),
            Weighted::Float32 => Some(Weights::Float32(self::values(random, &[columns]))),
        };
        let heads = if columns != 0 && columns.is_multiple_of(2) { 2 } else { 1 };
        let options = GatherDotOptions::new(combine).heads(heads).negative_slope(0.5).bad_index(BadIndex::Skip);
        let weights = weight.as_ref().map(Weights::view);
        let out = cpu::gather_dot(&src, &index, &other, &other_index, weights, &options).unwrap();
        let fields =
            vec![chars(c"combine", combine.name()), leaked(c"heads", heads as i32), float(c"negative_slope", &0.5)];
        let work = Self::composite(c"TRTS_GatherDot", fields, &src, &index, out);
        Self { other: Some((other, other_index)), weight, ..work }
    }

    fn composite(
        plugin: &'static CStr,
        fields: Vec<Field>,
        src: &Tensor<T>,
        index: &Tensor<i64>,
        out: Tensor<T>,
    ) -> Self {
        let result = Reduced { out, arg_out: None };
        Self { tolerance: T::TOLERANCE, ..Self::exact(plugin, fields, src.clone(), index.clone(), None, result) }
    }
}

impl Work<f32> {
    /// A deterministic sum along axis 1 of values that no sum of floats is exact for.
    pub fn thirds(random: &mut Random, src: &[usize], index: &[usize], groups: usize) -> Self {
        let mut values = values::<f32>(random, src);
        values.data_mut().iter_mut().for_each(|value| *value /= 3.0);
        let index = indices(random, index, groups);
        let options = ScatterOptions::new(Reduce::Sum).dim(1).dim_size(groups).bad_index(BadIndex::Skip);
        let result = cpu::scatter(&values, &index, None, &options).unwrap();
        let fields = vec![int(c"dim", &1), int(c"deterministic", &1), leaked(c"dim_size", groups as i32)];
        Self { tolerance: 1e-3, ..Self::exact(c"TRTS_Scatter", fields, values, index, None, result) }
    }
}

/// Any of the tensors of a layer.
enum AnyTensor<T> {
    Values(DeviceTensor<T>),
    /// Weights beside 16-bit floats.
    Floats(DeviceTensor<f32>),
    Narrow(DeviceTensor<i32>),
    Wide(DeviceTensor<i64>),
}

/// The tensors of a layer on a device.
struct Tensors<T> {
    inputs: Vec<AnyTensor<T>>,
    /// The outputs, in the order of `Work::results`.
    outputs: Vec<AnyTensor<T>>,
    groups: Option<AnyTensor<T>>,
}

/// A plugin with its tensors and workspace on a device.
pub struct Layer<T> {
    pub plugin: Box<dyn Plugin>,
    tensors: Tensors<T>,
    workspace: DeviceTensor<u8>,
}

/// Tensors and where they lie.
type Addressed = Vec<(Described, u64)>;

fn described(data_type: i32, shape: &Shape) -> Described {
    let dims: Vec<_> = shape.dims().iter().map(|&size| size as i64).collect();
    tensor(data_type, &dims)
}

impl<T: Element> AnyTensor<T> {
    fn with_address(&self) -> (Described, u64) {
        match self {
            Self::Values(values) => (described(tensorrt_type(T::TYPE), values.shape()), values.address()),
            Self::Floats(weights) => (described(FLOAT, weights.shape()), weights.address()),
            Self::Narrow(index) => (described(INT32_TYPE, index.shape()), index.address()),
            Self::Wide(index) => (described(INT64_TYPE, index.shape()), index.address()),
        }
    }
}

impl<T: Element> AnyTensor<T> {
    /// What src, base or out holds.
    fn values(&self, stream: &Stream) -> Tensor<T> {
        match self {
            Self::Values(tensor) => tensor.to_host(stream).unwrap(),
            Self::Floats(_) | Self::Narrow(_) | Self::Wide(_) => panic!("it holds no values of the layer's type"),
        }
    }
}

impl<T> AnyTensor<T> {
    /// What an index, perm, indptr or arg_out holds.
    fn positions(&self, stream: &Stream) -> Vec<i64> {
        match self {
            Self::Values(_) | Self::Floats(_) => panic!("values are no positions"),
            Self::Narrow(tensor) => tensor.to_host(stream).unwrap().data().iter().map(|&value| value.into()).collect(),
            Self::Wide(tensor) => tensor.to_host(stream).unwrap().into_data(),
        }
    }
}

impl<T: Element> Tensors<T> {
    fn described(&self) -> (Addressed, Addressed) {
        let inputs = self.inputs.iter().map(AnyTensor::with_address).collect();
        let outputs = self.outputs.iter().chain(&self.groups).map(AnyTensor::with_address).collect();
        (inputs, outputs)
    }
}

impl<T: Element> Layer<T> {
    pub fn new(stream: &Stream, mut plugin: Box<dyn Plugin>, work: &Work<T>, index_type: i32) -> Self {
        let integers = |tensor: &Tensor<i64>, is_wide: bool| {
            if is_wide {
                AnyTensor::Wide(DeviceTensor::from_host(stream, tensor).unwrap())
            } else {
                let narrow = tensor.data().iter().map(|&value| value as i32).collect();
                let narrow = Tensor::new(tensor.shape().dims(), narrow).unwrap();
                AnyTensor::Narrow(DeviceTensor::from_host(stream, &narrow).unwrap())
            }
        };
        let values = |tensor: &Tensor<T>| AnyTensor::Values(DeviceTensor::from_host(stream, tensor).unwrap());
        let has_wide_index = index_type == INT64_TYPE;
        let mut inputs: Vec<_> = work.src.iter().map(values).collect();
        inputs.extend(work.points.as_ref().map(|points| values(&points.feat)));
        inputs.push(integers(&work.index, has_wide_index));
        let others = work.points.iter().flat_map(|points| &points.others);
        inputs.extend(others.map(|other| integers(other, has_wide_index)));
        inputs.extend(work.base.as_ref().map(values));
        inputs.extend(work.indptr.as_ref().map(|indptr| integers(indptr, has_wide_index)));
        if let Some((other, other_index)) = &work.other {
            inputs.extend([values(other), integers(other_index, has_wide_index)]);
        }
        inputs.extend(work.weight.as_ref().map(|weight| match weight {
            Weights::Same(weight) => values(weight),
            Weights::Float32(weight) => AnyTensor::Floats(DeviceTensor::from_host(stream, weight).unwrap()),
        }));
        let poisoned = |tensor: &Tensor<i64>| Tensor::full(*tensor.shape(), -7).unwrap();
        let outputs = work.results.iter().map(|result| match result {
            Outcome::Values(out) => values(&Tensor::full(*out.shape(), T::of(T::POISON)).unwrap()),
            Outcome::Indices(tensor) => integers(&poisoned(tensor), has_wide_index),
            Outcome::Positions(tensor) => integers(&poisoned(tensor), work.wide_positions),
        });
        let outputs = outputs.collect();
        let groups = work.groups.map(|groups| {
            let unused = Tensor::full(Shape::new(&[groups]).unwrap(), 0).unwrap();
            AnyTensor::Narrow(DeviceTensor::from_host(stream, &unused).unwrap())
        });
        let tensors = Tensors { inputs, outputs, groups };
        let only = |tensors: Addressed| tensors.into_iter().map(|(tensor, _)| tensor).collect::<Vec<_>>();
        let (inputs, outputs) = tensors.described();
        let bytes = Shape::new(&[plugin.ready(&only(inputs), &only(outputs))]).unwrap();
        let workspace = DeviceTensor::from_host(stream, &Tensor::full(bytes, 0xA5u8).unwrap()).unwrap();
        Self { plugin, tensors, workspace }
    }

    pub fn enqueue(&self, stream: &Stream) {
        let (inputs, outputs) = self.tensors.described();
        assert_eq!(self.plugin.enqueue(&inputs, &outputs, self.workspace.address(), stream.as_raw()), 0);
    }

    /// The first result, of values.
    pub fn out(&self, stream: &Stream) -> Tensor<T> {
        self.tensors.outputs[0].values(stream)
    }

    pub fn compare(&self, stream: &Stream, work: &Work<T>) {
        let elements = work.src.as_ref().map_or(work.index.shape(), Tensor::shape);
        let what = format!("{:?} of {elements} by {}", work.plugin, work.index.shape());
        for (output, (given, result)) in self.tensors.outputs.iter().zip(&work.results).enumerate() {
            let expected = match result {
                Outcome::Values(expected) => {
                    work.compare_values(&given.values(stream), expected, &what);
                    continue;
                }
                Outcome::Indices(expected) | Outcome::Positions(expected) => expected,
            };
            assert_eq!(given.positions(stream), expected.data(), "{what}: output {output}");
        }
        if let (Some(AnyTensor::Values(given)), Some(base)) = (self.tensors.inputs.get(2), &work.base) {
            assert_eq!(given.to_host(stream).unwrap(), *base, "{what}: base must not be modified");
        }
    }
}

impl<T: Element> Work<T> {
    fn compare_values(&self, given: &Tensor<T>, expected: &Tensor<T>, what: &str) {
        for (position, (&given, &expected)) in given.data().iter().zip(expected.data()).enumerate() {
            let distance = (given.to_f64() - expected.to_f64()).abs();
            let close = given == expected || distance <= self.tolerance * expected.to_f64().abs().max(1.0);
            assert!(close, "{what}: out[{position}] is {given:?}, expected {expected:?}");
        }
    }
}
