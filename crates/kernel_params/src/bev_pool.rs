//! The cells of points in intervals.

/// The parameter of the kernel that notes the cell of each point. The addresses are of integers of one type.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct BevPoolParams {
    /// Address of the first point of each interval.
    pub starts: u64,
    /// Address of the number of points of each interval.
    pub lengths: u64,
    /// Address of the cell of each point. An interval has that of its first point.
    pub cells: u64,
    /// Address of what is written: the cell of the interval that a point is in. The host has set it to -1.
    pub destinations: u64,
    /// The number of intervals.
    pub intervals: u64,
    /// The number of points.
    pub points: u64,
}
