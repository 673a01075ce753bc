//! Structs of tensors and shapes, in the layouts of both generations, and symbolic sizes.

use std::ffi::c_void;

use tensorrt_scatter::ScalarType;

use super::{
    Object,
    host::{Function, UNEXPECTED},
};

pub const FLOAT: i32 = 0;
pub const HALF: i32 = 1;
pub const INT32_TYPE: i32 = 3;
pub const BOOL: i32 = 4;
pub const BF16: i32 = 7;
pub const INT64_TYPE: i32 = 8;

/// The types of values, as TensorRT numbers them, and as the kernels name them.
pub const VALUE_TYPES: [(i32, ScalarType); 5] = [
    (FLOAT, ScalarType::F32),
    (HALF, ScalarType::F16),
    (INT32_TYPE, ScalarType::I32),
    (BF16, ScalarType::BF16),
    (INT64_TYPE, ScalarType::I64),
];

/// The types of values that TensorRT 8 has.
pub const VALUE_TYPES_OF_8: [i32; 3] = [FLOAT, HALF, INT32_TYPE];

/// The types of an index.
pub const INDEX_TYPES: [i32; 2] = [INT32_TYPE, INT64_TYPE];

/// TensorRT's number of a type that it has.
pub fn tensorrt_type(scalar: ScalarType) -> i32 {
    VALUE_TYPES.into_iter().find(|&(_, known)| known == scalar).expect("TensorRT has the type").0
}

/// A tensor as the tests write it down.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub dims: Vec<i64>,
    pub data_type: i32,
    pub format: i32,
}

pub fn tensor(data_type: i32, dims: &[i64]) -> Tensor {
    Tensor { dims: dims.to_vec(), data_type, format: 0 }
}

/// An integer as a generation's `Dims` holds it.
pub trait Size: Copy + Default + Into<i64> + 'static {
    fn of(size: i64) -> Self;
    fn functions() -> &'static Functions;
}

/// The virtual functions of `apiv::VDimensionExpr` and `apiv::VExprBuilder`.
pub struct Functions {
    dimension: [Function; 5],
    builder: [Function; 5],
}

impl Functions {
    const fn new(value: *const c_void, constant: *const c_void, operation: *const c_void) -> Self {
        let is_constant = Function(is_constant as *const c_void);
        Self {
            dimension: [UNEXPECTED, UNEXPECTED, is_constant, Function(value), UNEXPECTED],
            builder: [UNEXPECTED, UNEXPECTED, Function(constant), Function(operation), UNEXPECTED],
        }
    }
}

macro_rules! size {
    ($type:ty) => {
        impl Size for $type {
            fn of(size: i64) -> Self {
                size.try_into().unwrap()
            }
            fn functions() -> &'static Functions {
                static FUNCTIONS: Functions = Functions::new(
                    value::<$type> as *const c_void,
                    constant::<$type> as *const c_void,
                    operation::<$type> as *const c_void,
                );
                &FUNCTIONS
            }
        }
    };
}

size!(i32);
size!(i64);

/// `nvinfer1::Dims`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Dims<T> {
    pub rank: i32,
    pub d: [T; 8],
}

impl<T: Size> Dims<T> {
    /// A rank above 8 is written as it is, with eight sizes.
    pub fn new(dims: &[i64]) -> Self {
        let mut d = [T::default(); 8];
        for (to, &from) in d.iter_mut().zip(dims) {
            *to = T::of(from);
        }
        Self { rank: dims.len() as i32, d }
    }
}

/// `nvinfer1::PluginTensorDesc`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Desc<T> {
    dims: Dims<T>,
    data_type: i32,
    format: i32,
    scale: f32,
}

/// The descriptions of these tensors.
pub fn descs<T: Size>(tensors: &[Tensor]) -> Vec<Desc<T>> {
    tensors
        .iter()
        .map(|tensor| Desc {
            dims: Dims::new(&tensor.dims),
            data_type: tensor.data_type,
            format: tensor.format,
            scale: 1.0,
        })
        .collect()
}

/// `nvinfer1::IDimensionExpr`.
#[repr(C)]
pub struct Dimension {
    functions: &'static [Function; 2],
    implementation: *const DimensionImplementation,
}

#[repr(C)]
struct DimensionImplementation {
    functions: &'static [Function; 5],
    value: Option<i64>,
    /// The operation and the operands that it was made from, if it was made from others.
    operation: Option<(&'static str, [*const Dimension; 2])>,
}

impl Dimension {
    /// A size: a constant, or one that is known when the engine runs. It is never freed.
    pub fn new<T: Size>(value: Option<i64>) -> *const Self {
        Self::made_of::<T>(value, None)
    }

    fn made_of<T: Size>(value: Option<i64>, operation: Option<(&'static str, [*const Self; 2])>) -> *const Self {
        let functions = &T::functions().dimension;
        let implementation = Box::leak(Box::new(DimensionImplementation { functions, value, operation }));
        Box::leak(Box::new(Self { functions: &[UNEXPECTED; 2], implementation }))
    }

    fn implementation<'a>(expression: *const Self) -> &'a DimensionImplementation {
        // SAFETY: made by `new`.
        unsafe { &*(*expression).implementation }
    }
}

extern "C" fn is_constant(this: *const DimensionImplementation) -> bool {
    // SAFETY: made by `Dimension::new`.
    unsafe { (*this).value.is_some() }
}

extern "C" fn value<T: Size>(this: *const DimensionImplementation) -> T {
    // SAFETY: made by `Dimension::new`.
    T::of(unsafe { (*this).value }.expect("only a constant has a value"))
}

/// `nvinfer1::IExprBuilder`.
#[repr(C)]
pub struct Builder {
    functions: &'static [Function; 2],
    implementation: *const &'static [Function; 5],
}

impl Builder {
    pub fn new<T: Size>() -> Self {
        Self { functions: &[UNEXPECTED; 2], implementation: Box::leak(Box::new(&T::functions().builder)) }
    }

    pub fn object(&self) -> Object {
        std::ptr::from_ref(self).cast_mut().cast()
    }
}

extern "C" fn constant<T: Size>(_this: Object, value: T) -> *const Dimension {
    Dimension::new::<T>(Some(value.into()))
}

/// The result of constants is a constant, as in TensorRT's builder.
extern "C" fn operation<T: Size>(
    _this: Object,
    operation: i32,
    first: *const Dimension,
    second: *const Dimension,
) -> *const Dimension {
    let (name, fold): (_, fn(i64, i64) -> i64) = match operation {
        0 => ("sum", |first, second| first + second),
        2 => ("max", i64::max),
        4 => ("sub", |first, second| first - second),
        _ => panic!("DimensionOperation {operation} is not the library's business"),
    };
    let value = Dimension::implementation(first).value.zip(Dimension::implementation(second).value);
    Dimension::made_of::<T>(value.map(|(first, second)| fold(first, second)), Some((name, [first, second])))
}

/// `nvinfer1::DimsExprs`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DimsExprs {
    pub rank: i32,
    pub d: [*const Dimension; 8],
}

impl DimsExprs {
    pub fn unset() -> Self {
        Self { rank: i32::MIN, d: [std::ptr::null(); 8] }
    }

    /// The sizes, -1 for those that are not known before the engine runs.
    pub fn new<T: Size>(dims: &[i64]) -> Self {
        let mut d = [std::ptr::null(); 8];
        for (to, &from) in d.iter_mut().zip(dims) {
            *to = Dimension::new::<T>((from != -1).then_some(from));
        }
        Self { rank: dims.len() as i32, d }
    }

    /// Constants as they are; the name of the input and axis, or of the operation, for the rest: "src.0".
    pub fn describe(&self, inputs: &[Self]) -> Vec<String> {
        self.describe_with(&["src", "index", "base"], inputs, &[])
    }

    /// The same for inputs of these names. Where the layer has shape tensors, "dim_size.0" is the first value of the
    /// first.
    pub fn describe_with(&self, names: &[&str], inputs: &[Self], shape_inputs: &[Self]) -> Vec<String> {
        let inputs = names.iter().copied().zip(inputs);
        let named: Vec<_> = inputs.chain(["dim_size"].into_iter().zip(shape_inputs)).collect();
        self.d[..self.rank as usize].iter().map(|&size| describe(size, &named)).collect()
    }
}

fn describe(expression: *const Dimension, inputs: &[(&str, &DimsExprs)]) -> String {
    let dimension = Dimension::implementation(expression);
    if let Some(value) = dimension.value {
        return value.to_string();
    }
    if let Some((name, [first, second])) = dimension.operation {
        return format!("{name}({}, {})", describe(first, inputs), describe(second, inputs));
    }
    let find = |(name, input): &(&str, &DimsExprs)| {
        let axis = input.d.iter().position(|&axis| axis == expression)?;
        Some(format!("{name}.{axis}"))
    };
    inputs.iter().find_map(find).expect("an input's size")
}
