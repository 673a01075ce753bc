//! A table of layers: every plugin with shapes that fit, and what the library must answer for them.

use std::ffi::CStr;

use super::{
    CHAR, FLOAT64, Field, INT32,
    tensors::{BF16, FLOAT, HALF, INDEX_TYPES, INT32_TYPE, INT64_TYPE, Tensor, VALUE_TYPES, tensor},
};

/// Every plugin with its attributes and their types, in the order its creator declares them.
pub const PLUGINS: [(&CStr, &[(&str, i32)]); 22] = [
    (
        c"TRTS_Scatter",
        &[
            ("dim", INT32),
            ("dim_size", INT32),
            ("reduce", CHAR),
            ("arg_type", CHAR),
            ("dim_size_input", INT32),
            ("deterministic", INT32),
        ],
    ),
    (c"TRTS_SegmentCOO", &[("dim_size", INT32), ("reduce", CHAR), ("arg_type", CHAR), ("dim_size_input", INT32)]),
    (c"TRTS_SegmentCSR", &[("reduce", CHAR), ("arg_type", CHAR)]),
    (c"TRTS_GatherCOO", &[]),
    (c"TRTS_GatherCSR", &[("size", INT32)]),
    (c"TRTS_ScatterSoftmax", &[("dim", INT32), ("dim_size", INT32), ("dim_size_input", INT32)]),
    (c"TRTS_ScatterLogSoftmax", &[("dim", INT32), ("dim_size", INT32), ("eps", FLOAT64), ("dim_size_input", INT32)]),
    (c"TRTS_ScatterLogSumExp", &[("dim", INT32), ("dim_size", INT32), ("eps", FLOAT64), ("dim_size_input", INT32)]),
    (c"TRTS_ScatterStd", &[("dim", INT32), ("dim_size", INT32), ("unbiased", INT32), ("dim_size_input", INT32)]),
    (c"TRTS_GatherSegmentCSR", &[("reduce", CHAR), ("arg_type", CHAR)]),
    (c"TRTS_GroupIndex", &[("dim_size", INT32), ("dim_size_input", INT32)]),
    (c"TRTS_GatherScatter", OF_DESTINATIONS),
    (c"TRTS_SoftmaxCSR", &[]),
    (c"TRTS_LogSoftmaxCSR", &[("eps", FLOAT64)]),
    (c"TRTS_LogSumExpCSR", &[("eps", FLOAT64)]),
    (c"TRTS_StdCSR", &[("unbiased", INT32)]),
    (c"TRTS_AttentionCSR", &[]),
    (c"TRTS_GatherSegmentCOO", OF_DESTINATIONS),
    (c"TRTS_GatherDot", &[("combine", CHAR), ("heads", INT32), ("negative_slope", FLOAT64)]),
    (c"SegmentCSR", &[("reduce", CHAR)]),
    (c"bev_pool_v2", OF_GRIDS),
    (c"BEVPoolV2TRT", OF_GRIDS),
];

/// The attributes of the plugins with destinations.
const OF_DESTINATIONS: &[(&str, i32)] =
    &[("dim_size", INT32), ("reduce", CHAR), ("arg_type", CHAR), ("dim_size_input", INT32), ("weight_input", INT32)];

/// The attributes of bird's-eye-view pooling.
const OF_GRIDS: &[(&str, i32)] = &[("out_height", INT32), ("out_width", INT32)];

/// The plugins that take floats alone.
const OF_FLOATS: [&CStr; 12] = [
    c"TRTS_GatherDot",
    c"bev_pool_v2",
    c"BEVPoolV2TRT",
    c"TRTS_AttentionCSR",
    c"TRTS_ScatterSoftmax",
    c"TRTS_ScatterLogSoftmax",
    c"TRTS_ScatterLogSumExp",
    c"TRTS_ScatterStd",
    c"TRTS_SoftmaxCSR",
    c"TRTS_LogSoftmaxCSR",
    c"TRTS_LogSumExpCSR",
    c"TRTS_StdCSR",
];

/// An attribute's value.
pub enum Value {
    Int(i32),
    Float(f64),
    Text(&'static str),
}
use Value::{Float, Int, Text};

/// What a layer has behind src and index, or behind the index of `TRTS_GroupIndex`, or behind all inputs of
/// `TRTS_GatherSegmentCSR`, `TRTS_GatherSegmentCOO`, `TRTS_GatherScatter`, `TRTS_AttentionCSR` and `TRTS_GatherDot`.
#[derive(Clone, Copy, PartialEq)]
pub enum Third {
    None,
    Base,
    /// A shape tensor, which needs TensorRT 10.
    DimSize,
}

/// A layer: a plugin, its attributes and the shapes of its tensors.
pub struct Layer {
    pub plugin: &'static CStr,
    pub attributes: &'static [(&'static CStr, Value)],
    pub third: Third,
    /// The shapes of src, index and, with a base, base; for `TRTS_GatherSegmentCSR` of src, index, indptr and perhaps
    /// weight, for `TRTS_GatherScatter` and `TRTS_GatherSegmentCOO` of the same with destination for indptr, for
    /// `TRTS_AttentionCSR` of the same with score for weight, for `TRTS_GatherDot` of src, index, other, other_index and
    /// perhaps weight, for `TRTS_GroupIndex` of index, for bird's-eye-view pooling of depth, feat, ranks_depth,
    /// ranks_feat, ranks_bev, interval_starts and interval_lengths.
    pub inputs: &'static [&'static [i64]],
    /// The shape of the first output: out, or perm.
    pub out: &'static [i64],
    /// The type of arg_out.
    pub arg_out: Option<i32>,
    /// The number of groups, where the layer has a last output of that size.
    pub groups: Option<i64>,
    /// The shape of `TRTS_GroupIndex`'s second output, and its sizes for those of the inputs in `symbolic`.
    pub indptr: Option<(&'static [i64], &'static str)>,
    /// Sizes of the inputs, and those of the first output. -1 stands for a size that only a running engine knows.
    pub symbolic: (&'static [&'static [i64]], &'static str),
}

impl Layer {
    pub fn fields(&'static self) -> Vec<Field> {
        let field = |(name, value): &'static (&'static CStr, Value)| {
            let (data, field_type, length): (*const u8, _, _) = match value {
                Int(value) => (std::ptr::from_ref(value).cast(), INT32, 1),
                Float(value) => (std::ptr::from_ref(value).cast(), FLOAT64, 1),
                Text(value) => (value.as_ptr(), CHAR, value.len() as i32),
            };
            Field { name: name.as_ptr(), data: data.cast(), field_type, length }
        };
        self.attributes.iter().map(field).collect()
    }

    /// What TensorRT calls the layer in messages.
    pub fn who(&self) -> String {
        format!("{} \"layer\"", self.plugin.to_str().unwrap())
    }

    /// The types that the first input may have: src, or the index of `TRTS_GroupIndex`.
    pub fn value_types(&self) -> Vec<i32> {
        if self.is_group_index() {
            return INDEX_TYPES.to_vec();
        }
        let takes_integers = !OF_FLOATS.contains(&self.plugin);
        let taken = VALUE_TYPES.into_iter().filter(|(_, scalar)| takes_integers || scalar.is_float());
        taken.map(|(number, _)| number).collect()
    }

    pub fn input_tensors(&self, values: i32, index: i32) -> Vec<Tensor> {
        self.inputs.iter().enumerate().map(|(at, dims)| tensor(self.input_type(at, values, index), dims)).collect()
    }

    /// The names of the inputs. "base" is also that of a third input that is not there.
    pub fn input_names(&self) -> &'static [&'static str] {
        if self.is_gather_segment() {
            &["src", "index", "indptr", "weight"]
        } else if self.has_destinations() {
            &["src", "index", "destination", "weight"]
        } else if self.is_attention() {
            &["src", "index", "indptr", "score"]
        } else if self.is_gather_dot() {
            &["src", "index", "other", "other_index", "weight"]
        } else if self.is_group_index() {
            &["index"]
        } else if self.is_bev_pool() {
            &["depth", "feat", "ranks_depth", "ranks_feat", "ranks_bev", "interval_starts", "interval_lengths"]
        } else {
            &["src", "index", "base"]
        }
    }

    /// The name of the first output.
    pub fn output_name(&self) -> &'static str {
        if self.is_group_index() { "perm" } else { "out" }
    }

    /// The shapes of the outputs without the one that exists for its size, each with its sizes for those of the inputs
    /// in `symbolic`.
    pub fn output_shapes(&self) -> Vec<(&'static [i64], &'static str)> {
        let first = (self.out, self.symbolic.1);
        [Some(first), self.arg_out.map(|_| first), self.indptr].into_iter().flatten().collect()
    }

    /// The value of the shape tensor for these shapes.
    pub fn group_count(&self) -> i64 {
        let on_axis = || *self.out.iter().zip(self.inputs[0]).find(|(out, src)| out != src).unwrap().0;
        let of_indptr = self.indptr.map(|(dims, _)| dims.last().unwrap() - 1);
        self.groups.or(of_indptr).unwrap_or_else(on_axis)
    }

    fn is_group_index(&self) -> bool {
        self.plugin == c"TRTS_GroupIndex"
    }

    pub fn is_bev_pool(&self) -> bool {
        [c"bev_pool_v2", c"BEVPoolV2TRT"].contains(&self.plugin)
    }

    /// The position of the first index or indptr behind src.
    fn first_index(&self) -> usize {
        if self.is_bev_pool() { 2 } else { 1 }
    }

    fn is_gather_segment(&self) -> bool {
        self.plugin == c"TRTS_GatherSegmentCSR"
    }

    fn has_destinations(&self) -> bool {
        [c"TRTS_GatherScatter", c"TRTS_GatherSegmentCOO"].contains(&self.plugin)
    }

    fn is_attention(&self) -> bool {
        self.plugin == c"TRTS_AttentionCSR"
    }

    fn is_gather_dot(&self) -> bool {
        self.plugin == c"TRTS_GatherDot"
    }

    fn input_type(&self, position: usize, values: i32, index: i32) -> i32 {
        let has_two_indices = self.is_gather_segment() || self.has_destinations() || self.is_attention();
        let second = if has_two_indices { Some(2) } else { self.is_gather_dot().then_some(3) };
        let is_index =
            if self.is_bev_pool() { position >= self.first_index() } else { position == 1 || Some(position) == second };
        if is_index { index } else { values }
    }

    pub fn output_tensors(&self, values: i32) -> Vec<Tensor> {
        let types = [Some(values), self.arg_out].into_iter().flatten();
        let groups = self.groups.map(|groups| tensor(INT32_TYPE, &[groups]));
        let indptr = self.indptr.map(|(dims, _)| tensor(values, dims));
        types.map(|data_type| tensor(data_type, self.out)).chain(groups).chain(indptr).collect()
    }

    /// Whether the tensor at a position may be of a type, by the rules the documentation gives.
    pub fn takes(&self, position: usize, data_type: i32, values: i32, index: i32) -> bool {
        let inputs = self.inputs.len();
        match position {
            0 => self.value_types().contains(&data_type),
            _ if position < inputs && position == self.first_index() => INDEX_TYPES.contains(&data_type),
            _ if position < inputs => {
                let is_weight = !self.is_bev_pool() && position == if self.is_gather_dot() { 4 } else { 3 };
                let is_wide = is_weight && [HALF, BF16].contains(&values) && data_type == FLOAT;
                is_wide || data_type == self.input_type(position, values, index)
            }
            _ if position == inputs + 1 && self.indptr.is_none() => data_type == self.arg_out.unwrap_or(INT32_TYPE),
            _ => data_type == values,
        }
    }

    /// Asks for every type and format at every position, the other tensors being as they should for a type of values
    /// and one of the index.
    pub fn check_formats(&self, values: i32, index: i32, supports: impl Fn(usize, &[Tensor]) -> bool) {
        let good = [self.input_tensors(values, index), self.output_tensors(values)].concat();
        for position in 0..good.len() {
            for data_type in -1..12 {
                for format in 0..3 {
                    let mut tried = good.clone();
                    tried[position].data_type = data_type;
                    tried[position].format = format;
                    assert_eq!(
                        supports(position, &tried),
                        format == 0 && self.takes(position, data_type, values, index),
                        "{}, tensor {position}, type {data_type}, format {format}",
                        self.who()
                    );
                }
            }
        }
    }
}

/// The layers that a generation has.
pub fn layers(generation: i32) -> impl Iterator<Item = &'static Layer> {
    LAYERS
        .iter()
        .filter(move |layer| generation == 3 || layer.third != Third::DimSize && layer.arg_out != Some(INT64_TYPE))
}

const DYNAMIC: &[&[i64]] = &[&[-1, -1, 3], &[-1]];
const DYNAMIC_BASE: &[&[i64]] = &[&[-1, -1, 3], &[-1], &[-1, -1, 3]];
const ROWS: &[&[i64]] = &[&[2, 5, 3], &[5]];
const ROWS_BASE: &[&[i64]] = &[&[2, 5, 3], &[5], &[2, 7, 3]];

static LAYERS: [Layer; 47] = [
    Layer {
        plugin: c"TRTS_ScatterSoftmax",
        attributes: &[(c"dim", Int(1)), (c"dim_size_input", Int(1))],
        third: Third::DimSize,
        inputs: ROWS,
        out: &[2, 5, 3],
        arg_out: None,
        groups: Some(7),
        indptr: None,
        symbolic: (DYNAMIC, "src.0 src.1 3"),
    },
    Layer {
        plugin: c"TRTS_ScatterLogSoftmax",
        attributes: &[(c"dim", Int(1)), (c"dim_size_input", Int(1)), (c"eps", Float(0.0))],
        third: Third::DimSize,
        inputs: ROWS,
        out: &[2, 5, 3],
        arg_out: None,
        groups: Some(9),
        indptr: None,
        symbolic: (DYNAMIC, "src.0 src.1 3"),
    },
    Layer {
        plugin: c"TRTS_Scatter",
        attributes: &[(c"dim", Int(1)), (c"dim_size", Int(7)), (c"deterministic", Int(1))],
        third: Third::None,
        inputs: ROWS,
        out: &[2, 7, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (DYNAMIC, "src.0 7 3"),
    },
    Layer {
        plugin: c"TRTS_Scatter",
        attributes: &[(c"dim", Int(1)), (c"dim_size", Int(7)), (c"reduce", Text("max"))],
        third: Third::None,
        inputs: ROWS,
        out: &[2, 7, 3],
        arg_out: Some(INT32_TYPE),
        groups: None,
        indptr: None,
        symbolic: (DYNAMIC, "src.0 7 3"),
    },
    Layer {
        plugin: c"TRTS_Scatter",
        attributes: &[(c"dim", Int(-2)), (c"dim_size", Int(-1)), (c"reduce", Text("mul"))],
        third: Third::Base,
        inputs: ROWS_BASE,
        out: &[2, 7, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (DYNAMIC_BASE, "src.0 base.1 3"),
    },
    Layer {
        plugin: c"TRTS_Scatter",
        attributes: &[
            (c"dim", Int(1)),
            (c"dim_size_input", Int(1)),
            (c"reduce", Text("min")),
            (c"arg_type", Text("int64")),
        ],
        third: Third::DimSize,
        inputs: ROWS,
        out: &[2, 7, 3],
        arg_out: Some(INT64_TYPE),
        groups: None,
        indptr: None,
        symbolic: (DYNAMIC, "src.0 dim_size.0 3"),
    },
    Layer {
        plugin: c"TRTS_SegmentCOO",
        attributes: &[(c"dim_size", Int(4)), (c"reduce", Text("min"))],
        third: Third::None,
        inputs: &[&[2, 5, 3], &[2, 5]],
        out: &[2, 4, 3],
        arg_out: Some(INT32_TYPE),
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, -1, -1], &[1, -1]], "src.0 4 src.2"),
    },
    Layer {
        plugin: c"TRTS_SegmentCOO",
        attributes: &[(c"reduce", Text("add"))],
        third: Third::Base,
        inputs: &[&[2, 5, 3], &[2, 5], &[2, 4, 3]],
        out: &[2, 4, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[2, -1, 3], &[1, -1], &[2, -1, 3]], "2 base.1 3"),
    },
    Layer {
        plugin: c"TRTS_SegmentCOO",
        attributes: &[(c"dim_size_input", Int(1)), (c"reduce", Text("mean"))],
        third: Third::DimSize,
        inputs: &[&[5, 3], &[5]],
        out: &[4, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, 3], &[-1]], "dim_size.0 3"),
    },
    Layer {
        plugin: c"TRTS_SegmentCSR",
        attributes: &[(c"reduce", Text("max"))],
        third: Third::None,
        inputs: &[&[2, 5, 3], &[1, 4]],
        out: &[2, 3, 3],
        arg_out: Some(INT32_TYPE),
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, -1, 3], &[1, -1]], "src.0 max(sub(index.1, 1), 0) 3"),
    },
    Layer {
        plugin: c"TRTS_SegmentCSR",
        attributes: &[(c"reduce", Text("mean"))],
        third: Third::Base,
        inputs: &[&[2, 5, 3], &[2, 4], &[2, 3, 3]],
        out: &[2, 3, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, -1, 3], &[1, 4], &[-1, -1, 3]], "src.0 3 3"),
    },
    Layer {
        plugin: c"TRTS_SegmentCSR",
        attributes: &[],
        third: Third::None,
        inputs: &[&[5], &[0]],
        out: &[0],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1], &[0]], "0"),
    },
    Layer {
        plugin: c"TRTS_GatherCOO",
        attributes: &[],
        third: Third::None,
        inputs: &[&[2, 5, 3], &[2, 9]],
        out: &[2, 9, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, -1, -1], &[1, -1]], "src.0 index.1 src.2"),
    },
    Layer {
        plugin: c"TRTS_GatherCOO",
        attributes: &[],
        third: Third::Base,
        inputs: &[&[2, 5, 3], &[2, 9], &[2, 9, 3]],
        out: &[2, 9, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[2, -1, 3], &[1, -1], &[2, -1, 3]], "2 index.1 3"),
    },
    Layer {
        plugin: c"TRTS_GatherCSR",
        attributes: &[(c"size", Int(9))],
        third: Third::None,
        inputs: &[&[2, 5, 3], &[2, 6]],
        out: &[2, 9, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, -1, 3], &[1, -1]], "src.0 9 3"),
    },
    Layer {
        plugin: c"TRTS_GatherCSR",
        attributes: &[],
        third: Third::Base,
        inputs: &[&[2, 5, 3], &[2, 6], &[2, 9, 3]],
        out: &[2, 9, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, -1, 3], &[1, -1], &[-1, -1, 3]], "src.0 base.1 3"),
    },
    Layer {
        plugin: c"TRTS_ScatterSoftmax",
        attributes: &[(c"dim", Int(1)), (c"dim_size", Int(7))],
        third: Third::None,
        inputs: ROWS,
        out: &[2, 5, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (DYNAMIC, "src.0 src.1 3"),
    },
    Layer {
        plugin: c"TRTS_ScatterLogSoftmax",
        attributes: &[(c"dim", Int(1)), (c"dim_size", Int(7)), (c"eps", Float(1e-6))],
        third: Third::None,
        inputs: ROWS,
        out: &[2, 5, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (DYNAMIC, "src.0 src.1 3"),
    },
    Layer {
        plugin: c"TRTS_ScatterLogSumExp",
        attributes: &[(c"dim", Int(1)), (c"dim_size", Int(7)), (c"eps", Float(0.0))],
        third: Third::None,
        inputs: ROWS,
        out: &[2, 7, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (DYNAMIC, "src.0 7 3"),
    },
    Layer {
        plugin: c"TRTS_ScatterLogSumExp",
        attributes: &[(c"dim", Int(1)), (c"dim_size_input", Int(1))],
        third: Third::DimSize,
        inputs: ROWS,
        out: &[2, 7, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (DYNAMIC, "src.0 dim_size.0 3"),
    },
    Layer {
        plugin: c"TRTS_ScatterStd",
        attributes: &[(c"dim", Int(1)), (c"dim_size", Int(7)), (c"unbiased", Int(0))],
        third: Third::None,
        inputs: ROWS,
        out: &[2, 7, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (DYNAMIC, "src.0 7 3"),
    },
    Layer {
        plugin: c"TRTS_ScatterStd",
        attributes: &[(c"dim_size_input", Int(1)), (c"dim_size", Int(-1))],
        third: Third::DimSize,
        inputs: &[&[2, 3, 5], &[2, 1, 5]],
        out: &[2, 3, 7],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, 3, -1], &[-1, 1, -1]], "src.0 3 dim_size.0"),
    },
    Layer {
        plugin: c"TRTS_GatherSegmentCSR",
        attributes: &[(c"reduce", Text("mean"))],
        third: Third::None,
        inputs: &[&[2, 5, 6], &[2, 7], &[1, 4], &[1, 7, 3]],
        out: &[2, 3, 6],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, -1, 6], &[1, -1], &[1, -1], &[1, -1, 3]], "src.0 max(sub(indptr.1, 1), 0) 6"),
    },
    Layer {
        plugin: c"TRTS_GatherSegmentCSR",
        attributes: &[(c"reduce", Text("max"))],
        third: Third::None,
        inputs: &[&[5, 3], &[7], &[4]],
        out: &[3, 3],
        arg_out: Some(INT32_TYPE),
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, -1], &[-1], &[4]], "3 src.1"),
    },
    Layer {
        plugin: c"TRTS_GatherSegmentCSR",
        attributes: &[(c"reduce", Text("min")), (c"arg_type", Text("int64"))],
        third: Third::None,
        inputs: &[&[5], &[0], &[0], &[0]],
        out: &[0],
        arg_out: Some(INT64_TYPE),
        groups: None,
        indptr: None,
        symbolic: (&[&[-1], &[-1], &[0], &[-1]], "0"),
    },
    Layer {
        plugin: c"TRTS_GroupIndex",
        attributes: &[(c"dim_size", Int(7))],
        third: Third::None,
        inputs: &[&[2, 5]],
        out: &[2, 5],
        arg_out: None,
        groups: None,
        indptr: Some((&[2, 8], "index.0 8")),
        symbolic: (&[&[-1, -1]], "index.0 index.1"),
    },
    Layer {
        plugin: c"TRTS_GroupIndex",
        attributes: &[(c"dim_size_input", Int(1))],
        third: Third::DimSize,
        inputs: &[&[5]],
        out: &[5],
        arg_out: None,
        groups: None,
        indptr: Some((&[4], "sum(dim_size.0, 1)")),
        symbolic: (&[&[-1]], "index.0"),
    },
    Layer {
        plugin: c"TRTS_GroupIndex",
        attributes: &[(c"dim_size", Int(0)), (c"dim_size_input", Int(0))],
        third: Third::None,
        inputs: &[&[3, 0]],
        out: &[3, 0],
        arg_out: None,
        groups: None,
        indptr: Some((&[3, 1], "3 1")),
        symbolic: (&[&[3, -1]], "3 index.1"),
    },
    Layer {
        plugin: c"TRTS_GatherScatter",
        attributes: &[(c"reduce", Text("mean")), (c"dim_size", Int(3))],
        third: Third::None,
        inputs: &[&[2, 5, 6], &[2, 7], &[1, 7], &[1, 7, 3]],
        out: &[2, 3, 6],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, -1, 6], &[1, -1], &[1, -1], &[1, -1, 3]], "src.0 3 6"),
    },
    Layer {
        plugin: c"TRTS_GatherScatter",
        attributes: &[(c"reduce", Text("max")), (c"dim_size_input", Int(1))],
        third: Third::DimSize,
        inputs: &[&[5, 3], &[7], &[7]],
        out: &[4, 3],
        arg_out: Some(INT32_TYPE),
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, -1], &[-1], &[-1]], "dim_size.0 src.1"),
    },
    Layer {
        plugin: c"TRTS_GatherScatter",
        attributes: &[
            (c"reduce", Text("min")),
            (c"arg_type", Text("int64")),
            (c"dim_size_input", Int(1)),
            (c"weight_input", Int(1)),
        ],
        third: Third::DimSize,
        inputs: &[&[5], &[0], &[0], &[0]],
        out: &[2],
        arg_out: Some(INT64_TYPE),
        groups: None,
        indptr: None,
        symbolic: (&[&[-1], &[-1], &[-1], &[-1]], "dim_size.0"),
    },
    Layer {
        plugin: c"TRTS_SoftmaxCSR",
        attributes: &[],
        third: Third::None,
        inputs: &[&[2, 5, 3], &[1, 4]],
        out: &[2, 5, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, -1, 3], &[1, -1]], "src.0 src.1 3"),
    },
    Layer {
        plugin: c"TRTS_LogSoftmaxCSR",
        attributes: &[(c"eps", Float(1e-6))],
        third: Third::None,
        inputs: &[&[5, 3], &[4]],
        out: &[5, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[5, -1], &[-1]], "5 src.1"),
    },
    Layer {
        plugin: c"TRTS_LogSoftmaxCSR",
        attributes: &[],
        third: Third::None,
        inputs: &[&[5], &[0]],
        out: &[5],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1], &[0]], "src.0"),
    },
    Layer {
        plugin: c"TRTS_LogSumExpCSR",
        attributes: &[(c"eps", Float(0.0))],
        third: Third::None,
        inputs: &[&[2, 5, 3], &[2, 4]],
        out: &[2, 3, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, -1, 3], &[1, -1]], "src.0 max(sub(index.1, 1), 0) 3"),
    },
    Layer {
        plugin: c"TRTS_StdCSR",
        attributes: &[(c"unbiased", Int(0))],
        third: Third::None,
        inputs: &[&[2, 3, 5], &[1, 3, 8]],
        out: &[2, 3, 7],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, 3, -1], &[-1, 1, 8]], "src.0 3 7"),
    },
    Layer {
        plugin: c"TRTS_StdCSR",
        attributes: &[],
        third: Third::None,
        inputs: &[&[5], &[0]],
        out: &[0],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1], &[0]], "0"),
    },
    Layer {
        plugin: c"TRTS_AttentionCSR",
        attributes: &[],
        third: Third::None,
        inputs: &[&[2, 5, 6], &[2, 7], &[1, 4], &[1, 7, 3]],
        out: &[2, 3, 6],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, -1, 6], &[1, -1], &[1, -1], &[1, -1, 3]], "src.0 max(sub(indptr.1, 1), 0) 6"),
    },
    Layer {
        plugin: c"TRTS_AttentionCSR",
        attributes: &[],
        third: Third::None,
        inputs: &[&[5], &[0], &[0], &[0]],
        out: &[0],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1], &[-1], &[0], &[-1]], "0"),
    },
    Layer {
        plugin: c"TRTS_GatherSegmentCOO",
        attributes: &[(c"reduce", Text("sum")), (c"dim_size", Int(3))],
        third: Third::None,
        inputs: &[&[2, 5, 6], &[1, 7], &[2, 7], &[1, 7, 3]],
        out: &[2, 3, 6],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, -1, 6], &[1, -1], &[1, -1], &[1, -1, 3]], "src.0 3 6"),
    },
    Layer {
        plugin: c"TRTS_GatherSegmentCOO",
        attributes: &[(c"reduce", Text("max")), (c"dim_size_input", Int(1)), (c"weight_input", Int(1))],
        third: Third::DimSize,
        inputs: &[&[5, 3], &[7], &[7], &[7]],
        out: &[4, 3],
        arg_out: Some(INT32_TYPE),
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, -1], &[-1], &[-1], &[-1]], "dim_size.0 src.1"),
    },
    Layer {
        plugin: c"SegmentCSR",
        attributes: &[(c"reduce", Text("mean"))],
        third: Third::None,
        inputs: &[&[5, 3], &[4]],
        out: &[3, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, 3], &[-1]], "max(sub(index.0, 1), 0) 3"),
    },
    Layer {
        plugin: c"TRTS_GatherDot",
        attributes: &[(c"combine", Text("add")), (c"heads", Int(3)), (c"negative_slope", Float(0.5))],
        third: Third::None,
        inputs: &[&[2, 5, 6], &[2, 7], &[2, 4, 6], &[1, 7], &[6]],
        out: &[2, 7, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, -1, 6], &[1, -1], &[-1, -1, 6], &[1, -1], &[6]], "src.0 index.1 3"),
    },
    Layer {
        plugin: c"TRTS_GatherDot",
        attributes: &[],
        third: Third::None,
        inputs: &[&[5], &[0], &[0], &[0]],
        out: &[0, 1],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1], &[-1], &[0], &[-1]], "index.0 1"),
    },
    // Values only.
    Layer {
        plugin: c"SegmentCSR",
        attributes: &[(c"reduce", Text("max"))],
        third: Third::None,
        inputs: &[&[5, 3], &[4]],
        out: &[3, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[-1, -1], &[4]], "3 src.1"),
    },
    Layer {
        plugin: c"bev_pool_v2",
        attributes: &[(c"out_height", Int(2)), (c"out_width", Int(5))],
        third: Third::None,
        inputs: &[&[6, 3, 4, 2], &[6, 4, 2, 8], &[7], &[7], &[7], &[3], &[3]],
        out: &[1, 2, 5, 8],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[6, -1, -1, -1], &[6, -1, -1, -1], &[-1], &[-1], &[-1], &[-1], &[-1]], "1 2 5 feat.3"),
    },
    Layer {
        plugin: c"BEVPoolV2TRT",
        attributes: &[(c"out_height", Int(0)), (c"out_width", Int(4))],
        third: Third::None,
        inputs: &[&[1, 2, 3, 4, 5], &[1, 2, 4, 5, 3], &[0], &[0], &[0], &[0], &[0]],
        out: &[1, 0, 4, 3],
        arg_out: None,
        groups: None,
        indptr: None,
        symbolic: (&[&[1, 2, 3, 4, 5], &[1, 2, 4, 5, 3], &[-1], &[-1], &[-1], &[0], &[0]], "1 0 4 3"),
    },
];
