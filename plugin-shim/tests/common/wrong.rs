//! Attributes and shapes that must be refused, with words that the message must hold.

use std::ffi::CStr;

use super::{
    CHAR, FLOAT32, Field, INT32, chars, int,
    layers::{PLUGINS, Third, layers},
    tensors::DimsExprs,
};

/// An attribute that a plugin must refuse, and what the message says.
pub struct WrongAttribute {
    pub plugin: &'static CStr,
    pub fields: Vec<Field>,
    pub words: Vec<String>,
}

/// Wrong attributes of every plugin: each of another type, without data, of a huge length, twice, unknown; and values
/// that are out of range.
pub fn wrong_attributes(generation: i32) -> Vec<WrongAttribute> {
    let mut wrong = Vec::new();
    for (plugin, attributes) in PLUGINS {
        let mut refused = |fields: Vec<Field>, words: &[&str]| {
            let words = words.iter().map(|&word| word.to_owned()).collect();
            wrong.push(WrongAttribute { plugin, fields, words });
        };
        refused(vec![int(c"no_such", &1)], &["no_such", attributes.first().map_or("none", |(name, _)| *name)]);
        refused(vec![Field { name: std::ptr::null(), ..int(c"dim", &1) }], &["without a name"]);
        for &(name, field_type) in attributes {
            let static_name = c_name(name);
            let good = if field_type == CHAR { chars(static_name, "max") } else { int(static_name, &1) };
            let good = Field { field_type, ..good };
            let other = if field_type == CHAR { INT32 } else { CHAR };
            refused(vec![Field { field_type: other, ..good }], &[name, "expected"]);
            refused(vec![Field { field_type: -1, ..good }], &[name, "PluginFieldType -1"]);
            refused(vec![Field { data: std::ptr::null(), length: 1, ..good }], &[name, "without data"]);
            refused(vec![Field { length: i32::MAX, ..good }], &[name, "2147483647"]);
            if field_type != CHAR {
                refused(vec![Field { length: 0, ..good }], &[name, "0 values"]);
                refused(vec![Field { length: -1, ..good }], &[name, "-1 values"]);
            }
        }
    }
    wrong.extend(wrong_values(generation));
    wrong
}

fn c_name(name: &str) -> &'static CStr {
    let known = [
        c"dim",
        c"dim_size",
        c"dim_size_input",
        c"weight_input",
        c"reduce",
        c"arg_type",
        c"size",
        c"eps",
        c"unbiased",
        c"deterministic",
        c"out_height",
        c"out_width",
        c"combine",
        c"heads",
        c"negative_slope",
    ];
    known.into_iter().find(|known| known.to_str() == Ok(name)).unwrap()
}

fn wrong_values(generation: i32) -> Vec<WrongAttribute> {
    let named = |name: &'static CStr, value: &'static f32| Field {
        name: name.as_ptr(),
        data: std::ptr::from_ref(value).cast(),
        field_type: FLOAT32,
        length: 1,
    };
    let float = |value| named(c"eps", value);
    let slope = |value| named(c"negative_slope", value);
    let mut rows: Vec<(&'static CStr, Vec<Field>, &[&str])> = vec![
        (c"TRTS_Scatter", vec![chars(c"reduce", "median")], &["reduce", "median", "\"sum\""]),
        (c"TRTS_Scatter", vec![chars(c"reduce", "")], &["reduce"]),
        (c"TRTS_Scatter", vec![int(c"dim_size", &-2)], &["dim_size", "-2"]),
        (c"TRTS_Scatter", vec![int(c"dim", &1), int(c"dim", &1)], &["dim", "twice"]),
        (c"TRTS_Scatter", vec![chars(c"arg_type", "float")], &["arg_type", "float", "int32"]),
        (c"TRTS_Scatter", vec![int(c"dim_size_input", &2)], &["dim_size_input", "2", "0 or 1"]),
        (c"TRTS_SegmentCOO", vec![chars(c"reduce", "mul")], &["reduce", "segment_coo", "mul"]),
        (c"TRTS_SegmentCOO", vec![int(c"dim_size", &i32::MIN)], &["dim_size", "-2147483648"]),
        (c"TRTS_SegmentCSR", vec![chars(c"reduce", "mul")], &["reduce", "segment_csr", "mul"]),
        (c"TRTS_GatherCSR", vec![int(c"size", &-7)], &["size", "-7"]),
        (c"TRTS_GatherSegmentCSR", vec![chars(c"reduce", "mul")], &["reduce", "gather_segment_csr", "mul"]),
        (c"TRTS_GatherSegmentCSR", vec![chars(c"arg_type", "int8")], &["arg_type", "int8", "int32"]),
        (c"TRTS_GroupIndex", vec![], &["number of groups is unknown", "dim_size"]),
        (c"TRTS_GroupIndex", vec![int(c"dim_size", &-3)], &["dim_size", "-3"]),
        (c"TRTS_GatherScatter", vec![], &["number of groups is unknown", "dim_size"]),
        (c"TRTS_GatherScatter", vec![int(c"dim_size", &-3)], &["dim_size", "-3"]),
        (c"TRTS_GatherScatter", vec![int(c"dim_size", &7), int(c"weight_input", &2)], &["weight_input", "2", "0 or 1"]),
        (
            c"TRTS_GatherScatter",
            vec![int(c"dim_size", &7), chars(c"reduce", "mul")],
            &["reduce", "gather_scatter", "mul"],
        ),
        (c"TRTS_GatherSegmentCOO", vec![], &["number of groups is unknown", "dim_size"]),
        (
            c"TRTS_GatherSegmentCOO",
            vec![int(c"dim_size", &7), chars(c"reduce", "mul")],
            &["reduce", "gather_segment_coo", "mul"],
        ),
        (c"TRTS_ScatterSoftmax", vec![], &["dim_size", "missing"]),
        (c"TRTS_ScatterSoftmax", vec![int(c"dim_size", &-1)], &["dim_size", "missing"]),
        (c"TRTS_ScatterLogSoftmax", vec![int(c"dim_size", &7), float(&-1.0)], &["eps", "-1"]),
        (c"TRTS_ScatterLogSumExp", vec![int(c"dim_size", &7), float(&f32::NAN)], &["eps", "NaN"]),
        (c"TRTS_ScatterLogSumExp", vec![], &["dim_size"]),
        (c"TRTS_ScatterStd", vec![int(c"dim_size", &7), int(c"unbiased", &3)], &["unbiased", "3"]),
        (c"TRTS_LogSoftmaxCSR", vec![float(&-1.0)], &["eps", "-1", "0 or more"]),
        (c"TRTS_LogSumExpCSR", vec![float(&f32::INFINITY)], &["eps", "inf", "finite"]),
        (c"TRTS_StdCSR", vec![int(c"unbiased", &-1)], &["unbiased", "-1", "0 or 1"]),
        // The indptr tells the axis and the number of segments.
        (c"TRTS_SoftmaxCSR", vec![int(c"dim", &1)], &["dim", "none"]),
        (c"TRTS_StdCSR", vec![int(c"dim_size", &7)], &["dim_size", "unbiased"]),
        (c"TRTS_AttentionCSR", vec![chars(c"reduce", "sum")], &["reduce", "none"]),
        (c"TRTS_GatherDot", vec![chars(c"combine", "dot")], &["combine", "\"dot\"", "\"mul\" or \"add\""]),
        (c"TRTS_GatherDot", vec![int(c"heads", &0)], &["heads", "0", "1 or more"]),
        (c"TRTS_GatherDot", vec![slope(&f32::INFINITY)], &["negative_slope", "inf", "finite"]),
        (c"SegmentCSR", vec![chars(c"reduce", "mul")], &["reduce", "mul"]),
        (c"SegmentCSR", vec![chars(c"arg_type", "int32")], &["arg_type", "reduce"]),
        (c"bev_pool_v2", vec![int(c"out_height", &4)], &["out_width", "missing"]),
        (c"BEVPoolV2TRT", vec![int(c"out_height", &-4), int(c"out_width", &4)], &["out_height", "-4"]),
        (c"bev_pool_v2", vec![int(c"output_height", &4)], &["output_height", "out_height"]),
    ];
    let both = || vec![int(c"dim_size", &7), int(c"dim_size_input", &1)];
    if generation == 2 {
        rows.push((c"TRTS_Scatter", vec![int(c"dim_size_input", &1)], &["dim_size_input", "TensorRT 10"]));
        rows.push((c"TRTS_GroupIndex", vec![int(c"dim_size_input", &1)], &["dim_size_input", "TensorRT 10"]));
        rows.push((c"TRTS_GatherScatter", vec![int(c"dim_size_input", &1)], &["dim_size_input", "TensorRT 10"]));
        rows.push((c"TRTS_GatherSegmentCOO", vec![int(c"dim_size_input", &1)], &["dim_size_input", "TensorRT 10"]));
        rows.push((c"TRTS_SegmentCSR", vec![chars(c"reduce", "max"), chars(c"arg_type", "int64")], &["arg_type"]));
        rows.push((c"TRTS_GatherSegmentCSR", vec![chars(c"arg_type", "int64")], &["arg_type", "TensorRT 10"]));
    } else {
        rows.push((c"TRTS_Scatter", both(), &["dim_size", "dim_size_input", "both"]));
        rows.push((c"TRTS_ScatterStd", both(), &["dim_size", "dim_size_input", "both"]));
        rows.push((c"TRTS_GroupIndex", both(), &["dim_size", "dim_size_input", "both"]));
        rows.push((c"TRTS_GatherScatter", both(), &["dim_size", "dim_size_input", "both"]));
        rows.push((c"TRTS_GatherSegmentCOO", both(), &["dim_size", "dim_size_input", "both"]));
        rows.push((c"TRTS_ScatterSoftmax", both(), &["dim_size", "dim_size_input", "both"]));
    }
    rows.into_iter()
        .map(|(plugin, fields, words)| WrongAttribute {
            plugin,
            fields,
            words: words.iter().map(|&word| word.to_owned()).collect(),
        })
        .collect()
}

/// Shapes that a plugin must refuse: the layer in the table to take the attributes of, the inputs' sizes, and what the
/// message says.
type WrongShape = (&'static CStr, Third, &'static [&'static [i64]], &'static [&'static str]);

const WRONG_SHAPES: [WrongShape; 74] = [
    (c"TRTS_Scatter", Third::None, &[&[2], &[2]], &["dim is 1", "rank 1"]),
    (c"TRTS_Scatter", Third::None, &[&[2, 5, 3], &[4]], &["index", "[4]", "[2, 5, 3]"]),
    (c"TRTS_Scatter", Third::None, &[&[1; 9], &[1]], &["src has rank 9"]),
    (c"TRTS_Scatter", Third::None, &[&[2, -5, 3], &[5]], &["src", "[2, -5, 3]"]),
    (c"TRTS_Scatter", Third::DimSize, &[&[2, 5, 3], &[5], &[2, 7, 3]], &["dim_size_input", "[2, 7, 3]"]),
    (c"TRTS_SegmentCOO", Third::None, &[&[2, 5, 3], &[]], &["index has rank 0"]),
    (c"TRTS_SegmentCOO", Third::None, &[&[2, 5, 3], &[2, 4]], &["index", "[2, 4]"]),
    (c"TRTS_SegmentCOO", Third::None, &[&[5], &[2, 5]], &["index has rank 2", "rank 1"]),
    (c"TRTS_SegmentCOO", Third::Base, &[&[2, 5], &[2, 5]], &["dim_size", "base"]),
    (c"TRTS_SegmentCOO", Third::Base, &[&[2, 5], &[2, 5], &[3, 4]], &["base", "[3, 4]", "[2, 4]"]),
    (c"TRTS_SegmentCOO", Third::None, &[&[2, 5], &[2, 5], &[2, 6]], &["dim_size is 4", "base has 6"]),
    (c"TRTS_SegmentCSR", Third::None, &[&[2, 5, 3], &[3, 4]], &["indptr", "[3, 4]", "[2, 5, 3]"]),
    (c"TRTS_SegmentCSR", Third::None, &[&[2, 5], &[2, 4], &[2, 4]], &["base", "[2, 4]", "[2, 3]"]),
    (c"TRTS_SegmentCSR", Third::None, &[&[2, 5]], &["1 inputs", "src, indptr"]),
    (c"TRTS_GatherCOO", Third::None, &[&[2, 5, 3], &[3, 9]], &["index", "[3, 9]"]),
    (c"TRTS_GatherCOO", Third::None, &[&[2, 5], &[2, 9], &[2, 5]], &["base", "[2, 5]", "[2, 9]"]),
    (c"TRTS_GatherCSR", Third::Base, &[&[2, 5], &[2, 6]], &["attribute size", "base"]),
    (c"TRTS_GatherCSR", Third::None, &[&[2, 5], &[2, 5]], &["indptr", "[2, 5]", "6"]),
    (c"TRTS_ScatterSoftmax", Third::None, &[&[2, 5], &[2, 5], &[2, 7]], &["3 inputs"]),
    (c"TRTS_ScatterLogSoftmax", Third::None, &[&[2, 5], &[4]], &["index", "[4]"]),
    (c"TRTS_ScatterLogSumExp", Third::None, &[&[2, 5], &[]], &["index has rank 0"]),
    (c"TRTS_ScatterStd", Third::None, &[&[], &[1]], &["src has rank 0", "rank 1 to 8"]),
    (
        c"TRTS_GatherSegmentCSR",
        Third::None,
        &[&[5, 6], &[7]],
        &["2 inputs", "src, index, indptr and optionally weight"],
    ),
    (c"TRTS_GatherSegmentCSR", Third::None, &[&[5, 6], &[], &[4]], &["index has rank 0"]),
    (c"TRTS_GatherSegmentCSR", Third::None, &[&[2, 5], &[2, 7], &[4]], &["indptr has rank 1", "index's rank, 2"]),
    (c"TRTS_GatherSegmentCSR", Third::None, &[&[5, 6], &[7], &[4], &[]], &["weight has rank 0", "1, or 2"]),
    (c"TRTS_GatherSegmentCSR", Third::None, &[&[2, 5], &[3, 7], &[2, 4]], &["index", "[3, 7]", "[2, 5]"]),
    (c"TRTS_GatherSegmentCSR", Third::None, &[&[2, 5], &[2, 7], &[3, 4]], &["indptr", "[3, 4]", "[2, 5]"]),
    (c"TRTS_GatherSegmentCSR", Third::None, &[&[5, 6], &[7], &[4], &[6]], &["weight", "[6]", "[7]"]),
    (c"TRTS_GatherSegmentCSR", Third::None, &[&[5, 6], &[7], &[4], &[7, 4]], &["weight", "[7, 4]", "divides"]),
    (
        c"TRTS_GatherScatter",
        Third::None,
        &[&[5, 6], &[7]],
        &["2 inputs", "src, index, destination and optionally weight"],
    ),
    (c"TRTS_GatherScatter", Third::None, &[&[5, 6], &[], &[]], &["index has rank 0"]),
    (c"TRTS_GatherScatter", Third::None, &[&[2, 5], &[2, 7], &[7]], &["destination has rank 1", "index's rank, 2"]),
    (c"TRTS_GatherScatter", Third::None, &[&[5, 6], &[7], &[6]], &["destination", "[6]", "[7]"]),
    (c"TRTS_GatherScatter", Third::None, &[&[2, 5], &[2, 7], &[3, 7]], &["destination", "[3, 7]", "[2, 5]"]),
    (c"TRTS_GatherScatter", Third::None, &[&[5, 6], &[7], &[7], &[6]], &["weight", "[6]", "[7]"]),
    (c"TRTS_GatherScatter", Third::None, &[&[5, 6], &[7], &[7], &[]], &["weight has rank 0", "1, or 2"]),
    // Without weight_input, the last input can only be the shape tensor.
    (c"TRTS_GatherScatter", Third::DimSize, &[&[5, 6], &[7], &[7], &[7]], &["dim_size_input", "[7]"]),
    (c"TRTS_GatherScatter", Third::DimSize, &[&[5, 6], &[7]], &["2 inputs", "destination and optionally dim_size"]),
    (c"TRTS_GatherSegmentCOO", Third::None, &[&[5, 6], &[7], &[6]], &["destination", "[6]", "[7]"]),
    (c"TRTS_GatherSegmentCOO", Third::None, &[&[2, 5], &[2, 7], &[3, 7]], &["destination", "[3, 7]", "[2, 5]"]),
    (c"TRTS_GatherSegmentCOO", Third::None, &[&[5, 6], &[7], &[7], &[7, 4]], &["weight", "[7, 4]", "divides"]),
    (c"TRTS_GatherSegmentCOO", Third::DimSize, &[&[5, 6], &[7], &[7]], &["3 inputs", "weight and optionally dim_size"]),
    (c"TRTS_GroupIndex", Third::None, &[&[]], &["index has rank 0", "rank 1 to 8"]),
    (c"TRTS_GroupIndex", Third::None, &[&[2, 5], &[2, 5]], &["2 inputs", "expected index"]),
    (c"TRTS_GroupIndex", Third::None, &[&[2, -5]], &["index", "[2, -5]"]),
    (c"TRTS_GroupIndex", Third::DimSize, &[&[5], &[2]], &["dim_size_input", "[2]"]),
    (c"TRTS_SoftmaxCSR", Third::None, &[&[2, 5, 3], &[3, 4]], &["indptr", "[3, 4]", "[2, 5, 3]"]),
    (c"TRTS_SoftmaxCSR", Third::None, &[&[2, 5]], &["1 inputs", "src, indptr"]),
    (c"TRTS_LogSoftmaxCSR", Third::None, &[&[5], &[2, 4]], &["indptr has rank 2", "rank 1"]),
    (c"TRTS_LogSumExpCSR", Third::None, &[&[2, 5], &[]], &["indptr has rank 0"]),
    (c"TRTS_LogSumExpCSR", Third::None, &[&[2, -5], &[2, 4]], &["src", "[2, -5]"]),
    (c"TRTS_StdCSR", Third::None, &[&[], &[4]], &["src has rank 0", "rank 1 to 8"]),
    (c"TRTS_StdCSR", Third::None, &[&[2, 5], &[2, 4], &[2, 3]], &["3 inputs", "src, indptr"]),
    // As the other project's plugin, it has no base.
    (c"SegmentCSR", Third::None, &[&[5, 3], &[4], &[3, 3]], &["3 inputs", "expected src, indptr"]),
    (c"bev_pool_v2", Third::None, &[&[6], &[4, 8], &[7], &[7], &[7], &[3]], &["6 inputs", "interval_lengths"]),
    (
        c"bev_pool_v2",
        Third::None,
        &[&[6], &[4, 8], &[7], &[6], &[7], &[3], &[3]],
        &["ranks_feat has 6", "ranks_depth, 7"],
    ),
    (c"bev_pool_v2", Third::None, &[&[6], &[4, 8], &[7], &[7], &[7], &[3], &[4]], &["interval_lengths has 4", "3"]),
    (c"bev_pool_v2", Third::None, &[&[6], &[8], &[7], &[7], &[7], &[3], &[3]], &["feat has rank 1", "2 or more"]),
    (c"BEVPoolV2TRT", Third::None, &[&[6], &[4, 8], &[1, 7], &[7], &[7], &[3], &[3]], &["ranks_depth has rank 2", "1"]),
    (c"TRTS_AttentionCSR", Third::None, &[&[5, 6], &[7], &[4]], &["3 inputs", "expected src, index, indptr, score"]),
    (c"TRTS_AttentionCSR", Third::None, &[&[5, 6], &[7], &[4], &[]], &["score has rank 0", "1, or 2"]),
    (c"TRTS_AttentionCSR", Third::None, &[&[5, 6], &[7], &[4], &[6]], &["score", "[6]", "[7]"]),
    (c"TRTS_AttentionCSR", Third::None, &[&[5, 6], &[7], &[4], &[7, 4]], &["score", "[7, 4]", "divides"]),
    (c"TRTS_AttentionCSR", Third::None, &[&[2, 5], &[2, 7], &[4], &[2, 7]], &["indptr has rank 1", "index's rank, 2"]),
    (
        c"TRTS_GatherDot",
        Third::None,
        &[&[5, 6], &[7], &[5, 6]],
        &["3 inputs", "expected src, index, other, other_index and optionally weight"],
    ),
    (c"TRTS_GatherDot", Third::None, &[&[5, 6], &[], &[5, 6], &[]], &["index has rank 0"]),
    (c"TRTS_GatherDot", Third::None, &[&[5, 6], &[7], &[5], &[7]], &["other has rank 1", "src's rank, 2"]),
    (
        c"TRTS_GatherDot",
        Third::None,
        &[&[5, 6], &[7], &[5, 6], &[1, 7]],
        &["other_index has rank 2", "index's rank, 1"],
    ),
    (c"TRTS_GatherDot", Third::None, &[&[5, 6], &[7], &[4, 6], &[7], &[6, 1]], &["weight has rank 2", "expected 1"]),
    (c"TRTS_GatherDot", Third::None, &[&[5, 6], &[7], &[4, 3], &[7]], &["other", "[4, 3]", "[5, 6]"]),
    (c"TRTS_GatherDot", Third::None, &[&[5, 6], &[7], &[4, 6], &[6]], &["other_index", "[6]", "[7]"]),
    (c"TRTS_GatherDot", Third::None, &[&[5, 6], &[7], &[4, 6], &[7], &[5]], &["weight", "[5]", "6 columns"]),
    (c"TRTS_GatherDot", Third::None, &[&[5, 7], &[7], &[4, 7], &[7]], &["heads is 3", "7 columns", "divides"]),
];

/// The wrong shapes of a generation, as a layer's fields and expressions.
pub fn wrong_shapes<T: super::tensors::Size>(
    generation: i32,
) -> impl Iterator<Item = (&'static super::layers::Layer, Vec<DimsExprs>, &'static [&'static str])> {
    WRONG_SHAPES.iter().filter_map(move |&(plugin, third, inputs, words)| {
        let layer = layers(generation).find(|layer| layer.plugin == plugin && layer.third == third)?;
        Some((layer, inputs.iter().map(|dims| DimsExprs::new::<T>(dims)).collect(), words))
    })
}
