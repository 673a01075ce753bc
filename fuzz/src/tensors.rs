//! Tensors as TensorRT describes them to a plugin: types, formats, ranks and sizes of any kind.

use std::sync::OnceLock;

use arbitrary::Unstructured;

use crate::{
    choose,
    common::{
        Object, layers,
        tensors::{DimsExprs, Size, Tensor},
        v2, v3,
    },
};

unsafe extern "C" {
    fn getPluginCreators(count: *mut i32) -> *const Object;
    fn getCreators(count: *mut i32) -> *const Object;
}

/// The creators of both generations. A process without TensorRT gets both.
struct Creators {
    v2: Vec<v2::Creator>,
    v3: Vec<v3::Creator>,
}

// SAFETY: creators are never freed, and the library lets every thread call them.
unsafe impl Send for Creators {}
// SAFETY: as above.
unsafe impl Sync for Creators {}

fn creators() -> &'static Creators {
    static CREATORS: OnceLock<Creators> = OnceLock::new();
    CREATORS.get_or_init(|| {
        let of = |function: unsafe extern "C" fn(*mut i32) -> *const Object| -> Vec<Object> {
            let mut count = 0;
            // SAFETY: both functions give as many objects as they say.
            unsafe {
                let first = function(&raw mut count);
                (0..count as usize).map(|at| *first.add(at)).collect()
            }
        };
        let creators = Creators {
            v2: of(getPluginCreators).into_iter().map(v2::Creator).collect(),
            v3: of(getCreators).into_iter().map(v3::Creator).collect(),
        };
        assert_eq!((creators.v2.len(), creators.v3.len()), (layers::PLUGINS.len(), layers::PLUGINS.len()));
        creators
    })
}

/// The V2 creators, in the order of [`layers::PLUGINS`].
pub fn creators_v2() -> &'static [v2::Creator] {
    &creators().v2
}

/// The V3 creators, in the order of [`layers::PLUGINS`].
pub fn creators_v3() -> &'static [v3::Creator] {
    &creators().v3
}

/// Asks a plugin with good attributes, one of the test host's layers, about tensors of any kind.
pub fn describe(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let generation = if choose::one_in(&mut u, 2) { 2 } else { 3 };
    let known: Vec<_> = layers::layers(generation).collect();
    let layer = choose::one_of(&mut u, &known);
    let number = layers::PLUGINS.iter().position(|(name, _)| *name == layer.plugin).expect("a known plugin");
    if generation == 2 {
        let creator = creators_v2()[number];
        drive_v2(&mut u, creator, &creator.create(c"layer", &layer.fields()).expect("the attributes are good"));
    } else {
        let plugin = creators_v3()[number].create(c"layer", &layer.fields(), v3::Phase::Build);
        drive_v3(&mut u, &plugin.expect("the attributes are good"));
    }
}

/// The most calls that one input makes.
const MOST_CALLS: u8 = 6;

/// Makes the calls that a builder may make to a plugin.
pub fn drive_v2(u: &mut Unstructured, creator: v2::Creator, plugin: &v2::Plugin) {
    let outputs = plugin.output_count();
    assert!((1..=3).contains(&outputs), "{outputs} outputs");
    for _ in 0..choose::up_to(u, MOST_CALLS) {
        let (inputs, given) = (tensors::<i32>(u), tensors::<i32>(u));
        match choose::up_to(u, 5) {
            0 => drop(plugin.output_type(output(u, outputs), &types(&inputs))),
            1 => {
                let shape = plugin.output_shape(output(u, outputs), &symbolic::<i32>(&inputs));
                assert!((-1..=8).contains(&shape.rank), "an output has rank {}", shape.rank);
            }
            2 => drop(supports(u, &inputs, &given, |at, tensors, count| plugin.supports(at, tensors, count))),
            3 => plugin.configure(&inputs, &given),
            4 => drop(plugin.workspace_size(&inputs, &given)),
            _ => {
                let copy = plugin.duplicate();
                let kept = plugin.serialized();
                assert_eq!(copy.serialized(), kept);
                creator.deserialize(c"layer", &kept).expect("a plugin reads what it wrote");
            }
        }
    }
}

/// The same for a plugin of TensorRT 10 and later.
pub fn drive_v3(u: &mut Unstructured, plugin: &v3::Plugin) {
    let outputs = plugin.output_count();
    assert!((1..=3).contains(&outputs), "{outputs} outputs");
    for _ in 0..choose::up_to(u, MOST_CALLS) {
        let (inputs, given) = (tensors::<i64>(u), tensors::<i64>(u));
        match choose::up_to(u, 6) {
            0 => drop(plugin.output_types(&types(&inputs), choose::up_to(u, 4))),
            1 => {
                let shape_inputs: Vec<_> = symbolic::<i64>(&given).into_iter().take(choose::up_to(u, 2)).collect();
                let shapes = plugin.output_shapes_with(&symbolic::<i64>(&inputs), &shape_inputs, choose::up_to(u, 4));
                for shape in shapes.into_iter().flatten() {
                    assert!((0..=8).contains(&shape.rank), "an output has rank {}", shape.rank);
                }
            }
            2 => drop(supports(u, &inputs, &given, |at, tensors, count| plugin.supports(at, tensors, count))),
            3 => drop(plugin.configure(&inputs, &given)),
            4 => {
                // TensorRT describes the same inputs twice, as they are and as large as they can be.
                let max = if inputs.len() == given.len() { &given } else { &inputs };
                let _ = plugin.workspace_size(&inputs, max, &given);
            }
            5 => drop(plugin.shape_change(&inputs, &given)),
            _ => drop(plugin.duplicate().attach()),
        }
    }
}

fn supports(
    u: &mut Unstructured,
    inputs: &[Tensor],
    outputs: &[Tensor],
    ask: impl FnOnce(usize, &[Tensor], usize) -> bool,
) -> bool {
    let at = choose::up_to(u, 20);
    ask(at, &[inputs, outputs].concat(), inputs.len())
}

fn output(u: &mut Unstructured, outputs: i32) -> i32 {
    if choose::one_in(u, 8) { choose::number_32(u) } else { choose::up_to(u, outputs as u8 - 1) as i32 }
}

fn types(tensors: &[Tensor]) -> Vec<i32> {
    tensors.iter().map(|tensor| tensor.data_type).collect()
}

/// Expressions for the sizes; the host never frees them, so that there are few.
fn symbolic<T: Size>(tensors: &[Tensor]) -> Vec<DimsExprs> {
    tensors.iter().take(4).map(|tensor| DimsExprs::new::<T>(&tensor.dims)).collect()
}

/// Tensors whose sizes fit a generation's integer: mostly as many as layers have, and of one shape.
fn tensors<T: TryFrom<i64>>(u: &mut Unstructured) -> Vec<Tensor> {
    let count = if choose::one_in(u, 16) { choose::up_to(u, 40) } else { choose::up_to(u, 4) };
    let mut tensors: Vec<Tensor> = Vec::with_capacity(count);
    for _ in 0..count {
        let tensor = match tensors.last() {
            Some(last) if !choose::one_in(u, 3) => last.clone(),
            _ => tensor::<T>(u),
        };
        tensors.push(tensor);
    }
    // Index tensors have an integer type, which a copy of src's description rarely has.
    if let Some(index) = tensors.get_mut(1)
        && !choose::one_in(u, 4)
    {
        index.data_type = choose::one_of(u, &[3, 8]);
    }
    tensors
}

fn tensor<T: TryFrom<i64>>(u: &mut Unstructured) -> Tensor {
    let rank = if choose::one_in(u, 16) { choose::up_to(u, 12) } else { choose::up_to(u, 4) };
    let fitting = |size: i64| if T::try_from(size).is_ok() { size } else { -1 };
    Tensor {
        dims: (0..rank).map(|_| fitting(choose::number(u))).collect(),
        data_type: if choose::one_in(u, 8) { choose::number_32(u) } else { choose::one_of(u, &[0, 1, 3, 7, 8]) },
        format: if choose::one_in(u, 16) { choose::number_32(u) } else { 0 },
    }
}
