//! The segment that a lane closed first, kept in shared memory: held in registers through the walk, it would halve the
//! number of warps that a multiprocessor has room for.

use core::marker::PhantomData;

use nvptx_arch::{index::thread_idx_x, memory, shared_array};

use super::fold::{Fold, Partial, Position};
use crate::element::Accumulator;

/// Threads of a block.
const THREADS: usize = 256;

/// 32 bytes of accumulators for each thread: eight of 4 bytes, for 16-bit values, or fewer.
const WORDS: usize = 8 * THREADS;

/// What is kept of the segment in registers.
#[derive(Clone, Copy)]
pub struct Head {
    /// The segment, all ones for none.
    pub id: u64,
    /// How many of its elements the lane has taken.
    pub count: u32,
}

/// This thread's places. No other thread touches them.
pub struct Heads<A, R> {
    values: *mut A,
    positions: *mut u32,
    fold: PhantomData<R>,
}

impl<A: Accumulator, R: Fold> Heads<A, R> {
    /// Those of the calling thread.
    #[inline(always)]
    pub fn new() -> Self {
        let thread = thread_idx_x() as usize;
        let values = shared_array![u32; WORDS].cast::<A>().wrapping_add(thread);
        let positions =
            if R::HAS_POSITION { shared_array![u32; WORDS].wrapping_add(thread) } else { core::ptr::null_mut() };
        Self { values, positions, fold: PhantomData }
    }

    /// Keeps partial results.
    #[inline(always)]
    pub unsafe fn store<const COLUMNS: usize>(&self, partials: [Partial<A, u32>; COLUMNS]) {
        for (i, partial) in partials.into_iter().enumerate() {
            memory::store(self.values.wrapping_add(i * THREADS), partial.value);
            if R::HAS_POSITION {
                memory::store(self.positions.wrapping_add(i * THREADS), partial.position);
            }
        }
    }

    /// The partial results kept last.
    #[inline(always)]
    pub unsafe fn load<const COLUMNS: usize>(&self) -> [Partial<A, u32>; COLUMNS] {
        let mut partials = [Partial::EMPTY; COLUMNS];
        for (i, partial) in partials.iter_mut().enumerate() {
            partial.value = memory::load(self.values.wrapping_add(i * THREADS).cast_const());
            partial.position = if R::HAS_POSITION {
                memory::load(self.positions.wrapping_add(i * THREADS).cast_const())
            } else {
                Position::NONE
            };
        }
        partials
    }
}
