//! `trts_options`, and how structs that may grow are read.

use std::ptr;

use tensorrt_scatter::{BadIndex, Combine, GatherDotOptions, Reduce};

use super::{
    status::Failure,
    words::{alternatives, combine_constant, numbered, reduce_constant},
};
use crate::operators::Declaration;

/// A struct to which later versions may append fields. Its first field is its size in the header of the caller.
///
/// # Safety
/// It must be `repr(C)` with a `usize` first, and any bytes must be a valid value.
pub(super) unsafe trait Growing: Copy {
    /// Its name in the header.
    const NAME: &'static str;
    /// Its size in version 1 of the ABI, the smallest size that a caller may give.
    const FIRST_SIZE: usize;
    /// The values of the fields that the caller's header does not have.
    const DEFAULT: Self;
}

/// Reads a struct that may grow. A null pointer gives the default.
///
/// # Safety
/// `pointer` must be null or valid for reads of its first field and of as many bytes as that field says.
pub(super) unsafe fn read<T: Growing>(pointer: *const T) -> Result<T, Failure> {
    let mut value = T::DEFAULT;
    if pointer.is_null() {
        return Ok(value);
    }
    // SAFETY: the caller's promise; the first field is the size.
    let given = unsafe { pointer.cast::<usize>().read_unaligned() };
    let known = size_of::<T>();
    if given < T::FIRST_SIZE {
        return Err(Failure::invalid(format!(
            "struct_size of {} is {given}; begin with the header's initialiser, which sets it to {known}",
            T::NAME
        )));
    }
    if given > known {
        return Err(Failure::invalid(format!(
            "struct_size of {} is {given}, but this library knows {known} bytes of it; use a newer library, or the \
             header that comes with this one",
            T::NAME
        )));
    }
    // SAFETY: both sides have that many bytes, and any bytes are a valid value.
    unsafe { ptr::copy_nonoverlapping(pointer.cast::<u8>(), ptr::from_mut(&mut value).cast(), given) };
    Ok(value)
}

/// `trts_options`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct TrtsOptions {
    struct_size: usize,
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

// SAFETY: all fields are numbers.
unsafe impl Growing for TrtsOptions {
    const NAME: &'static str = "trts_options";
    const FIRST_SIZE: usize = 48;
    const DEFAULT: Self = Self {
        struct_size: size_of::<Self>(),
        reduce: Reduce::Sum.number(),
        unchecked: 0,
        dim: -1,
        dim_size: -1,
        deterministic: 0,
        unbiased: 1,
        eps: 1e-12,
        combine: Combine::Mul.number(),
        heads: 1,
        negative_slope: GatherDotOptions::NEGATIVE_SLOPE,
    };
}

/// The options, in the types of the Rust API.
#[derive(Clone, Copy)]
pub(super) struct Options {
    pub(super) reduce: Reduce,
    pub(super) bad_index: BadIndex,
    pub(super) dim: isize,
    pub(super) dim_size: Option<usize>,
    pub(super) deterministic: bool,
    pub(super) unbiased: bool,
    pub(super) eps: f64,
    pub(super) combine: Combine,
    pub(super) heads: usize,
    pub(super) negative_slope: f64,
}

impl Options {
    /// # Safety
    /// That of [`read`].
    pub(super) unsafe fn new(options: *const TrtsOptions) -> Result<Self, Failure> {
        // SAFETY: the caller's promise.
        let given = unsafe { read(options)? };
        let reduce = Reduce::ALL.into_iter().find(|&reduce| reduce.number() == given.reduce);
        let combine = Combine::ALL.into_iter().find(|&combine| combine.number() == given.combine);
        let dim_size = match given.dim_size {
            -1 => None,
            size => Some(usize::try_from(size).map_err(|_| {
                Failure::invalid(format!("dim_size is {size}; expected 0 or more, or -1 where the index tells"))
            })?),
        };
        Ok(Self {
            reduce: reduce.ok_or_else(|| {
                let constants = Reduce::ALL.map(|reduce| (reduce_constant(reduce), reduce.number()));
                Failure::invalid(format!("reduce is {}; expected {}", given.reduce, numbered(constants)))
            })?,
            bad_index: if given.unchecked == 0 { BadIndex::Error } else { BadIndex::Skip },
            dim: given.dim as isize,
            dim_size,
            deterministic: given.deterministic != 0,
            unbiased: given.unbiased != 0,
            eps: given.eps,
            combine: combine.ok_or_else(|| {
                let constants = Combine::ALL.map(|combine| (combine_constant(combine), combine.number()));
                Failure::invalid(format!("combine is {}; expected {}", given.combine, numbered(constants)))
            })?,
            heads: usize::try_from(given.heads)
                .map_err(|_| Failure::invalid(format!("heads is {}; expected 1 or more", given.heads)))?,
            negative_slope: given.negative_slope,
        })
    }

    /// Refuses a reduction that the operator does not have. Operators without reductions ignore the option.
    pub(super) fn check_reduce(&self, declaration: &Declaration) -> Result<(), Failure> {
        match declaration.reductions {
            Some(operator) if !operator.has(self.reduce) => Err(Failure::invalid(format!(
                "{} has no {}; expected {}",
                declaration.function(),
                reduce_constant(self.reduce),
                alternatives(operator.reductions().map(reduce_constant))
            ))),
            Some(_) | None => Ok(()),
        }
    }
}
