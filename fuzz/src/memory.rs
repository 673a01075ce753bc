//! An allocator that refuses large blocks.
//!
//! A size that comes from input must not end the process: a refused allocation must become an error. Rust ends the
//! process where code does not ask whether it got its memory; then the fuzzer has found a fault. The limit also keeps a
//! run from filling the machine's memory.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    ptr,
};

/// The largest block, in bytes: more than any call takes whose tensors the targets make.
const LARGEST: usize = 16 << 20;

struct Limited;

// SAFETY: as the system's allocator, which does the work, or a refusal.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > LARGEST {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() > LARGEST {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > LARGEST {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise; the block is the system's.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Limited = Limited;
