//! Structs of tensors and shapes, in the layouts of both generations, and symbolic sizes.

use std::ffi::c_void;

use super::{
    Object,
    host::{Function, UNEXPECTED},
};

pub const FLOAT: i32 = 0;
pub const HALF: i32 = 1;
pub const INT32_TYPE: i32 = 3;
pub const INT64_TYPE: i32 = 8;

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
pub trait Size: Copy + Default + 'static {
    fn of(size: i64) -> Self;
    fn dimension_functions() -> &'static [Function; 5];
    fn builder_functions() -> &'static [Function; 5];
}

impl Size for i32 {
    fn of(size: i64) -> Self {
        size.try_into().unwrap()
    }
    fn dimension_functions() -> &'static [Function; 5] {
        &const {
            [
                UNEXPECTED,
                UNEXPECTED,
                Function(is_constant as *const c_void),
                Function(value::<i32> as *const c_void),
                UNEXPECTED,
            ]
        }
    }
    fn builder_functions() -> &'static [Function; 5] {
        &const { [UNEXPECTED, UNEXPECTED, Function(constant::<i32> as *const c_void), UNEXPECTED, UNEXPECTED] }
    }
}

impl Size for i64 {
    fn of(size: i64) -> Self {
        size
    }
    fn dimension_functions() -> &'static [Function; 5] {
        &const {
            [
                UNEXPECTED,
                UNEXPECTED,
                Function(is_constant as *const c_void),
                Function(value::<i64> as *const c_void),
                UNEXPECTED,
            ]
        }
    }
    fn builder_functions() -> &'static [Function; 5] {
        &const { [UNEXPECTED, UNEXPECTED, Function(constant::<i64> as *const c_void), UNEXPECTED, UNEXPECTED] }
    }
}

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
}

impl Dimension {
    /// A size: a constant, or one that is known when the engine runs. It is never freed.
    pub fn new<T: Size>(value: Option<i64>) -> *const Self {
        let implementation =
            Box::leak(Box::new(DimensionImplementation { functions: T::dimension_functions(), value }));
        Box::leak(Box::new(Self { functions: &[UNEXPECTED; 2], implementation }))
    }

    fn value(expression: *const Self) -> Option<i64> {
        // SAFETY: made by `new`.
        unsafe { (*(*expression).implementation).value }
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
        Self { functions: &[UNEXPECTED; 2], implementation: Box::leak(Box::new(T::builder_functions())) }
    }

    pub fn object(&self) -> Object {
        std::ptr::from_ref(self).cast_mut().cast()
    }
}

extern "C" fn constant<T: Size + Into<i64>>(_this: Object, value: T) -> *const Dimension {
    Dimension::new::<T>(Some(value.into()))
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

    /// Constants as they are; the name of the input and axis for the rest: "src.0".
    pub fn describe(&self, inputs: &[Self]) -> Vec<String> {
        const NAMES: [&str; 3] = ["src", "index", "base"];
        let size = |&expression: &*const Dimension| match Dimension::value(expression) {
            Some(value) => value.to_string(),
            None => inputs
                .iter()
                .zip(NAMES)
                .find_map(|(input, name)| {
                    let axis = input.d.iter().position(|&axis| axis == expression)?;
                    Some(format!("{name}.{axis}"))
                })
                .expect("an input's size"),
        };
        self.d[..self.rank as usize].iter().map(size).collect()
    }
}
