//! The C ABI: descriptors, options and targets of any kind, over memory that holds what the descriptors say.

use std::{
    ffi::{CStr, c_char, c_void},
    ptr,
};

use arbitrary::Unstructured;
use tensorrt_scatter::{Combine, IndexType, Reduce, ScalarType};
use tensorrt_scatter_plugin as _;

use crate::choose;

/// `trts_tensor`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Tensor {
    data: *mut c_void,
    element_type: i32,
    rank: i32,
    shape: *const i64,
    strides: *const i64,
}

/// `trts_options` without its first field.
#[repr(C)]
#[derive(Clone, Copy)]
struct Options {
    reduce: i32,
    unchecked: i32,
    dim: i64,
    dim_size: i64,
    deterministic: i32,
    unbiased: i32,
    eps: f64,
    combine: i32,
    heads: i32,
    negative_slope: f64,
}

/// `trts_target` without its first field.
#[repr(C)]
#[derive(Clone, Copy)]
struct Target {
    device: i32,
    stream: usize,
    workspace: usize,
    workspace_bytes: usize,
}

/// `trts_requirements`.
#[repr(C)]
struct Requirements {
    struct_size: usize,
    workspace_bytes: usize,
    dim_size: i64,
    rank: i32,
    shape: [i64; 8],
}

type Reduction = unsafe extern "C" fn(
    *const Tensor,
    *const Tensor,
    *const Tensor,
    *const u8,
    *const Tensor,
    *const Tensor,
    *const u8,
) -> i32;
type ByIndptr =
    unsafe extern "C" fn(*const Tensor, *const Tensor, *const u8, *const Tensor, *const Tensor, *const u8) -> i32;
type GatherSegment = unsafe extern "C" fn(
    *const Tensor,
    *const Tensor,
    *const Tensor,
    *const Tensor,
    *const u8,
    *const Tensor,
    *const Tensor,
    *const u8,
) -> i32;
type Attention = unsafe extern "C" fn(
    *const Tensor,
    *const Tensor,
    *const Tensor,
    *const Tensor,
    *const u8,
    *const Tensor,
    *const u8,
) -> i32;
type GatherDot = unsafe extern "C" fn(
    *const Tensor,
    *const Tensor,
    *const Tensor,
    *const Tensor,
    *const Tensor,
    *const u8,
    *const Tensor,
    *const u8,
) -> i32;
type GroupIndex = unsafe extern "C" fn(*const Tensor, *const u8, *const Tensor, *const Tensor, *const u8) -> i32;
type Plain = unsafe extern "C" fn(*const Tensor, *const Tensor, *const u8, *const Tensor, *const u8) -> i32;

// The header's declarations; options and targets are bytes, because their first field says how many there are.
unsafe extern "C" {
    fn trts_scatter(
        src: *const Tensor,
        index: *const Tensor,
        base: *const Tensor,
        options: *const u8,
        out: *const Tensor,
        arg_out: *const Tensor,
        target: *const u8,
    ) -> i32;
    fn trts_segment_coo(
        src: *const Tensor,
        index: *const Tensor,
        base: *const Tensor,
        options: *const u8,
        out: *const Tensor,
        arg_out: *const Tensor,
        target: *const u8,
    ) -> i32;
    fn trts_segment_csr(
        src: *const Tensor,
        indptr: *const Tensor,
        options: *const u8,
        out: *const Tensor,
        arg_out: *const Tensor,
        target: *const u8,
    ) -> i32;
    fn trts_gather_coo(s: *const Tensor, i: *const Tensor, o: *const u8, out: *const Tensor, t: *const u8) -> i32;
    fn trts_gather_csr(s: *const Tensor, i: *const Tensor, o: *const u8, out: *const Tensor, t: *const u8) -> i32;
    fn trts_softmax(s: *const Tensor, i: *const Tensor, o: *const u8, out: *const Tensor, t: *const u8) -> i32;
    fn trts_log_softmax(s: *const Tensor, i: *const Tensor, o: *const u8, out: *const Tensor, t: *const u8) -> i32;
    fn trts_logsumexp(s: *const Tensor, i: *const Tensor, o: *const u8, out: *const Tensor, t: *const u8) -> i32;
    fn trts_std(s: *const Tensor, i: *const Tensor, o: *const u8, out: *const Tensor, t: *const u8) -> i32;
    fn trts_softmax_csr(s: *const Tensor, i: *const Tensor, o: *const u8, out: *const Tensor, t: *const u8) -> i32;
    fn trts_log_softmax_csr(s: *const Tensor, i: *const Tensor, o: *const u8, out: *const Tensor, t: *const u8) -> i32;
    fn trts_logsumexp_csr(s: *const Tensor, i: *const Tensor, o: *const u8, out: *const Tensor, t: *const u8) -> i32;
    fn trts_std_csr(s: *const Tensor, i: *const Tensor, o: *const u8, out: *const Tensor, t: *const u8) -> i32;
    fn trts_gather_segment_csr(
        src: *const Tensor,
        index: *const Tensor,
        indptr: *const Tensor,
        weight: *const Tensor,
        options: *const u8,
        out: *const Tensor,
        arg_out: *const Tensor,
        target: *const u8,
    ) -> i32;
    fn trts_gather_scatter(
        src: *const Tensor,
        index: *const Tensor,
        destination: *const Tensor,
        weight: *const Tensor,
        options: *const u8,
        out: *const Tensor,
        arg_out: *const Tensor,
        target: *const u8,
    ) -> i32;
    fn trts_gather_segment_coo(
        src: *const Tensor,
        index: *const Tensor,
        destination: *const Tensor,
        weight: *const Tensor,
        options: *const u8,
        out: *const Tensor,
        arg_out: *const Tensor,
        target: *const u8,
    ) -> i32;
    fn trts_group_index(i: *const Tensor, o: *const u8, p: *const Tensor, indptr: *const Tensor, t: *const u8) -> i32;
    fn trts_attention_csr(
        src: *const Tensor,
        index: *const Tensor,
        indptr: *const Tensor,
        score: *const Tensor,
        options: *const u8,
        out: *const Tensor,
        target: *const u8,
    ) -> i32;
    fn trts_gather_dot(
        src: *const Tensor,
        index: *const Tensor,
        other: *const Tensor,
        other_index: *const Tensor,
        weight: *const Tensor,
        options: *const u8,
        out: *const Tensor,
        target: *const u8,
    ) -> i32;
    fn trts_query(
        operator: i32,
        src: *const Tensor,
        index: *const Tensor,
        base: *const Tensor,
        options: *const u8,
        target: *const u8,
        requirements: *mut Requirements,
    ) -> i32;
    fn trts_query_inputs(
        operator: i32,
        inputs: *const *const Tensor,
        count: usize,
        options: *const u8,
        target: *const u8,
        requirements: *mut Requirements,
    ) -> i32;
    fn trts_last_error() -> *const c_char;
    fn trts_last_bad_index(position: *mut i64, value: *mut i64) -> i32;
}

/// A function of the header, by its parameters.
enum Function {
    Reduction(Reduction),
    ByIndptr(ByIndptr),
    Plain(Plain),
    GatherSegment(GatherSegment),
    /// As a gather_segment_csr, with destinations in place of the indptr.
    ByDestination(GatherSegment),
    /// As a gather_segment_csr, with scores in place of the weights.
    Attention(Attention),
    GatherDot(GatherDot),
    GroupIndex(GroupIndex),
}

/// How the index of an operator lies over src.
#[derive(Clone, Copy)]
enum Over {
    /// A part of src's shape that broadcasts, or one axis along dim.
    Dim,
    /// The leading axes of src.
    Leading,
    /// The leading axes of src, but for the last: an indptr over it.
    Indptr,
    /// The leading axes of src, whose last is the number of segments of an indptr.
    SegmentsOfIndptr,
}

struct Operator {
    #[cfg_attr(not(test), expect(dead_code, reason = "a test compares it with the header"))]
    name: &'static str,
    function: Function,
    over: Over,
}

macro_rules! operators {
    ($($name:ident: $function:ident, $over:ident;)+) => {
        /// The operators in the order of the header's numbers.
        const OPERATORS: [Operator; [$(stringify!($name)),+].len()] = [$(
            Operator { name: stringify!($name), function: Function::$function($name), over: Over::$over }
        ),+];
    };
}

operators! {
    trts_scatter: Reduction, Dim;
    trts_segment_coo: Reduction, Leading;
    trts_segment_csr: ByIndptr, Indptr;
    trts_gather_coo: Plain, Leading;
    trts_gather_csr: Plain, SegmentsOfIndptr;
    trts_softmax: Plain, Dim;
    trts_log_softmax: Plain, Dim;
    trts_logsumexp: Plain, Dim;
    trts_std: Plain, Dim;
    trts_gather_segment_csr: GatherSegment, Leading;
    trts_group_index: GroupIndex, Leading;
    trts_gather_scatter: ByDestination, Leading;
    trts_softmax_csr: Plain, Indptr;
    trts_log_softmax_csr: Plain, Indptr;
    trts_logsumexp_csr: Plain, Indptr;
    trts_std_csr: Plain, Indptr;
    trts_attention_csr: Attention, Leading;
    trts_gather_segment_coo: ByDestination, Leading;
    trts_gather_dot: GatherDot, Leading;
}

/// The statuses of the header.
mod status {
    pub const OK: i32 = 0;
    pub const INVALID_ARGUMENT: i32 = 1;
    pub const BAD_INDEX: i32 = 2;
    pub const OUT_OF_MEMORY: i32 = 3;
    pub const NO_DEVICE: i32 = 4;
    pub const CUDA_ERROR: i32 = 5;
}

/// The most bytes of a tensor's data. A tensor of more has none: then the library must not read it.
const MOST_BYTES: usize = 1 << 14;

/// Bytes of an element, by the header's type.
fn element_bytes(element_type: i32) -> Option<usize> {
    ScalarType::ALL.into_iter().find(|scalar| scalar.number() == element_type).map(ScalarType::bytes)
}

/// A tensor with the memory that its descriptor points to. Each block has exactly the bytes that the descriptor says.
struct Owned {
    descriptor: Tensor,
    data: Option<Box<[u8]>>,
    _shape: Box<[i64]>,
    _strides: Box<[i64]>,
}

impl Owned {
    fn new(u: &mut Unstructured, element_type: i32, dims: &[i64], is_index: bool) -> Self {
        let shape: Box<[i64]> = dims.into();
        let count = dims.iter().try_fold(1usize, |count, &size| count.checked_mul(usize::try_from(size).ok()?));
        let bytes = count.and_then(|count| count.checked_mul(element_bytes(element_type).unwrap_or(8)));
        let bytes = bytes.filter(|&bytes| bytes <= MOST_BYTES);
        // Misaligned data must be refused before it is read.
        let offset = if choose::one_in(u, 32) { choose::up_to(u, 7) } else { 0 };
        let data = bytes.filter(|_| !choose::one_in(u, 32)).map(|bytes| {
            let fill = if is_index { indices(u, element_type, bytes) } else { values(u, bytes) };
            [vec![0; offset], fill].concat().into_boxed_slice()
        });
        let strides = strides(u, dims);
        let rank = if choose::one_in(u, 32) { choose::number_32(u) } else { dims.len() as i32 };
        // A rank that does not fit the shape must not make the library read past the shape.
        let rank = if (0..=8).contains(&rank) { dims.len() as i32 } else { rank };
        let mut descriptor = Tensor {
            data: data.as_ref().map_or(ptr::null_mut(), |data| data[offset..].as_ptr().cast_mut().cast()),
            element_type,
            rank,
            shape: if choose::one_in(u, 32) { ptr::null() } else { shape.as_ptr() },
            strides: if strides.len() == dims.len() { strides.as_ptr() } else { ptr::null() },
        };
        if bytes == Some(0) && choose::one_in(u, 2) {
            descriptor.data = ptr::null_mut();
        }
        Self { descriptor, data, _shape: shape, _strides: strides }
    }

    fn of(u: &mut Unstructured, element_type: i32, is_index: bool) -> Self {
        let dims = dims(u);
        Self::new(u, element_type, &dims, is_index)
    }

    fn bytes(&self) -> Option<usize> {
        self.data.as_ref().map(|data| data.len())
    }

    fn pointer(&self, u: &mut Unstructured) -> *const Tensor {
        if choose::one_in(u, 64) { ptr::null() } else { &raw const self.descriptor }
    }
}

fn values(u: &mut Unstructured, bytes: usize) -> Vec<u8> {
    let pattern = choose::bytes(u, 24);
    if pattern.is_empty() { vec![0; bytes] } else { pattern.iter().copied().cycle().take(bytes).collect() }
}

/// Indices, or an indptr: mostly small and sorted.
fn indices(u: &mut Unstructured, element_type: i32, bytes: usize) -> Vec<u8> {
    let width = if element_type == ScalarType::I32.number() { 4 } else { 8 };
    if choose::one_in(u, 6) {
        return values(u, bytes);
    }
    let (first, is_sorted) = (choose::up_to(u, 2) as i64, !choose::one_in(u, 3));
    let mut numbers: Vec<i64> = (0..bytes / width).map(|_| choose::up_to(u, 5) as i64).collect();
    if is_sorted {
        let mut sum = first;
        numbers.iter_mut().for_each(|step| sum = std::mem::replace(step, sum) + sum);
    }
    if let Some(wrong) = numbers.len().checked_sub(1).filter(|_| choose::one_in(u, 4)) {
        let at = choose::up_to(u, 255).min(wrong);
        numbers[at] = choose::number(u);
    }
    let mut fill: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()[..width].to_vec()).collect();
    fill.resize(bytes, 0);
    fill
}

/// The strides of a row-major tensor, other ones, or none.
fn strides(u: &mut Unstructured, dims: &[i64]) -> Box<[i64]> {
    if !choose::one_in(u, 4) {
        return Box::default();
    }
    let mut strides: Vec<i64> = Vec::new();
    let mut stride: i64 = 1;
    for &size in dims.iter().rev() {
        strides.insert(0, if choose::one_in(u, 16) { choose::number(u) } else { stride });
        stride = stride.saturating_mul(size);
    }
    strides.into()
}

fn dims(u: &mut Unstructured) -> Vec<i64> {
    let rank = if choose::one_in(u, 32) { choose::up_to(u, 8) } else { choose::up_to(u, 3) };
    (0..rank).map(|_| if choose::one_in(u, 24) { choose::number(u) } else { choose::up_to(u, 9) as i64 }).collect()
}

/// A struct that begins with its own size: exactly as many bytes as the size says, or the size alone if it makes no
/// sense.
fn growing<T: Copy>(u: &mut Unstructured, fields: T) -> Box<[u8]> {
    let right = size_of::<usize>() + size_of::<T>();
    let size = if choose::one_in(u, 16) { choose::number(u) as usize } else { right };
    // SAFETY: both structs consist of numbers, and have no padding but after `device`, which is zero bytes here.
    let bytes = unsafe { std::slice::from_raw_parts(ptr::from_ref(&fields).cast::<u8>(), size_of::<T>()) };
    let mut whole = [&size.to_le_bytes(), bytes].concat();
    whole.resize(if size <= 256 { size.max(size_of::<usize>()) } else { size_of::<usize>() }, 0);
    whole.into()
}

/// Those of pairs of rows are drawn only where the operator reads them.
fn options(u: &mut Unstructured, function: Option<&Function>) -> Box<[u8]> {
    let unlikely = |u: &mut Unstructured, usual: i32| if choose::one_in(u, 8) { choose::number_32(u) } else { usual };
    let flag = |u: &mut Unstructured| choose::up_to(u, 1) as i32;
    let reduce = choose::one_of(u, &Reduce::ALL).number();
    let mut options = Options {
        reduce: unlikely(u, reduce),
        unchecked: flag(u),
        dim: if choose::one_in(u, 8) { choose::number(u) } else { choose::up_to(u, 3) as i64 - 1 },
        dim_size: match choose::up_to(u, 7) {
            0 => choose::number(u),
            1..4 => choose::up_to(u, 9) as i64,
            _ => -1,
        },
        deterministic: flag(u),
        unbiased: flag(u),
        eps: if choose::one_in(u, 4) { u.arbitrary().unwrap_or(0.0) } else { 1e-12 },
        combine: Combine::Mul.number(),
        heads: 1,
        negative_slope: 0.2,
    };
    if let Some(Function::GatherDot(_)) = function {
        let combine = choose::one_of(u, &Combine::ALL).number();
        options.combine = unlikely(u, combine);
        options.heads = if choose::one_in(u, 12) { choose::number_32(u) } else { 1 + choose::up_to(u, 3) as i32 };
        options.negative_slope = if choose::one_in(u, 4) { u.arbitrary().unwrap_or(0.0) } else { 0.2 };
    }
    growing(u, options)
}

fn target(u: &mut Unstructured) -> Box<[u8]> {
    if !choose::one_in(u, 16) {
        return growing(u, Padded { device: -1, padding: 0, rest: [0; 3] });
    }
    // No machine has devices of these numbers.
    let device = choose::one_of(u, &[-1, -2, i32::MIN, i32::MAX, 1 << 20]);
    let rest = std::array::from_fn(|_| choose::number(u) as usize);
    growing(u, Padded { device, padding: 0, rest })
}

/// [`Target`] with its padding named, so that all its bytes are defined.
#[repr(C)]
#[derive(Clone, Copy)]
struct Padded {
    device: i32,
    padding: i32,
    rest: [usize; 3],
}

const _: () = assert!(size_of::<Padded>() == size_of::<Target>());

/// The pointer to a growing struct, null in some cases.
fn or_null(u: &mut Unstructured, bytes: &[u8]) -> *const u8 {
    if choose::one_in(u, 8) { ptr::null() } else { bytes.as_ptr() }
}

/// Checks what holds after every call, and returns the status.
fn checked(status: i32) -> i32 {
    // SAFETY: the text ends in a NUL and lives until the next call.
    let error = unsafe { CStr::from_ptr(trts_last_error()) }.to_str().expect("messages are UTF-8");
    match status {
        status::OK => assert_eq!(error, "", "a call that succeeded left an error"),
        status::INVALID_ARGUMENT
        | status::BAD_INDEX
        | status::OUT_OF_MEMORY
        | status::NO_DEVICE
        | status::CUDA_ERROR => assert_ne!(error, "", "a call that failed with {status} says nothing"),
        _ => panic!("status {status}: {error}"),
    }
    let (mut position, mut value) = (0, 0);
    // SAFETY: both pointers are to locals.
    let told = unsafe { trts_last_bad_index(&raw mut position, &raw mut value) };
    assert_eq!(told == status::OK, status == status::BAD_INDEX, "{error}");
    status
}

/// The element types of a call: src's, and the index's.
fn types(u: &mut Unstructured) -> [i32; 2] {
    let mut values = choose::one_of(u, &ScalarType::ALL).number();
    let mut index = choose::one_of(u, &IndexType::ALL).scalar().number();
    if choose::one_in(u, 24) {
        values = choose::number_32(u);
    }
    if choose::one_in(u, 24) {
        index = choose::number_32(u);
    }
    [values, index]
}

/// src and index, whose shapes mostly fit each other: the index is a part of src's shape, or an indptr.
fn inputs(u: &mut Unstructured, [values, integers]: [i32; 2], over: Over) -> (Owned, Owned) {
    let src = Owned::of(u, values, false);
    if choose::one_in(u, 6) {
        return (src, Owned::of(u, integers, true));
    }
    let mut dims = src._shape.to_vec();
    let leading = |u: &mut Unstructured, dims: &mut Vec<i64>| {
        dims.truncate(1 + choose::up_to(u, dims.len().saturating_sub(1) as u8));
    };
    match over {
        // The one axis of a short index, or all of src's.
        Over::Dim if dims.len() > 1 && choose::one_in(u, 2) => {
            let at = choose::up_to(u, dims.len() as u8 - 1);
            dims = vec![dims[at]];
        }
        Over::Dim => {}
        Over::Leading => leading(u, &mut dims),
        Over::Indptr => {
            leading(u, &mut dims);
            if let Some(last) = dims.last_mut() {
                *last = choose::up_to(u, 9) as i64;
            }
        }
        Over::SegmentsOfIndptr => {
            leading(u, &mut dims);
            if let Some(last) = dims.last_mut() {
                *last = last.saturating_add(1);
            }
        }
    }
    let index = Owned::new(u, integers, &dims, true);
    (src, index)
}

/// indptr and weight or score, whose shapes mostly fit the index and src. Destinations instead of the indptr have the index's
/// length.
fn further_inputs(
    u: &mut Unstructured,
    [values, integers]: [i32; 2],
    src: &Owned,
    index: &Owned,
    has_indptr: bool,
) -> [Owned; 2] {
    let mut bounds = if choose::one_in(u, 8) { dims(u) } else { index._shape.to_vec() };
    if has_indptr && let Some(last) = bounds.last_mut() {
        *last = choose::up_to(u, 9) as i64;
    }
    let mut weights = if choose::one_in(u, 8) { dims(u) } else { index._shape.to_vec() };
    if choose::one_in(u, 2) {
        weights.push(if choose::one_in(u, 2) {
            src._shape.last().copied().unwrap_or(1)
        } else {
            choose::up_to(u, 4) as i64
        });
    }
    let weight_type = weight_type(u, values);
    [Owned::new(u, integers, &bounds, true), Owned::new(u, weight_type, &weights, false)]
}

/// The type of weights: that of the values, float32, or any.
fn weight_type(u: &mut Unstructured, values: i32) -> i32 {
    match choose::up_to(u, 15) {
        0 => choose::number_32(u),
        1..5 => ScalarType::F32.number(),
        _ => values,
    }
}

/// other, other_index and the weights of columns, whose shapes mostly fit the index and src.
fn pair_inputs(u: &mut Unstructured, [values, integers]: [i32; 2], src: &Owned, index: &Owned) -> [Owned; 3] {
    let axis = index._shape.len().saturating_sub(1);
    let mut others = if choose::one_in(u, 8) { dims(u) } else { src._shape.to_vec() };
    if let Some(rows) = others.get_mut(axis) {
        *rows = choose::up_to(u, 9) as i64;
    }
    let other_index = if choose::one_in(u, 8) { dims(u) } else { index._shape.to_vec() };
    let columns = src._shape.iter().skip(axis + 1).fold(1i64, |columns, &size| columns.wrapping_mul(size));
    let weights = if choose::one_in(u, 8) { dims(u) } else { vec![columns] };
    let weight_type = weight_type(u, values);
    [
        Owned::new(u, values, &others, false),
        Owned::new(u, integers, &other_index, true),
        Owned::new(u, weight_type, &weights, false),
    ]
}

/// The inputs behind src and index, the last of which may be left out; none for an operator without such inputs.
fn inputs_behind(
    u: &mut Unstructured,
    function: Option<&Function>,
    types: [i32; 2],
    src: &Owned,
    index: &Owned,
) -> Vec<Owned> {
    match function {
        Some(Function::GatherSegment(_) | Function::Attention(_)) => further_inputs(u, types, src, index, true).into(),
        Some(Function::ByDestination(_)) => further_inputs(u, types, src, index, false).into(),
        Some(Function::GatherDot(_)) => pair_inputs(u, types, src, index).into(),
        Some(Function::Reduction(_) | Function::ByIndptr(_) | Function::Plain(_) | Function::GroupIndex(_)) | None => {
            Vec::new()
        }
    }
}

/// Calls an operator. It may write to the outputs alone, and to those only if it succeeds.
pub fn call(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let number = choose::up_to(&mut u, OPERATORS.len() as u8 - 1);
    let types = types(&mut u);
    let (src, index) = inputs(&mut u, types, OPERATORS[number].over);
    let function = &OPERATORS[number].function;
    let further = inputs_behind(&mut u, Some(function), types, &src, &index);
    let mut behind: Vec<_> = Vec::new();
    for (at, input) in further.iter().enumerate() {
        let is_left_out = at + 1 == further.len() && choose::one_in(&mut u, 2);
        behind.push(if is_left_out { ptr::null() } else { input.pointer(&mut u) });
    }
    let options = options(&mut u, Some(function));
    let options_pointer = or_null(&mut u, &options);
    let target = target(&mut u);
    let target_pointer = or_null(&mut u, &target);

    // The result's shape, if there is a result; some other one in some cases.
    let mut found = Requirements {
        struct_size: size_of::<Requirements>(),
        workspace_bytes: 0,
        dim_size: 0,
        rank: 0,
        shape: [0; 8],
    };
    // SAFETY: the tensors and structs hold what they say.
    let status = checked(unsafe {
        let (src, index) = (&raw const src.descriptor, &raw const index.descriptor);
        if !behind.is_empty() {
            let inputs = [&[src, index], &behind[..]].concat();
            let count = inputs.len();
            trts_query_inputs(number as i32, inputs.as_ptr(), count, options_pointer, target_pointer, &raw mut found)
        } else {
            trts_query(number as i32, src, index, ptr::null(), options_pointer, target_pointer, &raw mut found)
        }
    });
    let mut out_dims = if status == status::OK { found.shape[..found.rank as usize].to_vec() } else { dims(&mut u) };
    if choose::one_in(&mut u, 12) {
        out_dims = dims(&mut u);
    }
    // perm has the index's type and shape; the shape that was found is that of indptr, for which arg_out stands.
    let is_grouping = matches!(OPERATORS[number].function, Function::GroupIndex(_));
    let first_dims = if is_grouping { index._shape.to_vec() } else { out_dims.clone() };
    let first_type = types[usize::from(is_grouping)];
    let out_type = if choose::one_in(&mut u, 24) { choose::number_32(&mut u) } else { first_type };
    let mut out = Owned::new(&mut u, out_type, &first_dims, false);
    let arg_type = if choose::one_in(&mut u, 24) { choose::number_32(&mut u) } else { types[1] };
    let arg_out = Owned::new(&mut u, arg_type, &out_dims, false);
    let base = Owned::new(&mut u, types[0], &out_dims, false);

    let base_pointer = match choose::up_to(&mut u, 3) {
        0 => base.pointer(&mut u),
        // base may be out itself.
        1 => &raw const out.descriptor,
        _ => ptr::null(),
    };
    let arg_pointer = if choose::one_in(&mut u, 2) { ptr::null() } else { arg_out.pointer(&mut u) };
    // An output that overlaps an input, whole or in part, must be refused.
    let read = if is_grouping { &index } else { &src };
    if choose::one_in(&mut u, 24)
        && let (Some(read_bytes), Some(out_bytes)) = (read.bytes(), out.bytes())
        && out_bytes <= read_bytes
        && !read.descriptor.data.is_null()
    {
        out.descriptor.data = read.descriptor.data.wrapping_byte_add(read_bytes - out_bytes);
    }

    let all_inputs =
        || -> Vec<_> { [&src, &index, &base].into_iter().chain(&further).map(|input| input.data.clone()).collect() };
    let inputs = all_inputs();
    let outputs = [&out, &arg_out].map(|output| output.data.clone());
    let (src_pointer, index_pointer, out_pointer) =
        (src.pointer(&mut u), index.pointer(&mut u), &raw const out.descriptor);
    // SAFETY: the tensors and structs hold what they say, or say what has to be refused.
    let status = checked(unsafe {
        match *function {
            Function::Reduction(call) => call(
                src_pointer,
                index_pointer,
                base_pointer,
                options_pointer,
                out_pointer,
                arg_pointer,
                target_pointer,
            ),
            Function::ByIndptr(call) => {
                call(src_pointer, index_pointer, options_pointer, out_pointer, arg_pointer, target_pointer)
            }
            Function::Plain(call) => call(src_pointer, index_pointer, options_pointer, out_pointer, target_pointer),
            Function::GatherSegment(call) | Function::ByDestination(call) => call(
                src_pointer,
                index_pointer,
                behind[0],
                behind[1],
                options_pointer,
                out_pointer,
                arg_pointer,
                target_pointer,
            ),
            Function::Attention(call) => {
                call(src_pointer, index_pointer, behind[0], behind[1], options_pointer, out_pointer, target_pointer)
            }
            Function::GatherDot(call) => call(
                src_pointer,
                index_pointer,
                behind[0],
                behind[1],
                behind[2],
                options_pointer,
                out_pointer,
                target_pointer,
            ),
            Function::GroupIndex(call) => {
                call(index_pointer, options_pointer, out_pointer, arg_pointer, target_pointer)
            }
        }
    });
    assert!(all_inputs() == inputs, "an input was written to");
    if matches!(status, status::INVALID_ARGUMENT | status::BAD_INDEX | status::NO_DEVICE) {
        let now = [&out, &arg_out].map(|output| output.data.clone());
        assert!(now == outputs, "a call that failed with status {status} wrote to an output");
    }
}

/// Asks for the shape of an operator's result and for its workspace. A query writes to the requirements only.
pub fn query(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let known = |u: &mut Unstructured| choose::up_to(u, OPERATORS.len() as u8 - 1) as i32;
    let operator = if choose::one_in(&mut u, 16) { choose::number_32(&mut u) } else { known(&mut u) };
    let types = types(&mut u);
    let known = usize::try_from(operator).ok().and_then(|number| OPERATORS.get(number));
    let (src, index) = inputs(&mut u, types, known.map_or(Over::Dim, |known| known.over));
    let base = Owned::of(&mut u, types[0], false);
    let function = known.map(|known| &known.function);
    let further = inputs_behind(&mut u, function, types, &src, &index);
    let (options, target) = (options(&mut u, function), target(&mut u));
    let struct_size =
        if choose::one_in(&mut u, 16) { choose::number(&mut u) as usize } else { size_of::<Requirements>() };
    let mut found = Requirements { struct_size, workspace_bytes: 77, dim_size: 77, rank: 77, shape: [77; 8] };
    let base_pointer = if choose::one_in(&mut u, 2) { ptr::null() } else { base.pointer(&mut u) };
    let requirements = if choose::one_in(&mut u, 64) { ptr::null_mut() } else { &raw mut found };
    let (src_pointer, index_pointer) = (src.pointer(&mut u), index.pointer(&mut u));
    let (options_pointer, target_pointer) = (or_null(&mut u, &options), or_null(&mut u, &target));
    // SAFETY: the tensors and structs hold what they say, or say what has to be refused.
    let status = checked(unsafe {
        if !further.is_empty() && !choose::one_in(&mut u, 8) {
            let mut inputs = vec![src_pointer, index_pointer];
            inputs.extend(further.iter().map(|input| input.pointer(&mut u)));
            // This input is one too many.
            inputs.push(base_pointer);
            let count = inputs.len() - choose::one_of(&mut u, &[1, 1, 1, 2, 2, 3, 0]);
            trts_query_inputs(operator, inputs.as_ptr(), count, options_pointer, target_pointer, requirements)
        } else {
            trts_query(
                operator,
                src_pointer,
                index_pointer,
                base_pointer,
                options_pointer,
                target_pointer,
                requirements,
            )
        }
    });
    if status == status::OK {
        let shape =
            usize::try_from(found.rank).ok().and_then(|rank| found.shape.get(..rank)).expect("a rank of 0 to 8");
        assert!(shape.iter().all(|&size| size >= 0) && found.dim_size >= -1, "{shape:?}, {}", found.dim_size);
        assert_eq!(found.workspace_bytes, 0, "the CPU needs no workspace");
    } else {
        let untouched = (found.workspace_bytes, found.dim_size, found.rank, found.shape);
        assert_eq!(untouched, (77, 77, 77, [77; 8]), "a query that failed wrote to the requirements");
    }
    assert_eq!(found.struct_size, struct_size);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_of_the_header_is_called() {
        let header = include_str!("../../plugin-shim/include/tensorrt_scatter.h");
        let (_, list) = header.split_once("typedef int32_t trts_operator;").unwrap();
        let (list, _) = list.split_once('}').unwrap();
        let constants = list.lines().filter_map(|line| line.trim().split_once(" = "));
        let functions: Vec<_> = constants.map(|(constant, _)| constant.to_lowercase()).collect();
        assert_eq!(OPERATORS.map(|operator| operator.name), *functions);
    }
}
