//! Filling memory.

/// The parameter of the kernel that fills memory.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct FillParams {
    /// Address of the u32 words.
    pub address: u64,
    /// The number of words.
    pub count: u64,
    /// The value that each word gets.
    pub value: u32,
    /// Keeps the structure free of padding.
    pub unused: u32,
}
