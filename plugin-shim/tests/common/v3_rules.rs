//! The rules of TRTS_Scatter on the V3 side, for a creator from any source. `v3_layer_rules` has the rules of every
//! plugin.

use super::{
    Field, Session, chars, int, scatter_fields,
    tensors::{BOOL, DimsExprs, FLOAT, HALF, INT32_TYPE, INT64_TYPE, Tensor, tensor},
    v3::{Creator, Phase, Plugin},
};

/// Makes each rule a test. The function returns the creator, if it can.
#[macro_export]
macro_rules! v3_rules {
    ($creator:path) => {
        v3_rules! {
            $creator:
            the_plugin_describes_itself,
            wrong_attributes_are_refused_by_name,
            output_types_follow_src,
            output_shapes_follow_src_dim_size_and_base,
            wrong_shapes_are_refused_by_input,
            configure_and_shape_changes_say_what_does_not_fit,
            the_workspace_is_that_of_the_largest_shapes,
        }
    };
    ($creator:path: $($rule:ident),* $(,)?) => {
        $(#[test]
        fn $rule() {
            let session = common::Session::start();
            if let Some(creator) = $creator(stringify!($rule)) {
                session.logged();
                common::v3_rules::$rule(creator, &session);
            }
        })*
    };
}

fn plugin(creator: Creator, dim: &'static i32, dim_size: Option<&'static i32>, reduce: &'static str) -> Plugin {
    creator.create(c"pillars", &scatter_fields(dim, dim_size, reduce), Phase::Build).expect("a plugin")
}

/// src, index, out, arg_out of a layer with dim 1 and dim_size 7.
pub fn layer(index: i32) -> ([Tensor; 2], [Tensor; 2]) {
    ([tensor(FLOAT, &[2, 5, 3]), tensor(index, &[5])], [tensor(FLOAT, &[2, 7, 3]), tensor(INT32_TYPE, &[2, 7, 3])])
}

pub fn the_plugin_describes_itself(creator: Creator, session: &Session) {
    let plugin = plugin(creator, &1, Some(&7), "max");
    assert_eq!((plugin.name(), plugin.version(), plugin.namespace()), ("TRTS_Scatter", "1", ""));
    assert_eq!((plugin.output_count(), plugin.tactic_count(), plugin.set_tactic(0)), (2, 0, 0));
    assert!(plugin.timing_cache_id().is_null());
    assert_eq!(plugin.format_combination_limit(), 100);
    assert_eq!(self::plugin(creator, &1, Some(&7), "mean").output_count(), 1);
    session.expect_silence();
}

pub fn wrong_attributes_are_refused_by_name(creator: Creator, session: &Session) {
    let refused = |fields: &[Field], words: &[&str]| {
        for phase in [Phase::Build, Phase::Runtime] {
            assert!(creator.create(c"pillars", fields, phase).is_none());
            session.expect_error(&[&["TRTS_Scatter \"pillars\""], words].concat());
        }
    };
    refused(&[chars(c"reduce", "median")], &["reduce", "median", "\"sum\""]);
    refused(&[int(c"dim_size", &-3)], &["dim_size", "-3"]);
    refused(&[Field { field_type: 1, ..int(c"dim", &1) }], &["dim", "one INT32"]);
    let wide = i64::from(i32::MAX) + 1;
    let wide = Field { field_type: 10, data: std::ptr::from_ref(&wide).cast(), ..int(c"dim", &1) };
    refused(&[wide], &["dim", "2147483648", "INT32"]);
    refused(&[chars(c"Reduce", "max")], &["\"Reduce\"", "dim, dim_size, reduce"]);
    assert!(creator.create_of(c"pillars", std::ptr::null(), Phase::Build).is_some(), "every attribute has a default");
    session.expect_silence();
}

pub fn output_types_follow_src(creator: Creator, session: &Session) {
    let max = plugin(creator, &1, Some(&7), "max");
    assert_eq!(max.output_types(&[FLOAT, INT32_TYPE], 2), Some(vec![FLOAT, INT32_TYPE]));
    assert_eq!(max.output_types(&[FLOAT, INT64_TYPE, FLOAT], 2), Some(vec![FLOAT, INT32_TYPE]));
    session.expect_silence();
    for (types, outputs, words) in [
        (&[BOOL, INT32_TYPE][..], 2, &["src is of type BOOL", "FLOAT or HALF"][..]),
        (&[FLOAT, FLOAT], 2, &["index is of type FLOAT", "INT32 or INT64"]),
        (&[FLOAT, INT32_TYPE, HALF], 2, &["base is of type HALF", "FLOAT"]),
        (&[FLOAT], 2, &["1 inputs", "src, index"]),
        (&[FLOAT, INT32_TYPE], 1, &["1 outputs", "out, arg_out"]),
    ] {
        assert_eq!(max.output_types(types, outputs), None);
        session.expect_error(words);
    }
}

pub fn output_shapes_follow_src_dim_size_and_base(creator: Creator, session: &Session) {
    let shape = |dim, dim_size, dims: &[&[i64]]| {
        let plugin = plugin(creator, dim, dim_size, "max");
        let inputs: Vec<_> = dims.iter().map(|dims| DimsExprs::new::<i64>(dims)).collect();
        let shapes = plugin.output_shapes(&inputs, 2).expect("shapes");
        let shapes: Vec<_> = shapes.iter().map(|shape| shape.describe(&inputs)).collect();
        assert_eq!(shapes[0], shapes[1]);
        shapes[0].join(" ")
    };
    assert_eq!(shape(&1, Some(&7), &[&[2, 5, 3], &[5]]), "2 7 3");
    assert_eq!(shape(&-1, Some(&7), &[&[2, 5, -1], &[2, 1, -1]]), "2 5 7");
    assert_eq!(shape(&-3, None, &[&[-1, 5, 3], &[-1], &[-1, 5, 3]]), "base.0 5 3");
    assert_eq!(shape(&-3, Some(&7), &[&[-1, 5, 3], &[-1], &[-1, 5, 3]]), "7 5 3");
    assert_eq!(shape(&1, Some(&0), &[&[1 << 40, 1], &[1]]), "1099511627776 0", "sizes beyond 2^31 pass through");
    session.expect_silence();
}

pub fn wrong_shapes_are_refused_by_input(creator: Creator, session: &Session) {
    let refused = |dim, dim_size, dims: &[&[i64]], words: &[&str]| {
        let inputs: Vec<_> = dims.iter().map(|dims| DimsExprs::new::<i64>(dims)).collect();
        assert!(plugin(creator, dim, dim_size, "sum").output_shapes(&inputs, 1).is_none());
        session.expect_error(&[&["TRTS_Scatter \"pillars\""], words].concat());
    };
    refused(&3, Some(&7), &[&[2, 5, 3], &[5]], &["dim is 3", "-3 to 2"]);
    refused(&0, Some(&7), &[&[], &[5]], &["src", "rank 0"]);
    refused(&1, Some(&7), &[&[2, 5, 3], &[]], &["index has rank 0"]);
    refused(&1, Some(&7), &[&[2, 5, 3], &[2, 4]], &["index", "[2, 4]", "[2, 5, 3]"]);
    refused(&1, Some(&7), &[&[2, 5, 3], &[5], &[2, 6, 3]], &["dim_size is 7", "base has 6"]);
    refused(&1, None, &[&[2, 5, 3], &[5], &[3, 6, 3]], &["base", "[3, 6, 3]", "[2, 6, 3]"]);
    refused(&1, None, &[&[2, 5, 3], &[5]], &["dim_size", "base"]);
    refused(&1, Some(&7), &[&[2, 5, 3]], &["1 inputs"]);
    let long = [DimsExprs::new::<i64>(&[1 << 31]), DimsExprs::new::<i64>(&[1 << 31])];
    assert!(plugin(creator, &0, Some(&7), "max").output_shapes(&long, 2).is_none());
    session.expect_error(&["src has 2147483648 elements", "arg_out", "INT32"]);
}

pub fn configure_and_shape_changes_say_what_does_not_fit(creator: Creator, session: &Session) {
    let plugin = plugin(creator, &1, Some(&7), "max");
    let (inputs, outputs) = layer(INT32_TYPE);
    assert_eq!((plugin.configure(&inputs, &outputs), plugin.shape_change(&inputs, &outputs)), (0, 0));
    let (dynamic_inputs, dynamic_outputs) = (
        [tensor(FLOAT, &[-1, -1, 3]), tensor(INT32_TYPE, &[-1])],
        [tensor(FLOAT, &[-1, 7, 3]), tensor(INT32_TYPE, &[-1, 7, 3])],
    );
    assert_eq!(plugin.configure(&dynamic_inputs, &dynamic_outputs), 0);
    session.expect_silence();
    type Change = fn(&mut [Tensor; 2], &mut [Tensor; 2]);
    let changes: [(Change, &[&str]); 4] = [
        (|inputs, _| inputs[1].dims[0] = 4, &["index", "[4]"]),
        (|_, outputs| outputs[0].dims[1] = 8, &["out has shape [2, 8, 3]", "[2, 7, 3]"]),
        (|_, outputs| outputs[1].data_type = INT64_TYPE, &["arg_out is of type INT64", "INT32"]),
        (|inputs, _| inputs[0].format = 2, &["src has TensorFormat 2", "kLINEAR"]),
    ];
    for (change, words) in changes {
        let (mut inputs, mut outputs) = layer(INT32_TYPE);
        change(&mut inputs, &mut outputs);
        assert_ne!(plugin.configure(&inputs, &outputs), 0);
        session.expect_error(words);
        assert_ne!(plugin.shape_change(&inputs, &outputs), 0);
        session.expect_error(words);
    }
}

pub fn the_workspace_is_that_of_the_largest_shapes(creator: Creator, session: &Session) {
    // A word for each position on the sides of the reduced axis.
    const BROADCAST: usize = (4 + 3) * 8;
    let plugin = plugin(creator, &1, Some(&7), "max");
    let (_, outputs) = layer(INT32_TYPE);
    let inputs = [tensor(FLOAT, &[-1, -1, 3]), tensor(INT32_TYPE, &[-1])];
    let max = [tensor(FLOAT, &[4, 50, 3]), tensor(INT32_TYPE, &[60])];
    assert_eq!(plugin.workspace_size(&inputs, &max, &outputs), 4 * 7 * 3 * 8 + BROADCAST);
    session.expect_silence();
}
