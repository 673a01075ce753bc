//! Loads and stores.

use std::panic::Location;

use crate::emulate::Access;
use crate::emulate::context::current;

/// A word that memory holds.
pub trait WordAccess {}

macro_rules! words {
    ($($word:ty)*) => {$(impl WordAccess for $word {})*};
}

words!(u8 u16 u32 u64 i32 i64 f32 f64);

/// A word that vectors are made of.
pub trait LaneAccess {}

macro_rules! lanes {
    ($($lane:ty)*) => {$(impl LaneAccess for $lane {})*};
}

lanes!(f32 u32 i32);

/// Loads a `T`, as large as the whole access, if the kernel may read there.
///
/// # Safety
///
/// `from` points to a `T`, if the memory was registered correctly.
#[track_caller]
pub(super) unsafe fn checked_load<T>(access: Access, name: &'static str, from: *const T) -> T {
    let location = Location::caller();
    current(|context| context.access(access, name, from.addr(), size_of::<T>(), location));
    // SAFETY: the access lies in registered memory or in the block's; its alignment is its size, at least that of `T`.
    unsafe { from.read() }
}

/// Stores a `T`, as large as the whole access, if the kernel may write there.
///
/// # Safety
///
/// `to` points to a `T`, if the memory was registered correctly.
#[track_caller]
unsafe fn checked_store<T>(name: &'static str, to: *mut T, value: T) {
    let location = Location::caller();
    current(|context| context.access(Access::Store, name, to.addr(), size_of::<T>(), location));
    // SAFETY: as for a load; the memory is writable.
    unsafe { to.write(value) }
}

macro_rules! loads {
    ($($name:ident: $access:ident, $result:ty;)*) => {$(
        /// # Safety
        ///
        /// As its namesake in [`crate::memory`].
        #[track_caller]
        pub unsafe fn $name<T: Copy>(from: *const T) -> $result {
            // SAFETY: the caller's promise.
            unsafe { checked_load(Access::$access, stringify!($name), from.cast()) }
        }
    )*};
}

loads! {
    load: Load, T;
    load_x2: Load, [T; 2];
    load_x4: Load, [T; 4];
    load_readonly: LoadReadonly, T;
    load_readonly_x2: LoadReadonly, [T; 2];
    load_readonly_x4: LoadReadonly, [T; 4];
    load_streaming: LoadReadonly, T;
    load_streaming_x2: LoadReadonly, [T; 2];
    load_streaming_x4: LoadReadonly, [T; 4];
    load_prefetching_256: LoadReadonly, T;
    load_prefetching_128_x4: LoadReadonly, [T; 4];
    load_prefetching_256_x4: LoadReadonly, [T; 4];
}

/// # Safety
///
/// As [`crate::memory::prefetch`].
#[track_caller]
pub unsafe fn prefetch<T: Copy>(from: *const T) {
    // SAFETY: the caller's promise. What is read is not used.
    unsafe { checked_load(Access::LoadReadonly, "prefetch", from) };
}

macro_rules! stores {
    ($($name:ident: $value:ty;)*) => {$(
        /// # Safety
        ///
        /// As its namesake in [`crate::memory`].
        #[track_caller]
        pub unsafe fn $name<T: Copy>(to: *mut T, value: $value) {
            // SAFETY: the caller's promise.
            unsafe { checked_store(stringify!($name), to.cast(), value) }
        }
    )*};
}

stores! {
    store: T;
    store_x2: [T; 2];
    store_x4: [T; 4];
    store_streaming_x4: [T; 4];
}
