//! What the host hands a kernel: one `repr(C)` structure, passed by value.
//!
//! Both sides compile this crate, the host to fill the structures and `kernels-gpu` to read them, so a
//! field cannot mean one thing here and another there. Device addresses are plain `u64`: the host must not
//! dereference them. Sizes and strides count elements.

#![no_std]

/// The most axes a tensor may have.
pub const MAX_RANK: usize = 8;

/// The most runs of axes an [`IndexLayout`] can need: every axis of the tensor but the reduced one.
pub const MAX_LAYOUT_AXES: usize = MAX_RANK - 1;

/// One run of axes of `src` over which the index advances evenly.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayoutAxis {
    /// How many positions of `src` the run covers.
    pub size: u64,
    /// How far the index moves for each of them; 0 where it is broadcast.
    pub stride: u64,
}

/// Where the index of element (b, e, k) of `src`, seen as [B, E, K], lies: the broadcast, as arithmetic.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexLayout {
    /// How far the index moves for one step along the reduced axis; 0 where it is broadcast.
    pub stride_e: u64,
    /// How many of `axes`, from the first, split k.
    pub trailing: u32,
    /// How many of `axes`, after those, split b.
    pub leading: u32,
    /// The trailing runs, innermost first, then the leading runs, innermost first.
    pub axes: [LayoutAxis; MAX_LAYOUT_AXES],
    /// Address of a copy of `axes` in device memory, where there is more than one run on a side; 0 otherwise.
    /// Kernels walk the copy: a parameter that is indexed by a variable would be copied to local memory first.
    pub runs: u64,
}

impl IndexLayout {
    /// Whether kernels need [`runs`](Self::runs): more than one run before or after the reduced axis.
    pub fn needs_runs(&self) -> bool {
        self.trailing > 1 || self.leading > 1
    }
}

/// The parameter of every kernel of the scatter family. `src` is [B, E, K], `out` is [B, N, K], row-major.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct ScatterParams {
    /// Address of `src`.
    pub src: u64,
    /// Address of the index, laid out as `layout` says.
    pub index: u64,
    /// Address of the tensor the reduction starts from, shaped as `out`; 0 where there is none.
    pub base: u64,
    /// Address of `out`.
    pub out: u64,
    /// Address of `arg_out`, shaped as `out`; 0 where it is not wanted.
    pub arg_out: u64,
    /// Address of the sums or products, shaped as `out`: `out` itself, or float32 scratch for 16-bit floats.
    pub accumulators: u64,
    /// Address of the counts (u64) for mean, one for each row or each element of `out`; 0 where nothing is counted.
    pub counts: u64,
    /// Address of the best candidates (u64) of min and max, shaped as `out`.
    pub best: u64,
    /// Address of their positions (u64), shaped as `out`; 0 where `best` holds them.
    pub positions: u64,
    /// Product of the axes before the reduced one.
    pub b: u64,
    /// Length of the reduced axis of `src`.
    pub e: u64,
    /// Product of the axes after the reduced one.
    pub k: u64,
    /// Number of groups: the length of the reduced axis of `out`.
    pub n: u64,
    /// How the index is broadcast over `src`.
    pub layout: IndexLayout,
}

/// The parameter of the kernels that look an index over before it is used.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct IndexParams {
    /// Address of the index.
    pub index: u64,
    /// Address of the answer, a u64 or i64.
    pub result: u64,
    /// How many elements the index has.
    pub count: u64,
    /// The number of groups.
    pub n: u64,
}
