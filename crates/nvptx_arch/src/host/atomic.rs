//! Atomic read-modify-writes: nothing comes between the load and the store, because a turn ends only where the access
//! begins.

use std::panic::Location;

use super::memory::checked_load;
use crate::atomic::{AtomicAdd, AtomicCas, AtomicMinMax};
use crate::emulate::Access;
use crate::emulate::context::current;

/// Keeps the traits to the types that have the instructions.
pub trait Sealed {}

macro_rules! sealed {
    ($($word:ty)*) => {$(impl Sealed for $word {})*};
}

sealed!(u32 i32 u64 i64 f32 f64);

/// Replaces `*to` by `change(*to)`, and returns the old value.
///
/// # Safety
///
/// `to` points to a `T`, if the memory was registered correctly.
#[track_caller]
unsafe fn modify<T: Copy>(name: &'static str, to: *mut T, change: impl FnOnce(T) -> T) -> T {
    let location = Location::caller();
    current(|context| context.access(Access::Atomic, name, to.addr(), size_of::<T>(), location));
    // SAFETY: the access lies in registered memory that is writable; its alignment is its size, at least that of `T`.
    unsafe {
        let old = to.read();
        to.write(change(old));
        old
    }
}

/// A method that modifies `*to` by one operand, in both forms.
macro_rules! modifications {
    ($word:ty: $($fetch:ident, $reduce:ident = $change:expr;)*) => {$(
        #[track_caller]
        unsafe fn $fetch(to: *mut Self, value: Self) -> Self {
            let change: fn($word, $word) -> $word = $change;
            // SAFETY: the caller's promise.
            unsafe { modify(stringify!($fetch), to, |old| change(old, value)) }
        }
        #[track_caller]
        unsafe fn $reduce(to: *mut Self, value: Self) {
            let change: fn($word, $word) -> $word = $change;
            // SAFETY: the caller's promise.
            unsafe { modify(stringify!($reduce), to, |old| change(old, value)) };
        }
    )*};
}

macro_rules! add {
    ($($word:ty = $add:expr;)*) => {$(
        impl AtomicAdd for $word {
            modifications!($word: fetch_add, reduce_add = $add;);
        }
    )*};
}

add! {
    f32 = |a, b| a + b;
    f64 = |a, b| a + b;
    u32 = u32::wrapping_add;
    i32 = i32::wrapping_add;
    u64 = u64::wrapping_add;
    i64 = i64::wrapping_add;
}

macro_rules! min_max {
    ($($word:ty)*) => {$(
        impl AtomicMinMax for $word {
            modifications!($word: fetch_max, reduce_max = Ord::max; fetch_min, reduce_min = Ord::min;);
        }
    )*};
}

min_max!(u32 i32 u64 i64);

macro_rules! cas {
    ($($word:ty)*) => {$(
        impl AtomicCas for $word {
            #[track_caller]
            unsafe fn compare_exchange(to: *mut Self, current: Self, new: Self) -> Self {
                let replace = |old| if old == current { new } else { old };
                // SAFETY: the caller's promise.
                unsafe { modify("compare_exchange", to, replace) }
            }
            #[track_caller]
            unsafe fn exchange(to: *mut Self, new: Self) -> Self {
                // SAFETY: the caller's promise.
                unsafe { modify("exchange", to, |_| new) }
            }
            #[track_caller]
            unsafe fn load_relaxed(from: *const Self) -> Self {
                // SAFETY: the caller's promise.
                unsafe { checked_load(Access::LoadRelaxed, "load_relaxed", from) }
            }
        }
    )*};
}

cas!(u32 u64);

/// # Safety
///
/// As [`crate::atomic::reduce_add_f32x4`].
#[track_caller]
pub unsafe fn reduce_add_f32x4(to: *mut f32, values: [f32; 4]) {
    let location = Location::caller();
    let name = "reduce_add_f32x4";
    current(|context| context.access(Access::Atomic, name, to.addr(), size_of_val(&values), location));
    for (lane, value) in values.into_iter().enumerate() {
        // SAFETY: all four values lie in registered memory that is writable. Other threads may come between them, as on
        // the GPU.
        unsafe { modify(name, to.add(lane), |old| old + value) };
    }
}

/// # Safety
///
/// As [`crate::atomic::shared_reduce_add_f32`].
#[track_caller]
pub unsafe fn shared_reduce_add_f32(to: *mut f32, value: f32) {
    // SAFETY: the caller's promise.
    unsafe { in_shared("shared_reduce_add_f32", to, |before| before + value) };
}

/// # Safety
///
/// As [`crate::atomic::shared_fetch_add_u32`].
#[track_caller]
pub unsafe fn shared_fetch_add_u32(to: *mut u32, value: u32) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { in_shared("shared_fetch_add_u32", to, |before| before.wrapping_add(value)) }
}

/// Changes a value in shared memory, and returns the old value.
///
/// # Safety
///
/// `to` is aligned, and may be read and written.
#[track_caller]
unsafe fn in_shared<T: Copy>(name: &'static str, to: *mut T, change: impl FnOnce(T) -> T) -> T {
    let location = Location::caller();
    // For the emulator this is a store, because it may change shared memory.
    current(|context| context.access(Access::Store, name, to.addr(), size_of::<T>(), location));
    // SAFETY: the access lies in memory that is writable, and no turn ends between the load and the store.
    unsafe {
        let before = to.read();
        to.write(change(before));
        before
    }
}
