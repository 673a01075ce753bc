//! What the CPU backend needs of its process: threads, memory, and forks.

#[path = "../support/element.rs"]
#[allow(dead_code, reason = "these tests need the constructor alone")]
mod element;
mod every_operator;
mod fork;
mod memory;
mod threads;

/// Large enough that every call takes several threads, and that each of its buffers has `memory::LARGE_BYTES`.
const LARGE: every_operator::Sizes = every_operator::Sizes { b: 3, e: 15_000, k: 3, n: 2_500 };

/// Small enough for the caller's thread alone.
const SMALL: every_operator::Sizes = every_operator::Sizes { b: 2, e: 6, k: 2, n: 3 };

#[global_allocator]
static ALLOCATOR: memory::Refusing = memory::Refusing;
