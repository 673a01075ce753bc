//! The grouping of an index on the GPU: the steps, and the safe calls.

mod steps;

use std::ffi::c_void;

use kernel_params::{Divisor, GROUP_TILE, GroupIndexParams};

use super::{
    DeviceTensor, Stream, Workspace,
    call::{self, Call},
    check::group_count,
    kernel::kernel,
    kernels::Kernels,
    queue::{Queue, StreamQueue},
};
use crate::{BadIndex, Error, GroupIndexOptions, GroupIndexPlan, Grouping, Index, IndexType, index_rules::IndexRules};

pub use steps::preload_group_index;

pub(super) use steps::{Types, kernels};

use steps::{Step, Width};

/// The most shares that the elements are divided into: about the blocks that an H100 runs at once. Each digit has a
/// count in each share.
const MOST_SHARES: usize = 384;

/// The most bits of a digit, but for the highest one. With more, the elements of a tile with the same digit are so few
/// that each store goes to another sector of memory.
const MOST_DIGIT_BITS: u32 = 9;

/// The most of the highest digits. With more, the counts of a block do not fit in 48 KiB of shared memory. It is more
/// than 2^9, because 2^18 groups, and the elements without a group, should take no third pass.
const MOST_BINS: usize = 768;

/// The most elements of a share of a bucket, in bits, if there are not so many that it takes more than [`MOST_SHARES`]
/// shares. A block takes each share; it counts the elements of a bucket that is one share without another launch.
const BUCKET_SHARE_BITS: u32 = 14;

/// The elements that a bucket should have on average: half a share, so that few buckets have several shares.
const BUCKET_ELEMENTS: usize = 1 << (BUCKET_SHARE_BITS - 1);

/// Where the tensors of a group_index lie in device memory, and of what type they are.
#[derive(Clone, Copy, Debug)]
pub struct GroupIndexPointers {
    /// Type of `index`, `perm` and `indptr`.
    pub index_type: IndexType,
    /// Address of the index, of the plan's index shape.
    pub index: u64,
    /// Address of `perm`.
    pub perm: u64,
    /// Address of `indptr`.
    pub indptr: u64,
    /// Address of the workspace, aligned to 8. The plan's `workspace_bytes` tells how many bytes it needs.
    pub workspace: u64,
    /// The number of bytes at `workspace`.
    pub workspace_bytes: usize,
}

/// The bits that are needed for numbers below `count`.
fn bits(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

/// How the elements are sorted: by a radix sort of some passes over their keys, each by one digit. One or three passes
/// and more take the lowest digit first. Two take the highest one first, and then sort each bucket on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sort {
    /// The number of keys.
    keys: usize,
    /// The bits of a position in a row.
    position_bits: u32,
    passes: u32,
    /// The bits of a digit. The highest digit is the rest of the key.
    digit_bits: u32,
}

impl Sort {
    fn new(plan: &GroupIndexPlan) -> Self {
        let keys = plan.rows.saturating_mul(plan.n + 1);
        let with = |passes: u32| {
            let digit_bits = bits(keys).div_ceil(passes).clamp(1, MOST_DIGIT_BITS);
            Self { keys, position_bits: bits(plan.e), passes, digit_bits }
        };
        let enough = (1..).map(with).find(|sort| sort.highest_bins() <= MOST_BINS);
        let sort = enough.expect("64 passes are enough for every key");
        if sort.has_buckets() { sort.with_small_buckets(plan.index.element_count()) } else { sort }
    }

    /// The same sort, of buckets that have [`BUCKET_ELEMENTS`] of the `count` elements on average, or as few as may be.
    fn with_small_buckets(self, count: usize) -> Self {
        let with = |digit_bits| Self { digit_bits, ..self };
        let may_be = |sort: &Self| sort.highest_bins() <= MOST_BINS;
        let all = (1..=self.digit_bits).rev().map(with).take_while(may_be);
        // The first that is small enough, or else the last.
        let mut chosen = self;
        for sort in all {
            chosen = sort;
            if count.div_ceil(sort.highest_bins()) <= BUCKET_ELEMENTS {
                break;
            }
        }
        chosen
    }

    /// Whether the second pass, the last one, sorts buckets.
    fn has_buckets(self) -> bool {
        self.passes == 2
    }

    /// The bits of the key below the highest digit.
    fn lower_bits(self) -> u32 {
        self.digit_bits * (self.passes - 1)
    }

    /// The number of the highest digits.
    fn highest_bins(self) -> usize {
        self.keys.saturating_sub(1).checked_shr(self.lower_bits()).unwrap_or(0) + 1
    }

    /// The digits of a pass, and how many bits of a word are below them.
    fn digits(self, pass: u32) -> Digits {
        let is_highest = if self.has_buckets() { pass == 0 } else { pass + 1 == self.passes };
        let bins = if is_highest { self.highest_bins() } else { 1 << self.digit_bits };
        let shift = self.position_bits + if self.has_buckets() && is_highest { self.digit_bits } else { 0 };
        Digits { bins, bits: if is_highest { bits(bins) } else { self.digit_bits }, shift }
    }

    /// The bits of a key that the first pass leaves.
    fn bits_left(self) -> u32 {
        match self.passes {
            1 => 0,
            2 => self.digit_bits,
            _ => bits(self.keys) - self.digit_bits,
        }
    }

    /// Whether 64 bits hold a key and a position.
    fn fits(self) -> bool {
        bits(self.keys) + self.position_bits <= u64::BITS
    }

    /// What an element is between the passes: what the first pass leaves of its key, and its position.
    fn width(self, plan: &GroupIndexPlan, perm_type: IndexType) -> Width {
        match perm_type {
            // perm has 64 bits for each element, and serves as a buffer.
            IndexType::I64 => Width::Wide,
            IndexType::I32 if plan.has_wide_words => Width::Wide,
            IndexType::I32 if self.bits_left() + self.position_bits <= u32::BITS => Width::Narrow,
            IndexType::I32 => Width::Wide,
        }
    }
}

/// The digits of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Digits {
    /// How many there are.
    bins: usize,
    /// The bits of the largest one.
    bits: u32,
    /// The bits of a word below them.
    shift: u32,
}

/// The bits of a share of a bucket, of `count` elements in all.
fn bucket_share_bits(count: usize) -> u32 {
    bits(count.div_ceil(MOST_SHARES)).max(BUCKET_SHARE_BITS)
}

/// More than the number of any share of a bucket.
fn bucket_shares(buckets: usize, count: usize) -> usize {
    buckets + (count >> bucket_share_bits(count))
}

/// The parts of the workspace, as offsets in bytes.
#[derive(Clone, Copy, Debug, Default)]
struct WorkspaceLayout {
    counts: usize,
    totals: usize,
    starts: usize,
    /// Two buffers for the words. With words of perm's width, perm itself is one of them.
    words: [usize; 2],
    bytes: usize,
}

impl WorkspaceLayout {
    fn new(plan: &GroupIndexPlan, perm_type: IndexType) -> Self {
        let sort = Sort::new(plan);
        let count = plan.index.element_count();
        let width = sort.width(plan, perm_type);
        // For the most digits and shares that these shapes, or smaller ones, have.
        let bins = sort.keys.clamp(1, MOST_BINS);
        let shares = count.div_ceil(GROUP_TILE as usize).clamp(1, MOST_SHARES);
        let mut layout = Self::default();
        let mut reserve = |bytes: usize| {
            let offset = layout.bytes;
            layout.bytes = offset.saturating_add(bytes.saturating_add(size_of::<u64>() - 1) & !(size_of::<u64>() - 1));
            offset
        };
        // Those of buckets need less: `the_counts_of_buckets_fit_in_those_of_all_elements`.
        let counts = reserve(bins * shares * size_of::<u64>());
        let totals = reserve(bins * size_of::<u64>());
        let starts = reserve((bins + 1) * size_of::<u64>());
        let buffer = count.saturating_mul(width.bytes());
        let is_perms = width == Width::of_perm(perm_type);
        let first = reserve(if sort.passes > 1 { buffer } else { 0 });
        let second = reserve(if sort.passes > 2 && !is_perms { buffer } else { 0 });
        Self { counts, totals, starts, words: [first, second], bytes: layout.bytes }
    }
}

impl GroupIndexPlan {
    /// Whether the steps hold every key and position.
    pub(super) fn fits(&self) -> bool {
        Sort::new(self).fits()
    }

    /// The most bytes of workspace that [`enqueue_group_index`] needs, for these shapes and all smaller ones: 2.25 MiB
    /// and 12 KiB of counts at most, and, with more than 767 groups, buffers. A buffer has 8 bytes for each element of an
    /// int64 index, and 4 for those of an int32 index where 32 bits hold its position and what the first step leaves of
    /// its group. Otherwise there are one or two buffers of 8 bytes for each element. `usize::MAX` if the number does not
    /// fit in a usize.
    pub fn workspace_bytes(&self, index_type: IndexType) -> usize {
        WorkspaceLayout::new(self, index_type).bytes
    }
}

/// Gives the steps of a group_index to a queue. It allocates nothing on the device and does not wait. Elements with an
/// index outside [0, N) are in no group.
///
/// # Errors
/// [`Error::WorkspaceTooSmall`]; [`Error::TooManyElements`] where 64 bits do not hold a position and a group of a row, and
/// from 1.6e12 elements on; those of the queue.
///
/// # Safety
/// Each address must point to device memory that holds what the plan's shapes say, aligned to its elements, and that
/// stays valid until the queue has executed the work given to it; outputs and workspace must not overlap anything.
pub unsafe fn enqueue_group_index(
    queue: &mut impl Queue,
    plan: &GroupIndexPlan,
    pointers: &GroupIndexPointers,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe { enqueue_with_perm_of(pointers.index_type, queue, plan, pointers) }
}

/// [`enqueue_group_index`] where `perm` and `indptr` have a type of their own: that of the index, or int32 where it
/// holds every position.
///
/// # Errors
/// Those of [`enqueue_group_index`].
///
/// # Safety
/// That of [`enqueue_group_index`].
pub(super) unsafe fn enqueue_with_perm_of(
    perm_type: IndexType,
    queue: &mut impl Queue,
    plan: &GroupIndexPlan,
    pointers: &GroupIndexPointers,
) -> Result<(), Error> {
    let types = Types { index: pointers.index_type, perm: perm_type };
    let workspace = WorkspaceLayout::new(plan, perm_type);
    if pointers.workspace_bytes < workspace.bytes {
        return Err(Error::WorkspaceTooSmall { given: pointers.workspace_bytes, needed: workspace.bytes });
    }
    let count = plan.index.element_count();
    let entries = plan.indptr.element_count();
    if count == 0 {
        let words = entries * perm_type.bytes() / size_of::<u32>();
        // SAFETY: the caller's promise.
        return unsafe { queue.fill_u32(pointers.indptr, 0, words) };
    }
    let sort = Sort::new(plan);
    let tiles = count.div_ceil(GROUP_TILE as usize);
    let share = tiles.div_ceil(MOST_SHARES) * GROUP_TILE as usize;
    if !sort.fits() || u32::try_from(share).is_err() {
        return Err(Error::TooManyElements { dims: vec![plan.rows, plan.n + 1, plan.e] });
    }
    let width = sort.width(plan, perm_type);
    let address = |offset: usize| pointers.workspace + offset as u64;
    let common = GroupIndexParams {
        counts: address(workspace.counts),
        totals: address(workspace.totals),
        index: pointers.index,
        perm: pointers.perm,
        indptr: pointers.indptr,
        rows: plan.rows as u64,
        e: plan.e as u64,
        n: plan.n as u64,
        count: count as u64,
        shares: count.div_ceil(share) as u64,
        share: share as u64,
        by_e: Divisor::new(plan.e as u64),
        by_entries: Divisor::new(plan.n as u64 + 1),
        position_bits: sort.position_bits,
        buckets: sort.highest_bins() as u32,
        bucket_share_bits: bucket_share_bits(count),
        ..GroupIndexParams::default()
    };
    // The last pass writes perm, and the passes before it write to the two buffers in turn.
    let buffers = match width == Width::of_perm(perm_type) {
        true => [address(workspace.words[0]), pointers.perm],
        false => workspace.words.map(address),
    };
    let target = |pass: u32| match sort.passes - 1 - pass {
        0 => pointers.perm,
        before => buffers[(before as usize - 1) % 2],
    };
    let mut params = common;
    for pass in 0..sort.passes {
        let is_last = pass + 1 == sort.passes;
        let digits = sort.digits(pass);
        params = GroupIndexParams {
            from: if pass == 0 { pointers.index } else { target(pass - 1) },
            to: target(pass),
            starts: if is_last || sort.has_buckets() { address(workspace.starts) } else { 0 },
            done_bits: pass * sort.digit_bits,
            digit_shift: digits.shift,
            digit_bits: digits.bits,
            // Nothing is above the last digit, or above the first one of two.
            digit_mask: if is_last || sort.has_buckets() { u32::MAX } else { (1 << digits.bits) - 1 },
            bins: digits.bins as u32,
            bin_bits: digits.bits,
            ..common
        };
        let from = if pass == 0 { None } else { Some(width) };
        let to = if is_last { Width::of_perm(perm_type) } else { width };
        let (count_bytes, place_bytes) =
            (GroupIndexParams::count_bytes(params.bins), GroupIndexParams::place_bytes(params.bins, to.bytes() as u32));
        // SAFETY: the caller's promise about the addresses; counts and sizes follow from the plan's shapes.
        unsafe {
            if is_last && sort.has_buckets() {
                let shares = bucket_shares(sort.highest_bins(), count) as u32;
                params.shares = u64::from(shares);
                queue.launch_with_shared(Step::CountBuckets(width).kernel(types), shares, count_bytes, &params)?;
                let place = Step::PlaceBuckets { from: width, to };
                return queue.launch_with_shared(place.kernel(types), shares, place_bytes, &params);
            }
            let shares = params.shares as u32;
            queue.launch_with_shared(Step::Count { from }.kernel(types), shares, count_bytes, &params)?;
            queue.launch_for_each(Step::Scan.kernel(types), digits.bins, &params)?;
            queue.launch_with_shared(Step::Place { from, to }.kernel(types), shares, place_bytes, &params)?;
        }
    }
    // SAFETY: the caller's promise.
    unsafe { queue.launch_for_each(Step::Bounds.kernel(types), entries, &params) }
}

/// Stores where each group of a sorted index begins at the `indptr` of the pointers, as int32. The other pointers but
/// `index` are not used.
///
/// # Errors
/// Those of the queue.
///
/// # Safety
/// That of [`enqueue_group_index`].
pub(super) unsafe fn enqueue_sorted_bounds(
    queue: &mut impl Queue,
    plan: &GroupIndexPlan,
    pointers: &GroupIndexPointers,
) -> Result<(), Error> {
    let entries = plan.indptr.element_count();
    let params = GroupIndexParams {
        index: pointers.index,
        indptr: pointers.indptr,
        rows: plan.rows as u64,
        e: plan.e as u64,
        n: plan.n as u64,
        by_entries: Divisor::new(plan.n as u64 + 1),
        ..GroupIndexParams::default()
    };
    // SAFETY: the caller's promise.
    unsafe {
        if plan.index.element_count() == 0 {
            return queue.fill_u32(pointers.indptr, 0, entries);
        }
        queue.launch_for_each(kernel!(sorted_bounds index(pointers.index_type)), entries, &params)
    }
}

/// [`enqueue_group_index`] on a raw `CUstream` of the current context: what the plugins call. A kernel that
/// [`preload_group_index`] has not loaded is compiled here.
///
/// # Errors
/// Those of [`enqueue_group_index`].
///
/// # Safety
/// Those of [`enqueue_group_index`] and [`StreamQueue::new`].
pub unsafe fn group_index_raw(
    kernels: &Kernels,
    plan: &GroupIndexPlan,
    pointers: &GroupIndexPointers,
    stream: *mut c_void,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe { enqueue_group_index(&mut StreamQueue::new(kernels, stream), plan, pointers) }
}

impl Call<1> for GroupIndexPlan {
    type Pointers = GroupIndexPointers;

    fn rules(&self) -> [(&'static str, &dyn IndexRules); 1] {
        [("index", self)]
    }

    fn key(&self, pointers: &GroupIndexPointers) -> [&'static str; 4] {
        ["group_index", "", "", pointers.index_type.name()]
    }

    unsafe fn enqueue(&self, queue: &mut impl Queue, pointers: &GroupIndexPointers) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { enqueue_group_index(queue, self, pointers) }
    }
}

/// Sorts the positions of an index's elements by their group: [`cpu::group_index`](crate::cpu::group_index), on a
/// stream.
///
/// The results are in device memory. They are complete when the stream has executed the work given to it so far. The
/// call allocates its workspace on the device; [`group_index_into`] uses the caller's workspace.
///
/// # Errors
/// Those of [`cpu::group_index`](crate::cpu::group_index); [`Error::Cuda`] where the driver refuses.
pub fn group_index<I: Index>(
    stream: &Stream,
    index: &DeviceTensor<I>,
    options: &GroupIndexOptions,
) -> Result<Grouping<DeviceTensor<I>>, Error> {
    let gpu = stream.gpu();
    let mut workspace = Workspace::new(gpu)?;
    let plan = GroupIndexPlan::with_group_count(index.shape(), options, || group_count(stream, index, &mut workspace))?;
    let mut perm = DeviceTensor::uninitialized(gpu, *plan.perm_shape())?;
    let mut indptr = DeviceTensor::uninitialized(gpu, *plan.indptr_shape())?;
    run(stream, &plan, index, options.bad_index, &mut perm, &mut indptr, &mut workspace)?;
    Ok(Grouping { perm, indptr })
}

/// [`group_index`] that writes to the caller's tensors, to every element of them, and uses the caller's workspace.
/// Without a `dim_size`, the number of groups is that of `indptr`.
///
/// # Errors
/// Those of [`group_index`]; [`Error::OutputShape`] where `perm` or `indptr` has another shape than the result. Nothing
/// is written then.
pub fn group_index_into<I: Index>(
    stream: &Stream,
    index: &DeviceTensor<I>,
    options: &GroupIndexOptions,
    perm: &mut DeviceTensor<I>,
    indptr: &mut DeviceTensor<I>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    let groups = indptr.shape().dims().last().map_or(0, |entries| entries.saturating_sub(1));
    let plan = GroupIndexPlan::with_group_count(index.shape(), options, || Ok(groups))?;
    run(stream, &plan, index, options.bad_index, perm, indptr, workspace)
}

fn run<I: Index>(
    stream: &Stream,
    plan: &GroupIndexPlan,
    index: &DeviceTensor<I>,
    bad_index: BadIndex,
    perm: &mut DeviceTensor<I>,
    indptr: &mut DeviceTensor<I>,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    plan.check_outputs(perm.shape(), indptr.shape())?;
    plan.check_positions::<I>()?;
    let pointers = |workspace: &Workspace, address| {
        Ok(GroupIndexPointers {
            index_type: I::TYPE,
            index: index.address_on(stream, "index")?,
            perm: perm.address_on(stream, "perm")?,
            indptr: indptr.address_on(stream, "indptr")?,
            workspace: address,
            workspace_bytes: workspace.bytes(),
        })
    };
    // SAFETY: the tensors have the shapes the plan was made of.
    unsafe { call::run(stream, plan, [index], bad_index, plan.workspace_bytes(I::TYPE), workspace, pointers) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shape;

    fn plan(rows: usize, e: usize, n: usize) -> GroupIndexPlan {
        let index = Shape::new(&[rows, e]).unwrap();
        GroupIndexPlan::new(&index, &GroupIndexOptions::new().dim_size(n)).unwrap()
    }

    #[test]
    fn the_digits_cover_the_key_and_fit_in_shared_memory() {
        for n in [0, 1, 2, 766, 767, 768, 1 << 18, 393_215, 393_216, 1 << 20, 1 << 31, 1 << 40, usize::MAX / 4000] {
            for (rows, e) in [(0, 10), (1, 10), (3, 10), (1000, 10), (1, 1 << 22)] {
                let sort = Sort::new(&plan(rows, e, n));
                assert!(
                    sort.digit_bits <= MOST_DIGIT_BITS && sort.highest_bins() <= MOST_BINS,
                    "{rows}, {n}: {sort:?}"
                );
                let largest = (sort.keys.max(1) - 1) >> sort.lower_bits();
                assert_eq!(largest + 1, sort.highest_bins(), "{rows}, {n}: {sort:?}");
            }
        }
        let passes = |n| Sort::new(&plan(1, 1, n)).passes;
        assert_eq!([0, 767, 768, 1 << 18, 393_215, 393_216].map(passes), [1, 1, 2, 2, 2, 3]);
        // What every device has without being asked for more.
        assert!(GroupIndexParams::place_bytes(MOST_BINS as u32, 8) <= 48 << 10);
    }

    #[test]
    fn buckets_have_as_many_elements_as_a_block_sorts_at_once() {
        let sizes = |e, n| {
            let sort = Sort::new(&plan(1, e, n));
            (sort.highest_bins(), 1 << sort.digit_bits)
        };
        // 79 buckets of 2,025 elements; 513 of 8,176; no more buckets than bins.
        assert_eq!(sizes(160_000, 10_000), (79, 128));
        assert_eq!(sizes(1 << 22, 1 << 18), (513, 512));
        assert_eq!(sizes(1 << 22, 40_000), (626, 64));
        assert_eq!(sizes(1 << 28, 40_000), (626, 64));
    }

    /// `BucketShare` in the kernels gives each share of a bucket with several shares a place among the counts.
    #[test]
    fn the_counts_of_buckets_fit_in_those_of_all_elements() {
        for count in [(1 << 14) + 1, 40_000, 1 << 18, 1 << 22, (1 << 22) + 1, 1 << 31, 1 << 40] {
            let places = 2 * (count >> bucket_share_bits(count)) + 2;
            let needed = places * (size_of::<u32>() << MOST_DIGIT_BITS);
            let shares = count.div_ceil(GROUP_TILE as usize).min(MOST_SHARES);
            assert!(needed <= MOST_BINS * shares * size_of::<u64>(), "{count}");
            assert!(count >> bucket_share_bits(count) <= MOST_SHARES);
        }
    }

    #[test]
    fn smaller_shapes_need_no_more_workspace() {
        const SIZES: [usize; 12] =
            [0, 1, 2, 700, 1023, 1024, 5000, 1 << 16, 1 << 20, (1 << 20) + 1, 1 << 26, (1 << 31) - 1];
        for index_type in [IndexType::I32, IndexType::I64] {
            let bytes = |rows, e, n| plan(rows, e, n).workspace_bytes(index_type);
            for sizes in SIZES.windows(2) {
                for other in SIZES {
                    assert!(bytes(1, sizes[0], other) <= bytes(1, sizes[1], other), "E = {sizes:?}, N = {other}");
                    assert!(bytes(1, other, sizes[0]) <= bytes(1, other, sizes[1]), "N = {sizes:?}, E = {other}");
                    assert!(bytes(sizes[0], 100, other) <= bytes(sizes[1], 100, other), "B = {sizes:?}, N = {other}");
                }
            }
        }
    }

    #[test]
    fn the_usual_index_takes_four_bytes_for_each_element() {
        let e = 1 << 22;
        let counts = WorkspaceLayout::new(&plan(1, e, 767), IndexType::I32).bytes;
        assert!(counts <= (9 << 18) + (12 << 10) + 8, "{counts}");
        assert_eq!(plan(1, e, 1 << 18).workspace_bytes(IndexType::I32), counts + 4 * e);
        assert_eq!(plan(1, e, 1 << 18).workspace_bytes(IndexType::I64), counts + 8 * e);
    }

    #[test]
    fn keys_and_positions_of_more_than_64_bits_are_refused() {
        let plan = plan(1, 1 << 40, 1 << 40);
        let pointers = GroupIndexPointers {
            index_type: IndexType::I64,
            index: 0,
            perm: 0,
            indptr: 0,
            workspace: 0,
            workspace_bytes: usize::MAX,
        };
        let mut queue = super::super::launches::tests::Launched::on(super::super::launches::tests::DEVICES[0]);
        // SAFETY: the queue launches nothing.
        let refused = unsafe { enqueue_group_index(&mut queue, &plan, &pointers) };
        assert!(matches!(refused, Err(Error::TooManyElements { .. })), "{refused:?}");
    }
}
