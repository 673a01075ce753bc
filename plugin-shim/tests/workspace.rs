//! The workspace that a plugin asks for is enough for all shapes that a profile allows. This process has no TensorRT,
//! so the library hands out the creators of both generations.

mod common;

use std::ffi::CStr;

use common::{
    Field, chars, int,
    layers::{PLUGINS, layers},
    plugin_library,
    random::Random,
    tensors::{FLOAT, HALF, INT32_TYPE, INT64_TYPE, Tensor, VALUE_TYPES, tensor},
    v3::{Creator, Phase, Plugin},
};
use tensorrt_scatter::{
    AttentionCsrPlan, BevPoolPlan, BevPoolSizes, Composite, CompositeCsrOptions, CompositeCsrPlan, CompositeOptions,
    CompositePlan, Error, GatherScatterOptions, GatherScatterPlan, GatherSegmentCooOptions, GatherSegmentCsrOptions,
    GatherSegmentPlan, GroupIndexOptions, GroupIndexPlan, IndexType, Reduce, ReduceOperator, ScalarType,
    ScatterOptions, ScatterPlan, SegmentCooOptions, SegmentCsrOptions, SegmentPlan, Shape,
};

const CASES: usize = 3000;

fn plugin(name: &CStr, fields: &[Field]) -> Plugin {
    let creators = plugin_library().creators(c"getCreators").into_iter().map(Creator);
    let creator = { creators }.find(|creator| creator.name() == name.to_str().unwrap()).unwrap();
    creator.create(c"layer", fields, Phase::Build).unwrap()
}

/// Sizes of src's axes, the last two being the reduced axis and the columns, and the number of groups.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    src: [usize; 4],
    groups: usize,
}

impl Sizes {
    /// Some sizes are small, and some are so large that the algorithms change. No axis is empty.
    fn largest(random: &mut Random) -> Self {
        let mut below = |bits: u64| {
            let bits = random.below(bits + 1);
            1 + random.below(1 << bits) as usize
        };
        Self { src: [below(3), below(3), below(20), below(9)], groups: below(16) }
    }

    /// Random sizes, none of them larger than in `self`.
    fn within(self, random: &mut Random) -> Self {
        let mut smaller = |size: usize| match random.below(4) {
            0 => size,
            1 => size.div_ceil(2),
            2 => size - size.min(1),
            _ => random.below(size as u64 + 1) as usize,
        };
        Self { src: self.src.map(&mut smaller), groups: smaller(self.groups) }
    }

    fn src(self) -> Shape {
        Shape::new(&self.src).unwrap()
    }

    fn out(self) -> Shape {
        self.src().with_axis(2, self.groups).unwrap()
    }

    /// An index or indptr with a last axis of that size, leading axes being repeated at random.
    fn index(self, last: usize, random: &mut Random) -> Shape {
        let mut leading = |size: usize| if random.below(2) == 0 { 1 } else { size };
        Shape::new(&[leading(self.src[0]), leading(self.src[1]), last]).unwrap()
    }
}

fn described(data_type: i32, shape: Shape) -> Tensor {
    tensor(data_type, &shape.dims().iter().map(|&size| size as i64).collect::<Vec<_>>())
}

/// out of a reduction, and as much again for arg_out.
fn reduced(plugin: &Plugin) -> impl Fn(Sizes, i32) -> Vec<Tensor> {
    let outputs = plugin.output_count() as usize;
    move |sizes, data_type| vec![described(data_type, sizes.out()); outputs]
}

/// Asks the plugin with the largest shapes and compares with what the work needs for smaller ones.
#[track_caller]
fn check(
    plugin: &Plugin,
    outputs: &dyn Fn(Sizes, i32) -> Vec<Tensor>,
    random: &mut Random,
    indptr: bool,
    need: &dyn Fn(Sizes, Shape, ScalarType) -> usize,
) {
    for _ in 0..CASES {
        let (data_type, scalar) = VALUE_TYPES[random.index(VALUE_TYPES.len())];
        let largest = Sizes::largest(random);
        let last = |sizes: Sizes| if indptr { sizes.groups + 1 } else { sizes.src[2] };
        let inputs = [described(data_type, largest.src()), described(INT32_TYPE, largest.index(last(largest), random))];
        let given = plugin.workspace_size(&inputs, &inputs, &outputs(largest, data_type));
        let sizes = largest.within(random);
        let needed = need(sizes, sizes.index(last(sizes), random), scalar);
        assert!(needed <= given, "{sizes:?} of {largest:?}, {scalar:?}: {needed} bytes needed, {given} given");
    }
}

#[test]
fn scatters_fit() {
    let mut random = Random(1);
    for reduce in ReduceOperator::Scatter.reductions() {
        for deterministic in [0, 1] {
            let fields = [
                int(c"dim", &2),
                chars(c"reduce", reduce.name()),
                int(c"dim_size_input", &1),
                int(c"deterministic", &deterministic),
            ];
            let plugin = plugin(c"TRTS_Scatter", &fields);
            check(&plugin, &reduced(&plugin), &mut random, false, &|sizes, index, scalar| {
                let options =
                    ScatterOptions::new(reduce).dim(2).dim_size(sizes.groups).deterministic(deterministic == 1);
                ScatterPlan::new(&sizes.src(), &index, None, &options).unwrap().workspace_bytes(scalar)
            });
        }
    }
}

#[test]
fn segments_fit() {
    let mut random = Random(2);
    for reduce in ReduceOperator::SegmentCoo.reductions() {
        let coo = plugin(c"TRTS_SegmentCOO", &[chars(c"reduce", reduce.name()), int(c"dim_size_input", &1)]);
        check(&coo, &reduced(&coo), &mut random, false, &|sizes, index, scalar| {
            let options = SegmentCooOptions::new(reduce).dim_size(sizes.groups);
            SegmentPlan::coo(&sizes.src(), &index, None, &options).unwrap().workspace_bytes(scalar)
        });
    }
    for reduce in ReduceOperator::SegmentCsr.reductions() {
        let csr = plugin(c"TRTS_SegmentCSR", &[chars(c"reduce", reduce.name())]);
        check(&csr, &reduced(&csr), &mut random, true, &|sizes, indptr, scalar| {
            let options = SegmentCsrOptions::new(reduce);
            SegmentPlan::csr(&sizes.src(), &indptr, &options).unwrap().workspace_bytes(scalar)
        });
    }
}

#[test]
fn composites_fit() {
    let mut random = Random(3);
    for (name, composite) in [(c"TRTS_ScatterLogSumExp", Composite::LogSumExp), (c"TRTS_ScatterStd", Composite::Std)] {
        let plugin = plugin(name, &[int(c"dim", &2), int(c"dim_size_input", &1)]);
        check(&plugin, &reduced(&plugin), &mut random, false, &|sizes, index, scalar| {
            let options = CompositeOptions::new().dim(2).dim_size(sizes.groups);
            CompositePlan::new(composite, &sizes.src(), &index, &options).unwrap().workspace_bytes(scalar)
        });
    }
}

#[test]
fn softmaxes_fit() {
    let mut random = Random(4);
    let plugin = plugin(c"TRTS_ScatterSoftmax", &[int(c"dim", &2), int(c"dim_size_input", &1)]);
    // The size of the last output is the number of groups.
    let outputs =
        |sizes: Sizes, data_type| vec![described(data_type, sizes.src()), tensor(INT32_TYPE, &[sizes.groups as i64])];
    check(&plugin, &outputs, &mut random, false, &|sizes, index, scalar| {
        let options = CompositeOptions::new().dim(2).dim_size(sizes.groups);
        CompositePlan::new(Composite::Softmax, &sizes.src(), &index, &options).unwrap().workspace_bytes(scalar)
    });
}

#[test]
fn composites_over_segments_fit() {
    let mut random = Random(8);
    for (name, composite) in [
        (c"TRTS_SoftmaxCSR", Composite::Softmax),
        (c"TRTS_LogSumExpCSR", Composite::LogSumExp),
        (c"TRTS_StdCSR", Composite::Std),
    ] {
        let plugin = plugin(name, &[]);
        let keeps_shape = composite == Composite::Softmax;
        let outputs =
            |sizes: Sizes, data_type| vec![described(data_type, if keeps_shape { sizes.src() } else { sizes.out() })];
        check(&plugin, &outputs, &mut random, true, &|sizes, indptr, scalar| {
            let options = CompositeCsrOptions::new();
            CompositeCsrPlan::new(composite, &sizes.src(), &indptr, &options).unwrap().workspace_bytes(scalar)
        });
    }
}

#[test]
fn gathered_segments_fit() {
    let mut random = Random(5);
    for reduce in ReduceOperator::GatherSegmentCsr.reductions() {
        let plugin = plugin(c"TRTS_GatherSegmentCSR", &[chars(c"reduce", reduce.name())]);
        for _ in 0..CASES {
            let (data_type, scalar) = VALUE_TYPES[random.index(VALUE_TYPES.len())];
            let largest = Sizes::largest(&mut random);
            // The size of axis 2 is the number of elements. The number of rows of src does not matter.
            let src = |sizes: Sizes| sizes.src().with_axis(2, 3).unwrap();
            let heads = |sizes: Sizes, heads| {
                let [first, second, elements, _] = sizes.src;
                Shape::new(&[first, second, elements, heads]).unwrap()
            };
            let positions = |sizes: Sizes, random: &mut Random| {
                [sizes.index(sizes.src[2], random), sizes.index(sizes.groups + 1, random)]
            };
            let [index, indptr] = positions(largest, &mut random).map(|shape| described(INT32_TYPE, shape));
            let weight = described(data_type, heads(largest, largest.src[3]));
            let mut inputs = vec![described(data_type, src(largest)), index, indptr, weight];
            inputs.truncate(3 + random.index(2));
            let outputs = vec![described(data_type, largest.out()); plugin.output_count() as usize];
            let given = plugin.workspace_size(&inputs, &inputs, &outputs);
            let sizes = largest.within(&mut random);
            let [index, indptr] = positions(sizes, &mut random);
            let columns = sizes.src[3];
            let weight = [None, Some(heads(sizes, 1)), Some(heads(sizes, columns))][random.index(3)];
            let options = GatherSegmentCsrOptions::new(reduce);
            let plan = GatherSegmentPlan::csr(&src(sizes), &index, &indptr, weight.as_ref(), &options).unwrap();
            let needed = plan.workspace_bytes(scalar);
            assert!(needed <= given, "{sizes:?} of {largest:?}, {scalar:?}: {needed} bytes needed, {given} given");
        }
    }
}

#[test]
fn attentions_fit() {
    let mut random = Random(9);
    let plugin = plugin(c"TRTS_AttentionCSR", &[]);
    for _ in 0..CASES {
        let (data_type, scalar) = VALUE_TYPES[random.index(VALUE_TYPES.len())];
        if !scalar.is_float() {
            continue;
        }
        let largest = Sizes::largest(&mut random);
        // The size of axis 2 is the number of elements. The number of rows of src does not matter.
        let src = |sizes: Sizes| sizes.src().with_axis(2, 3).unwrap();
        let scores = |sizes: Sizes, heads| sizes.src().with_axis(3, heads).unwrap();
        let positions = |sizes: Sizes, random: &mut Random| {
            [sizes.index(sizes.src[2], random), sizes.index(sizes.groups + 1, random)]
        };
        let [index, indptr] = positions(largest, &mut random).map(|shape| described(INT32_TYPE, shape));
        let score = described(data_type, scores(largest, largest.src[3]));
        let inputs = vec![described(data_type, src(largest)), index, indptr, score];
        let given = plugin.workspace_size(&inputs, &inputs, &[described(data_type, largest.out())]);
        let sizes = largest.within(&mut random);
        let [index, indptr] = positions(sizes, &mut random);
        let score = scores(sizes, [1, sizes.src[3]][random.index(2)]);
        let plan = AttentionCsrPlan::new(&src(sizes), &index, &indptr, &score).unwrap();
        let needed = plan.workspace_bytes(scalar);
        assert!(needed <= given, "{sizes:?} of {largest:?}, {scalar:?}: {needed} bytes needed, {given} given");
    }
}

/// Plans an operator with destinations: of src, index, destination, weight, the reduction, and the number of groups.
type PlanOf = fn(&Shape, &Shape, &Shape, Option<&Shape>, Reduce, usize) -> Result<GatherScatterPlan, Error>;

#[test]
fn gathered_groups_fit() {
    gathered_groups_of_fit(c"TRTS_GatherScatter", |src, index, destination, weight, reduce, groups| {
        let options = GatherScatterOptions::new(reduce).dim_size(groups);
        GatherScatterPlan::new(src, index, destination, weight, &options)
    });
}

#[test]
fn gathered_segments_of_a_sorted_index_fit() {
    gathered_groups_of_fit(c"TRTS_GatherSegmentCOO", |src, index, destination, weight, reduce, groups| {
        let options = GatherSegmentCooOptions::new(reduce).dim_size(groups);
        GatherScatterPlan::coo(src, index, destination, weight, &options)
    });
}

fn gathered_groups_of_fit(name: &CStr, plan: PlanOf) {
    let mut random = Random(7);
    for reduce in ReduceOperator::GatherScatter.reductions() {
        let fields = [chars(c"reduce", reduce.name()), int(c"dim_size_input", &1), int(c"weight_input", &1)];
        let plugin = plugin(name, &fields);
        for _ in 0..CASES {
            let (data_type, scalar) = VALUE_TYPES[random.index(VALUE_TYPES.len())];
            let largest = Sizes::largest(&mut random);
            // The size of axis 2 is the number of elements. The number of rows of src does not matter.
            let src = |sizes: Sizes| sizes.src().with_axis(2, 3).unwrap();
            let weight = |sizes: Sizes| Shape::new(&sizes.src[..3]).unwrap();
            let positions = |sizes: Sizes, random: &mut Random| [(); 2].map(|()| sizes.index(sizes.src[2], random));
            let [index, destination] = positions(largest, &mut random).map(|shape| described(INT32_TYPE, shape));
            let weights = described(data_type, weight(largest));
            let inputs = [described(data_type, src(largest)), index, destination, weights];
            let outputs = vec![described(data_type, largest.out()); plugin.output_count() as usize];
            let given = plugin.workspace_size(&inputs, &inputs, &outputs);
            let sizes = largest.within(&mut random);
            let [index, destination] = positions(sizes, &mut random);
            let weight = weight(sizes);
            let plan = plan(&src(sizes), &index, &destination, Some(&weight), reduce, sizes.groups).unwrap();
            let needed = plan.workspace_bytes(scalar);
            assert!(needed <= given, "{sizes:?} of {largest:?}, {scalar:?}: {needed} bytes needed, {given} given");
        }
    }
}

#[test]
fn points_of_a_grid_fit() {
    let mut random = Random(8);
    let plugin = plugin(c"bev_pool_v2", &[int(c"out_height", &100), int(c"out_width", &160)]);
    for _ in 0..CASES {
        let (data_type, scalar) = [(FLOAT, ScalarType::F32), (HALF, ScalarType::F16)][random.index(2)];
        let (points, intervals) = (random.index(3_000_000), random.index(20_000));
        let columns = [1, 3, 64, 80, 256][random.index(5)];
        let vector = |size: usize| described(INT32_TYPE, Shape::new(&[size]).unwrap());
        let feat = described(data_type, Shape::new(&[6, 16, 44, columns]).unwrap());
        let depth = described(data_type, Shape::new(&[6, 59, 16, 44]).unwrap());
        let mut inputs = vec![depth, feat];
        inputs.extend([points, points, points, intervals, intervals].map(vector));
        let out = described(data_type, Shape::new(&[1, 100, 160, columns]).unwrap());
        let given = plugin.workspace_size(&inputs, &inputs, &[out]);
        let plan = BevPoolPlan::new(&BevPoolSizes {
            depths: 6 * 59 * 16 * 44,
            rows: 6 * 16 * 44,
            columns,
            points: random.index(points + 1),
            intervals,
            cells: 16_000,
        });
        let needed = plan.unwrap().workspace_bytes(scalar, IndexType::I32);
        assert!(needed <= given, "{points} points, {columns} columns: {needed} bytes needed, {given} given");
    }
}

#[test]
fn groupings_fit() {
    let mut random = Random(6);
    let plugin = plugin(c"TRTS_GroupIndex", &[int(c"dim_size_input", &1)]);
    for _ in 0..CASES {
        let is_wide = random.below(2) == 1;
        let (data_type, index_type) =
            [(INT32_TYPE, IndexType::I32), (INT64_TYPE, IndexType::I64)][usize::from(is_wide)];
        let index = |sizes: Sizes| Shape::new(&sizes.src[..3]).unwrap();
        let planned = |sizes: Sizes| {
            GroupIndexPlan::new(&index(sizes), &GroupIndexOptions::new().dim_size(sizes.groups)).unwrap()
        };
        let largest = Sizes::largest(&mut random);
        let inputs = [described(data_type, index(largest))];
        let outputs = [inputs[0].clone(), described(data_type, *planned(largest).indptr_shape())];
        let given = plugin.workspace_size(&inputs, &inputs, &outputs);
        let sizes = largest.within(&mut random);
        let needed = planned(sizes).workspace_bytes(index_type);
        assert!(needed <= given, "{sizes:?} of {largest:?}, {index_type:?}: {needed} bytes needed, {given} given");
    }
}

/// The plugins that a test above is about.
const CHECKED: [&CStr; 15] = [
    c"bev_pool_v2",
    c"TRTS_AttentionCSR",
    c"TRTS_Scatter",
    c"TRTS_SegmentCOO",
    c"TRTS_SegmentCSR",
    c"TRTS_ScatterSoftmax",
    c"TRTS_ScatterLogSumExp",
    c"TRTS_ScatterStd",
    c"TRTS_GatherSegmentCSR",
    c"TRTS_GatherSegmentCOO",
    c"TRTS_GroupIndex",
    c"TRTS_GatherScatter",
    c"TRTS_SoftmaxCSR",
    c"TRTS_LogSumExpCSR",
    c"TRTS_StdCSR",
];

/// log_softmax has softmax's workspace, and an alias that of its operator.
const AS_ANOTHER: [&CStr; 4] = [c"TRTS_ScatterLogSoftmax", c"TRTS_LogSoftmaxCSR", c"SegmentCSR", c"BEVPoolV2TRT"];

#[test]
fn plugins_without_a_test_need_no_workspace() {
    for (name, _) in PLUGINS.into_iter().filter(|(name, _)| !CHECKED.contains(name) && !AS_ANOTHER.contains(name)) {
        let layer = layers(3).find(|layer| layer.plugin == name).unwrap();
        let plugin = plugin(name, &layer.fields());
        let (inputs, outputs) = (layer.input_tensors(FLOAT, INT32_TYPE), layer.output_tensors(FLOAT));
        let given = plugin.workspace_size(&inputs, &inputs, &outputs);
        assert_eq!(given, 0, "{name:?} has workspace: add a test of it");
    }
}
