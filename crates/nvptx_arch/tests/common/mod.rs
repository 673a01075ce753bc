//! What the tests of the emulator share.
#![allow(dead_code, reason = "every test file is a program of its own, and uses what it needs")]

use nvptx_arch::emulate::{Fault, Launch, Memory, Options, run};

/// So many orders of turns that a race between two threads shows in one of them.
pub const SEEDS: std::ops::Range<u64> = 0..50;

/// A grid along x, without dynamic shared memory.
pub fn grid(blocks: u32, threads: u32) -> Launch {
    Launch { grid: [blocks, 1, 1], block: [threads, 1, 1], dynamic_shared: 0 }
}

/// Registers a slice for reading and writing, and returns its address.
pub fn writable<T>(memory: &mut Memory, values: &mut [T]) -> *mut T {
    let at = values.as_mut_ptr();
    memory.register(at.cast(), size_of_val(values), true);
    at
}

/// Registers a slice for reading alone, and returns its address.
pub fn constant<T>(memory: &mut Memory, values: &[T]) -> *const T {
    memory.register(values.as_ptr().cast(), size_of_val(values), false);
    values.as_ptr()
}

/// Runs a kernel that needs no memory, with the default order of turns.
pub fn run_bare(launch: &Launch, kernel: impl Fn()) -> Result<(), Fault> {
    run(launch, &Options::default(), &Memory::new(), kernel)
}

/// What each thread of one block writes to its place in `out`.
pub fn each_thread<T: nvptx_arch::memory::Word + Default>(
    threads: u32,
    seed: u64,
    kernel: impl Fn(u32) -> T,
) -> Result<Vec<T>, Fault> {
    let mut out = vec![T::default(); threads as usize];
    let mut memory = Memory::new();
    let at = writable(&mut memory, &mut out);
    run(&grid(1, threads), &Options::with_seed(seed), &memory, || {
        let thread = nvptx_arch::index::thread_idx_x();
        let value = kernel(thread);
        // SAFETY: every thread has a place of its own in `out`.
        unsafe { nvptx_arch::memory::store(at.add(thread as usize), value) }
    })?;
    Ok(out)
}
