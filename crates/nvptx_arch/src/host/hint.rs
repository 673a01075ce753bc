//! Hints to the compiler.

pub fn opaque(value: u32) -> u32 {
    std::hint::black_box(value)
}

pub fn only_here() {}
