//! The C ABI's structs and functions as a caller writes them down after the header.

#![allow(dead_code, reason = "each test program uses a part")]

use std::{
    ffi::{CStr, c_char, c_void},
    ptr,
};

use crate::common::{Library, plugin_library};

pub const OK: i32 = 0;
pub const INVALID_ARGUMENT: i32 = 1;
pub const BAD_INDEX: i32 = 2;
pub const OUT_OF_MEMORY: i32 = 3;
pub const NO_DEVICE: i32 = 4;
pub const CUDA_ERROR: i32 = 5;

pub const FLOAT32: i32 = 1;
pub const FLOAT16: i32 = 2;
pub const INT32: i32 = 5;
pub const INT64: i32 = 6;

/// `trts_tensor`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Tensor {
    pub data: *mut c_void,
    pub element_type: i32,
    pub rank: i32,
    pub shape: *const i64,
    pub strides: *const i64,
}

/// A tensor over a slice, of one of the header's types.
pub fn tensor<T>(data: &mut [T], element_type: i32, shape: &[i64]) -> Tensor {
    Tensor {
        data: data.as_mut_ptr().cast(),
        element_type,
        rank: shape.len() as i32,
        shape: shape.as_ptr(),
        strides: ptr::null(),
    }
}

/// `trts_options`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Options {
    pub struct_size: usize,
    pub reduce: i32,
    pub unchecked: i32,
    pub dim: i64,
    pub dim_size: i64,
    pub deterministic: i32,
    pub unbiased: i32,
    pub eps: f64,
    pub combine: i32,
    pub heads: i32,
    pub negative_slope: f64,
}

impl Options {
    /// `TRTS_OPTIONS_INIT`.
    pub const INIT: Self = Self {
        struct_size: size_of::<Self>(),
        reduce: 0,
        unchecked: 0,
        dim: -1,
        dim_size: -1,
        deterministic: 0,
        unbiased: 1,
        eps: 1e-12,
        combine: 0,
        heads: 1,
        negative_slope: 0.2,
    };
}

/// `trts_target`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Target {
    pub struct_size: usize,
    pub device: i32,
    pub stream: *mut c_void,
    pub workspace: *mut c_void,
    pub workspace_bytes: usize,
}

impl Target {
    /// A device's default stream, without a workspace.
    pub fn device(device: i32) -> Self {
        let (stream, workspace) = (ptr::null_mut(), ptr::null_mut());
        Self { struct_size: size_of::<Self>(), device, stream, workspace, workspace_bytes: 0 }
    }
}

/// `trts_requirements`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Requirements {
    pub struct_size: usize,
    pub workspace_bytes: usize,
    pub dim_size: i64,
    pub rank: i32,
    pub shape: [i64; 8],
}

impl Requirements {
    pub fn new() -> Self {
        Self { struct_size: size_of::<Self>(), workspace_bytes: 0, dim_size: 0, rank: 0, shape: [0; 8] }
    }

    pub fn dims(&self) -> &[i64] {
        &self.shape[..self.rank as usize]
    }
}

type Query = unsafe extern "C" fn(
    i32,
    *const Tensor,
    *const Tensor,
    *const Tensor,
    *const Options,
    *const Target,
    *mut Requirements,
) -> i32;
type QueryInputs =
    unsafe extern "C" fn(i32, *const *const Tensor, usize, *const Options, *const Target, *mut Requirements) -> i32;
type Reduction = unsafe extern "C" fn(
    *const Tensor,
    *const Tensor,
    *const Tensor,
    *const Options,
    *const Tensor,
    *const Tensor,
    *const Target,
) -> i32;
type GatherSegment = unsafe extern "C" fn(
    *const Tensor,
    *const Tensor,
    *const Tensor,
    *const Tensor,
    *const Options,
    *const Tensor,
    *const Tensor,
    *const Target,
) -> i32;
type Attention = unsafe extern "C" fn(
    *const Tensor,
    *const Tensor,
    *const Tensor,
    *const Tensor,
    *const Options,
    *const Tensor,
    *const Target,
) -> i32;
type GatherDot = unsafe extern "C" fn(
    *const Tensor,
    *const Tensor,
    *const Tensor,
    *const Tensor,
    *const Tensor,
    *const Options,
    *const Tensor,
    *const Target,
) -> i32;
type GroupIndex =
    unsafe extern "C" fn(*const Tensor, *const Options, *const Tensor, *const Tensor, *const Target) -> i32;
pub type Plain =
    unsafe extern "C" fn(*const Tensor, *const Tensor, *const Options, *const Tensor, *const Target) -> i32;

type NewBuffer = unsafe extern "C" fn(i32, usize, *mut *mut c_void, *mut *mut c_void) -> i32;
type FreeBuffer = unsafe extern "C" fn(*mut c_void) -> i32;
type Synchronize = unsafe extern "C" fn(*const Target) -> i32;

/// The functions, looked up in the library.
pub struct CAbi {
    library: Library,
    pub query: Query,
    pub query_inputs: QueryInputs,
    pub scatter: Reduction,
    pub gather_csr: Plain,
    pub gather_segment_csr: GatherSegment,
    pub gather_scatter: GatherSegment,
    pub gather_segment_coo: GatherSegment,
    pub attention_csr: Attention,
    pub gather_dot: GatherDot,
    pub group_index: GroupIndex,
    pub softmax: Plain,
    pub softmax_csr: Plain,
    pub logsumexp_csr: Plain,
    pub buffer_new: NewBuffer,
    pub buffer_free: FreeBuffer,
    pub synchronize: Synchronize,
    pub log_softmax: Plain,
}

impl CAbi {
    pub fn load() -> Self {
        let library = plugin_library();
        // SAFETY: the header declares the functions so.
        unsafe {
            Self {
                query: library.function(c"trts_query"),
                query_inputs: library.function(c"trts_query_inputs"),
                scatter: library.function(c"trts_scatter"),
                gather_csr: library.function(c"trts_gather_csr"),
                gather_segment_csr: library.function(c"trts_gather_segment_csr"),
                attention_csr: library.function(c"trts_attention_csr"),
                gather_dot: library.function(c"trts_gather_dot"),
                gather_scatter: library.function(c"trts_gather_scatter"),
                gather_segment_coo: library.function(c"trts_gather_segment_coo"),
                group_index: library.function(c"trts_group_index"),
                softmax: library.function(c"trts_softmax"),
                softmax_csr: library.function(c"trts_softmax_csr"),
                logsumexp_csr: library.function(c"trts_logsumexp_csr"),
                buffer_new: library.function(c"trts_buffer_new"),
                buffer_free: library.function(c"trts_buffer_free"),
                synchronize: library.function(c"trts_synchronize"),
                log_softmax: library.function(c"trts_log_softmax"),
                library,
            }
        }
    }

    pub fn last_error(&self) -> String {
        // SAFETY: the header declares the function so, and its text ends in a NUL.
        unsafe {
            let last_error = self.library.function::<unsafe extern "C" fn() -> *const c_char>(c"trts_last_error");
            CStr::from_ptr(last_error()).to_str().unwrap().to_owned()
        }
    }

    pub fn set_threads(&self, threads: i32) -> i32 {
        // SAFETY: the header declares the function so.
        unsafe { self.library.function::<unsafe extern "C" fn(i32) -> i32>(c"trts_set_threads")(threads) }
    }

    pub fn threads(&self) -> i32 {
        // SAFETY: the header declares the function so.
        unsafe { self.library.function::<unsafe extern "C" fn() -> i32>(c"trts_threads")() }
    }

    /// Position and value of the offender, if the last call found one.
    pub fn last_bad_index(&self) -> Option<(i64, i64)> {
        let (mut position, mut value) = (0, 0);
        // SAFETY: the header declares the function so.
        let status = unsafe {
            let bad_index =
                self.library.function::<unsafe extern "C" fn(&mut i64, &mut i64) -> i32>(c"trts_last_bad_index");
            bad_index(&mut position, &mut value)
        };
        (status == OK).then_some((position, value))
    }

    /// Checks that a call failed so, with all of these words in its text.
    #[track_caller]
    pub fn expect_failure(&self, status: i32, expected: i32, words: &[&str]) {
        let error = self.last_error();
        assert_eq!(status, expected, "{error}");
        for word in words {
            assert!(error.contains(word), "no \"{word}\" in: {error}");
        }
    }
}
