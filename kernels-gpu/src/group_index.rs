//! group_index: a stable sort of the elements by their group, and where each group begins.
//!
//! A radix sort. A pass sorts the elements of all rows by one digit of their key. It divides
//! them into shares, each for one block:
//!
//! ```text
//! count:  counts[digit][share] = the elements of the share with that digit
//! scan:   counts[digit][share] = their number in the shares before; totals[digit] = their number
//! place:  for each element, in order:
//!             to[(elements with a lower digit) + (elements before it with the same digit)] = element
//! ```
//! `counts` depends on no order of execution, so the result is the same every time.
//!
//! One pass, or three and more, take the lowest digit first. Where two digits are enough, the first pass sorts by the
//! high one, and the elements with the same high digit, a bucket, are neighbours. The second pass sorts each bucket by
//! the low digit, so each store goes near the others of its block, and it knows where each group begins. A bucket of few
//! elements is one share:
//!
//! ```text
//! count_buckets:  for each share of a bucket that has several: counts[share][digit] = its elements with that digit
//! place_buckets:  counts the digits of a bucket that is one share; stores where its groups begin; then as place
//! ```
//!
//! A sorted index needs no sort: `sorted_bounds` finds where its groups begin.

use core::ops::{Add, Sub};

use kernel_params::{GroupIndexParams, GROUP_TILE, THREADS_PER_BLOCK};
use nvptx_arch::{
    barrier::{sync_threads, sync_warp},
    hint,
    index::{block_dim_x, lane_id, thread_idx_x},
    memory,
    shared::SharedPointer,
    warp::{self, Shuffle},
};
use warp::{FULL_MASK, WARP_SIZE};

use crate::{
    batch::{each, BATCH},
    element::Index,
    items::{Blocks, Threads, Warps},
};

const WARPS_PER_BLOCK: u32 = THREADS_PER_BLOCK / WARP_SIZE;

/// The elements that a lane takes of a group tile.
const ITEMS: usize = (GROUP_TILE / THREADS_PER_BLOCK as u64) as usize;

/// The bits of the number of an element in a tile.
const RANK_BITS: u32 = 16;

/// What a pass reads.
pub trait Source {
    /// An element as it lies in memory.
    type Raw: Copy;

    /// Loads element `at` of all rows.
    unsafe fn load(p: &GroupIndexParams, at: u64) -> Self::Raw;

    /// The word of element `at`.
    unsafe fn word(p: &GroupIndexParams, at: u64, raw: Self::Raw) -> u64;

    /// The digits of a lane's items, and the rests of their words.
    #[inline(always)]
    unsafe fn divide<T: Target>(
        p: &GroupIndexParams,
        at: impl Fn(u32) -> u64,
        raw: &[Self::Raw; ITEMS],
    ) -> ([u32; ITEMS], [T; ITEMS]) {
        let words = each_item(|i| Self::word(p, at(i), raw[i as usize]));
        divided(p, &words)
    }
}

/// The digit of a word that this pass sorts by.
#[inline(always)]
fn digit(p: &GroupIndexParams, word: u64) -> u32 {
    (word >> p.digit_shift) as u32 & p.digit_mask
}

/// A word without the digit that this pass sorts by.
#[inline(always)]
fn rest(p: &GroupIndexParams, word: u64) -> u64 {
    let below = word & ((1 << p.digit_shift) - 1);
    word >> (p.digit_shift + p.digit_bits) << p.digit_shift | below
}

/// The digits of words, and their rests if a lane keeps them.
#[inline(always)]
fn divided<T: Target>(p: &GroupIndexParams, words: &[u64; ITEMS]) -> ([u32; ITEMS], [T; ITEMS]) {
    let rest = |word| if T::IS_KEPT { rest(p, word) } else { 0 };
    (each_item(|i| digit(p, words[i as usize])), each_item(|i| T::of(rest(words[i as usize]))))
}

macro_rules! index_source {
    ($($index:ty)+) => {$(
        impl Source for $index {
            type Raw = $index;

            #[inline(always)]
            unsafe fn load(p: &GroupIndexParams, at: u64) -> $index {
                memory::load_readonly((p.from as *const $index).add(at as usize))
            }

            #[inline(always)]
            unsafe fn word(p: &GroupIndexParams, at: u64, index: $index) -> u64 {
                let group = index.group(p.n).unwrap_or(p.n);
                if p.rows != 1 {
                    hint::only_here();
                    word_of_row(p, at, group)
                } else {
                    group << p.position_bits | at
                }
            }

            /// All loads come before the first use, and one branch is for all items. Otherwise ptxas makes the load of an
            /// item wait for that of the item before it.
            #[inline(always)]
            unsafe fn divide<T: Target>(
                p: &GroupIndexParams,
                at: impl Fn(u32) -> u64,
                raw: &[$index; ITEMS],
            ) -> ([u32; ITEMS], [T; ITEMS]) {
                let low_bits = each_item(|i| raw[i as usize] as u32);
                let n = if hint::after_loads(true, low_bits) { p.n } else { 0 };
                let groups = each_item(|i| raw[i as usize].group(n).unwrap_or(n));
                if p.rows != 1 {
                    hint::only_here();
                    divided(p, &each_item(|i| word_of_row(p, at(i), groups[i as usize])))
                } else {
                    divided(p, &each_item(|i| groups[i as usize] << p.position_bits | at(i)))
                }
            }
        }
    )+};
}

index_source!(i32 i64);

/// The word of element `at` of several rows.
#[inline(always)]
fn word_of_row(p: &GroupIndexParams, at: u64, group: u64) -> u64 {
    let (row, position) = p.by_e.divide(at);
    (row * (p.n + 1) + group) << p.position_bits | position
}

impl Source for u64 {
    type Raw = u64;

    #[inline(always)]
    unsafe fn load(p: &GroupIndexParams, at: u64) -> u64 {
        memory::load_readonly((p.from as *const u64).add(at as usize))
    }

    #[inline(always)]
    unsafe fn word(_: &GroupIndexParams, _: u64, word: u64) -> u64 {
        word
    }
}

impl Source for u32 {
    type Raw = u32;

    #[inline(always)]
    unsafe fn load(p: &GroupIndexParams, at: u64) -> u32 {
        memory::load_readonly((p.from as *const u32).add(at as usize))
    }

    #[inline(always)]
    unsafe fn word(_: &GroupIndexParams, _: u64, word: u32) -> u64 {
        word as u64
    }

    /// With 32 bits.
    #[inline(always)]
    unsafe fn divide<T: Target>(
        p: &GroupIndexParams,
        _: impl Fn(u32) -> u64,
        raw: &[u32; ITEMS],
    ) -> ([u32; ITEMS], [T; ITEMS]) {
        // A digit without bits may be behind the word.
        let digits = each_item(|i| raw[i as usize].unbounded_shr(p.digit_shift) & p.digit_mask);
        let below = !u32::MAX.unbounded_shl(p.digit_shift);
        let rests = each_item(|i| {
            let word = raw[i as usize];
            let above = word.unbounded_shr(p.digit_shift + p.digit_bits).unbounded_shl(p.digit_shift);
            T::of(if T::IS_KEPT { above | word & below } else { 0 } as u64)
        });
        (digits, rests)
    }
}

/// What a pass writes.
pub trait Target: memory::Word {
    /// Whether a lane has the registers to keep the words of its items while it ranks them.
    const IS_KEPT: bool;

    /// The low bits of a word.
    fn of(word: u64) -> Self;
}

impl Target for u32 {
    const IS_KEPT: bool = true;

    #[inline(always)]
    fn of(word: u64) -> Self {
        // Opaque, so that the other 32 bits are not kept.
        hint::opaque(word as u32)
    }
}

impl Target for u64 {
    const IS_KEPT: bool = false;

    #[inline(always)]
    fn of(word: u64) -> Self {
        word
    }
}

/// Calls `visit` with each number below `count` that belongs to this thread of its block.
#[inline(always)]
fn for_each_of_block(count: u32, mut visit: impl FnMut(u32)) {
    let mut number = thread_idx_x();
    while number < count {
        visit(number);
        number += block_dim_x();
    }
}

/// The first element of a share, and how many it has: fewer than 2^32.
#[inline(always)]
fn elements_of(p: &GroupIndexParams, share: u64) -> (u64, u32) {
    let first = share * p.share;
    (first, (p.count - first).min(p.share) as u32)
}

/// Calls `visit` with the number of each share of this block, its first element, and how many it has.
#[inline(always)]
fn for_each_share(p: &GroupIndexParams, blocks: Blocks, mut visit: impl FnMut(u64, u64, u32)) {
    let mut share = blocks.number();
    while share < p.shares {
        let (first, elements) = elements_of(p, share);
        visit(share, first, elements);
        share += blocks.count();
    }
}

/// Counts the digits of each share. Dynamic shared memory: a u32 for each digit.
#[inline(always)]
pub unsafe fn count<S: Source>(p: &GroupIndexParams, blocks: Blocks) {
    let counts = SharedPointer::<u32>::dynamic();
    for_each_share(p, blocks, |share, first, elements| {
        for_each_of_block(p.bins, |bin| counts.at(bin).store(0));
        sync_threads();
        count_digits::<S>(p, first, elements, |digit| counts.at(digit));
        sync_threads();
        for_each_of_block(p.bins, |bin| {
            let at = bin as u64 * p.shares + share;
            memory::store((p.counts as *mut u64).add(at as usize), counts.at(bin).load() as u64);
        });
        // The next share starts with zeros.
        sync_threads();
    });
}

/// Adds the number of elements with each digit, of `elements` neighbours from the first one on, to what is in shared
/// memory at `count`.
#[inline(always)]
unsafe fn count_digits<S: Source>(
    p: &GroupIndexParams,
    first: u64,
    elements: u32,
    count: impl Fn(u32) -> SharedPointer<u32>,
) {
    let mut tile = 0;
    while tile < elements {
        let length = (elements - tile).min(GROUP_TILE as u32);
        let offset = |i: u32| i * THREADS_PER_BLOCK + thread_idx_x();
        let at = |i: u32| first + (tile + offset(i).min(length - 1)) as u64;
        // Of an index of several rows, a digit stands behind a branch. So all loads come first.
        let raw = each_item(|i| S::load(p, at(i)));
        let digits = each_item(|i| digit(p, S::word(p, at(i), raw[i as usize])));
        each_item(|i| {
            if offset(i) < length {
                count(digits[i as usize]).fetch_add(1);
            }
        });
        tile += GROUP_TILE as u32;
    }
}

/// Makes of each count of a digit the sum of those before it, and stores the sum of all. One warp for each digit.
#[inline(always)]
pub unsafe fn scan(p: &GroupIndexParams, warps: Warps) {
    let lane = lane_id();
    warps.for_each(p.bins as u64, |bin| {
        let counts = (p.counts as *mut u64).add((bin * p.shares) as usize);
        let mut before = 0;
        let mut first = 0;
        // All lanes stay together, because they shuffle.
        while first < p.shares {
            let shares = each(|i| first + (lane as usize * BATCH + i) as u64);
            let loaded = each(|i| if shares[i] < p.shares { memory::load(counts.add(shares[i] as usize)) } else { 0 });
            let of_lane = loaded[0] + loaded[1] + loaded[2] + loaded[3];
            let through = inclusive_sum(of_lane, lane);
            let mut start = before + through - of_lane;
            each(|i| {
                if shares[i] < p.shares {
                    memory::store(counts.add(shares[i] as usize), start);
                }
                start += loaded[i];
            });
            before += warp::shuffle_idx(FULL_MASK, through, WARP_SIZE - 1, WARP_SIZE);
            first += BATCH as u64 * WARP_SIZE as u64;
        }
        if lane == 0 {
            memory::store((p.totals as *mut u64).add(bin as usize), before);
        }
    });
}

/// The sum of the values of this lane and of those below it.
#[inline(always)]
unsafe fn inclusive_sum<V: Number>(value: V, lane: u32) -> V {
    let mut sum = value;
    let mut delta = 1;
    while delta < WARP_SIZE {
        let below = warp::shuffle_up(FULL_MASK, sum, delta, WARP_SIZE);
        sum = if lane >= delta { sum + below } else { sum };
        delta *= 2;
    }
    sum
}

/// A number of elements: u32 or u64.
trait Number: Shuffle + memory::Word + Add<Output = Self> + Sub<Output = Self> {}

impl Number for u32 {}
impl Number for u64 {}

/// The dynamic shared memory of [`place`]. The counts of a warp, of digits, fill whole 32-bit words.
struct Places<T> {
    /// Where the next element of each digit goes: u64.
    next: SharedPointer<u64>,
    /// The elements of the tile, in the order of their digits.
    words: SharedPointer<T>,
    /// A sum of each warp: u64.
    of_warps: SharedPointer<u64>,
    /// The digit of each of `words`: u16.
    digits: SharedPointer<u16>,
    /// How many elements of the tile have each digit. First those of each warp; then where those of each warp begin in
    /// `words`. Behind those of the last warp, how many elements of the tile have each digit in all. u16.
    counts: SharedPointer<u16>,
    bins: u32,
    /// `bins`, rounded up to an even number.
    stride: u32,
}

impl<T: Target> Places<T> {
    #[inline(always)]
    unsafe fn new(bins: u32) -> Self {
        let next = SharedPointer::<u64>::dynamic();
        let of_warps = next.at(bins);
        let words = of_warps.at(WARPS_PER_BLOCK).cast::<T>();
        let digits = words.at(GROUP_TILE as u32).cast::<u16>();
        let counts = digits.at(GROUP_TILE as u32);
        Self { next, words, of_warps, digits, counts, bins, stride: bins.next_multiple_of(2) }
    }

    /// The counts of a warp, or those of the tile for the number behind the last warp's.
    #[inline(always)]
    unsafe fn of_warp(&self, warp: u32) -> SharedPointer<u16> {
        self.counts.at(warp * self.stride)
    }

    /// A pair of counts of a warp.
    #[inline(always)]
    unsafe fn pair(&self, warp: u32, pair: u32) -> SharedPointer<u32> {
        self.of_warp(warp).cast::<u32>().at(pair)
    }

    /// The sum of the values of the threads before this one. All threads of the block call it.
    #[inline(always)]
    unsafe fn sum_before<V: Number>(&self, value: V) -> V {
        let warp = thread_idx_x() / WARP_SIZE;
        let lane = lane_id();
        let through = inclusive_sum(value, lane);
        let of_warps = self.of_warps.cast::<V>();
        if lane == WARP_SIZE - 1 {
            of_warps.at(warp).store(through);
        }
        sync_threads();
        let mut sum = through - value;
        for before in 0..warp {
            sum = sum + of_warps.at(before).load();
        }
        sum
    }

    /// Calls `visit` with each digit, and how many elements have a lower one. `count` says how many elements have a
    /// digit. All threads of the block call it.
    #[inline(always)]
    unsafe fn for_each_start(&self, count: impl Fn(u32) -> u64, mut visit: impl FnMut(u32, u64)) {
        let bins_of_thread = self.bins.div_ceil(THREADS_PER_BLOCK);
        let first = thread_idx_x() * bins_of_thread;
        let bins = first..(first + bins_of_thread).min(self.bins);
        let mut of_thread = 0;
        for bin in bins.clone() {
            of_thread += count(bin);
        }
        let mut start = self.sum_before(of_thread);
        for bin in bins {
            // `visit` may write over what `count` reads.
            let of_bin = count(bin);
            visit(bin, start);
            start += of_bin;
        }
    }

    /// Stores where the elements of a share with each digit go. All threads of the block call it.
    #[inline(always)]
    unsafe fn start(&self, p: &GroupIndexParams, share: u64) {
        let total = |bin: u32| memory::load_readonly((p.totals as *const u64).add(bin as usize));
        self.for_each_start(total, |bin, start| {
            if share == 0 && p.starts != 0 {
                memory::store((p.starts as *mut u64).add(bin as usize), start);
            }
            let before = (p.counts as *const u64).add((bin as u64 * p.shares + share) as usize);
            self.next.at(bin).store(start + memory::load_readonly(before));
        });
        if share == 0 && p.starts != 0 && thread_idx_x() == 0 {
            memory::store((p.starts as *mut u64).add(self.bins as usize), p.count);
        }
    }

    /// Stores where the elements of a share of a bucket with each digit go, and where the bucket's groups begin. All
    /// threads of the block call it.
    #[inline(always)]
    unsafe fn start_bucket<S: Source, P: Index>(&self, p: &GroupIndexParams, share: &BucketShare) {
        // First how many elements of the bucket have each digit. A share has fewer than 2^32.
        for_each_of_block(self.bins, |bin| {
            let count = if share.is_alone() { 0 } else { share.count(p, bin, 0..share.of_bucket) };
            self.next.at(bin).store(count);
        });
        sync_threads();
        if share.is_alone() {
            count_digits::<S>(p, share.first, share.elements, |digit| self.next.at(digit).cast());
            sync_threads();
        }
        let of_digit = |bin: u32| self.next.at(bin).load();
        self.for_each_start(of_digit, |bin, lower| {
            let start = share.bucket_start + lower;
            let before = share.count(p, bin, 0..share.number);
            self.next.at(bin).store(start + before);
            let entry = (share.bucket << p.bin_bits) + bin as u64;
            if share.number == 0 && entry < p.rows * (p.n + 1) {
                let row = if p.rows == 1 { 0 } else { p.by_entries.divide(entry).0 };
                memory::store((p.indptr as *mut P).add(entry as usize), P::from_position(start - row * p.e));
            }
        });
    }

    /// Turns the counts of each warp into where its elements begin in `words`. All threads of the block call it.
    ///
    /// It takes two digits at a time: the sum of two counts does not leave 16 bits.
    #[inline(always)]
    unsafe fn sum_counts(&self) {
        let pairs_of_thread = (self.stride / 2).div_ceil(THREADS_PER_BLOCK);
        let first = thread_idx_x() * pairs_of_thread;
        let pairs = first..(first + pairs_of_thread).min(self.stride / 2);
        let mut of_thread = 0;
        for pair in pairs.clone() {
            let mut all = 0;
            for warp in 0..WARPS_PER_BLOCK {
                all += self.pair(warp, pair).load();
            }
            self.pair(WARPS_PER_BLOCK, pair).store(all);
            of_thread += (all & 0xffff) + (all >> 16);
        }
        let mut start = self.sum_before(of_thread);
        for pair in pairs {
            let all = self.pair(WARPS_PER_BLOCK, pair).load();
            let mut starts = start | (start + (all & 0xffff)) << 16;
            for warp in 0..WARPS_PER_BLOCK {
                let counts = self.pair(warp, pair).load();
                self.pair(warp, pair).store(starts);
                starts += counts;
            }
            start += (all & 0xffff) + (all >> 16);
        }
    }
}

/// Moves the elements of each share to their places. Dynamic shared memory: that of [`Places`].
///
/// ```text
/// for each group tile of the share:
///     for each element: its number among the elements of its warp with its digit
///     sort the tile's elements by their digit, in shared memory
///     store them: neighbours with the same digit go to neighbouring places
/// ```
#[inline(always)]
pub unsafe fn place<S: Source, T: Target>(p: &GroupIndexParams, blocks: Blocks) {
    let places = Places::<T>::new(p.bins);
    let share = blocks.number();
    // A loop over the shares would take registers that there are not.
    if share < p.shares {
        let (first, elements) = elements_of(p, share);
        places.start(p, share);
        place_elements::<S, T>(p, &places, first, elements);
    }
}

/// Moves `elements` neighbours, from the first one on, to their places.
#[inline(always)]
unsafe fn place_elements<S: Source, T: Target>(p: &GroupIndexParams, places: &Places<T>, first: u64, elements: u32) {
    let lane = lane_id();
    let warp = thread_idx_x() / WARP_SIZE;
    let mut tile = 0;
    while tile < elements {
        let length = (elements - tile).min(GROUP_TILE as u32);
        // A warp takes neighbours, in order.
        let offset = |i: u32| (warp * ITEMS as u32 + i) * WARP_SIZE + lane;
        let at = |tile: u32, i: u32| first + (tile + offset(i).min(length - 1)) as u64;
        let raw = each_item(|i| S::load(p, at(tile, i)));
        let (digits, rests) = S::divide::<T>(p, |i| at(tile, i), &raw);
        let mut pair = lane;
        while pair < places.stride / 2 {
            places.pair(warp, pair).store(0);
            pair += WARP_SIZE;
        }
        let peers = same_digits(p, &digits);
        sync_warp(FULL_MASK);
        // The digit of an element, then its number among those of its warp: in one register, so that nothing that
        // is computed of the digit is kept.
        let ranks = each_item(|i| {
            let is_there = offset(i) < length;
            let digit = digits[i as usize];
            let peers = peers[i as usize] & warp::ballot(FULL_MASK, is_there);
            let lower = (peers & ((1 << lane) - 1)).count_ones();
            let count = places.of_warp(warp).at(digit);
            let before = count.load() as u32;
            sync_warp(FULL_MASK);
            if is_there && lower == 0 {
                count.store((before + peers.count_ones()) as u16);
            }
            sync_warp(FULL_MASK);
            hint::opaque(digit << RANK_BITS | (before + lower))
        });
        sync_threads();
        places.sum_counts();
        sync_threads();
        let same_tile = hint::opaque(tile);
        for_each_half(|half| {
            let item = |i: usize| (half + i) as u32;
            let words = if T::IS_KEPT {
                each(|i| rests[half + i])
            } else {
                // Loaded again, so that neither the words nor their addresses take registers in between.
                let raw = each(|i| S::load(p, at(same_tile, item(i))));
                each(|i| T::of(rest(p, S::word(p, at(same_tile, item(i)), raw[i]))))
            };
            each(|i| {
                if offset(item(i)) < length {
                    let digit = ranks[half + i] >> RANK_BITS;
                    let rank = ranks[half + i] & ((1 << RANK_BITS) - 1);
                    let at = places.of_warp(warp).at(digit).load() as u32 + rank;
                    places.words.at(at).store(words[i]);
                    places.digits.at(at).store(digit as u16);
                }
            });
        });
        sync_threads();
        for_each_half(|half| {
            let at = |i: usize| (half + i) as u32 * THREADS_PER_BLOCK + thread_idx_x();
            let in_tile = |i: usize| at(i).min(length - 1);
            let digits = each(|i| places.digits.at(in_tile(i)).load() as u32);
            let words = each(|i| places.words.at(in_tile(i)).load());
            let to = each(|i| {
                // Those of the first warp are the first ones with the digit.
                let start = places.of_warp(0).at(digits[i]).load() as u64;
                places.next.at(digits[i]).load() + at(i) as u64 - start
            });
            each(|i| {
                if at(i) < length {
                    memory::store((p.to as *mut T).add(to[i] as usize), words[i]);
                }
            });
        });
        sync_threads();
        for_each_of_block(places.bins, |bin| {
            let next = places.next.at(bin);
            let of_tile = places.of_warp(WARPS_PER_BLOCK).at(bin).load() as u64;
            next.store(next.load() + of_tile);
        });
        tile += GROUP_TILE as u32;
    }
}

/// A share of a bucket.
struct BucketShare {
    bucket: u64,
    /// The first element of the bucket.
    bucket_start: u64,
    /// How many shares the bucket has.
    of_bucket: u64,
    /// The number of the share in its bucket.
    number: u64,
    /// Where the counts of the bucket's first share are among those of all shares. `counts` has them for buckets with
    /// several shares only.
    counts: u64,
    /// Its first element, and how many it has.
    first: u64,
    elements: u32,
}

impl BucketShare {
    /// The share with a number among all. None where the number belongs to no share.
    ///
    /// Bucket b, which begins at `starts[b]`, has the numbers from `b + starts[b] / S` on, where S is the length of a
    /// share. So no number belongs to two shares, and no table is needed. A bucket with several shares has more than S
    /// elements, so the numbers from `2 * (starts[b] / S)` on belong to no two of them.
    #[inline(always)]
    unsafe fn find(p: &GroupIndexParams, among_all: u64) -> Option<Self> {
        let start = |bucket: u64| memory::load_readonly((p.starts as *const u64).add(bucket as usize));
        let number = |bucket: u64| bucket + (start(bucket) >> p.bucket_share_bits);
        let (mut bucket, mut end) = (0, p.buckets as u64);
        while end - bucket > 1 {
            let middle = (bucket + end) / 2;
            if number(middle) <= among_all {
                bucket = middle;
            } else {
                end = middle;
            }
        }
        let (bucket_start, bucket_end) = (start(bucket), start(bucket + 1));
        let length = 1 << p.bucket_share_bits;
        let in_bucket = among_all - number(bucket);
        // A bucket without elements has a share too: it has groups.
        let of_bucket = ((bucket_end - bucket_start + length - 1) >> p.bucket_share_bits).max(1);
        if in_bucket >= of_bucket {
            return None;
        }
        let first = bucket_start + (in_bucket << p.bucket_share_bits);
        let elements = (bucket_end - first).min(length) as u32;
        let counts = 2 * (bucket_start >> p.bucket_share_bits);
        Some(Self { bucket, bucket_start, of_bucket, number: in_bucket, counts, first, elements })
    }

    /// Whether the bucket has no other share.
    #[inline(always)]
    fn is_alone(&self) -> bool {
        self.of_bucket == 1
    }

    /// The address of how many elements of a share of the bucket have a digit.
    #[inline(always)]
    unsafe fn count_of(&self, p: &GroupIndexParams, share: u64, digit: u32) -> *mut u32 {
        (p.counts as *mut u32).add(((self.counts + share) * p.bins as u64 + digit as u64) as usize)
    }

    /// How many elements of some shares of the bucket have a digit.
    #[inline(always)]
    unsafe fn count(&self, p: &GroupIndexParams, digit: u32, shares: core::ops::Range<u64>) -> u64 {
        let mut count = 0;
        for share in shares {
            count += memory::load_readonly(self.count_of(p, share, digit)) as u64;
        }
        count
    }
}

/// Calls `visit` with each share of a bucket that belongs to this block.
#[inline(always)]
unsafe fn for_each_bucket_share(p: &GroupIndexParams, blocks: Blocks, mut visit: impl FnMut(BucketShare)) {
    let mut number = blocks.number();
    while number < p.shares {
        if let Some(share) = BucketShare::find(p, number) {
            visit(share);
        }
        number += blocks.count();
    }
}

/// Counts the digits of each share of a bucket that has several. Dynamic shared memory: a u32 for each digit.
#[inline(always)]
pub unsafe fn count_buckets<S: Source>(p: &GroupIndexParams, blocks: Blocks) {
    let counts = SharedPointer::<u32>::dynamic();
    for_each_bucket_share(p, blocks, |share| {
        if share.is_alone() {
            return;
        }
        for_each_of_block(p.bins, |bin| counts.at(bin).store(0));
        sync_threads();
        count_digits::<S>(p, share.first, share.elements, |digit| counts.at(digit));
        sync_threads();
        for_each_of_block(p.bins, |bin| {
            memory::store(share.count_of(p, share.number, bin), counts.at(bin).load());
        });
        // The next share starts with zeros.
        sync_threads();
    });
}

/// Moves the elements of each bucket to their places, and stores where each group begins. Dynamic shared memory: that of
/// [`Places`]. `P` is the type of perm and indptr.
#[inline(always)]
pub unsafe fn place_buckets<S: Source, T: Target, P: Index>(p: &GroupIndexParams, blocks: Blocks) {
    let places = Places::<T>::new(p.bins);
    let number = blocks.number();
    if number >= p.shares {
        return;
    }
    // As in `place`, without a loop over the shares.
    if let Some(share) = BucketShare::find(p, number) {
        places.start_bucket::<S, P>(p, &share);
        place_elements::<S, T>(p, &places, share.first, share.elements);
    }
}

/// For each item, the lanes whose digit is this lane's, as bits.
///
/// `match_any` is slower: it takes one step for each digit of the warp, and this takes one for each bit.
#[inline(always)]
unsafe fn same_digits(p: &GroupIndexParams, digits: &[u32; ITEMS]) -> [u32; ITEMS] {
    let mut same = [FULL_MASK; ITEMS];
    for bit in 0..p.bin_bits {
        same = each_item(|i| {
            let is_set = digits[i as usize] >> bit & 1 != 0;
            let set = warp::ballot(FULL_MASK, is_set);
            same[i as usize] & if is_set { set } else { !set }
        });
    }
    same
}

/// One value for each item of a lane. Written out, so that the values stay in registers.
#[inline(always)]
fn each_item<V>(mut value: impl FnMut(u32) -> V) -> [V; ITEMS] {
    [value(0), value(1), value(2), value(3), value(4), value(5), value(6), value(7)]
}

/// Calls `visit` with the first item of each half of the items of a lane. A half is a batch: its loads from device memory
/// come first, so that they are under way at a time. All items at once would take too many registers.
#[inline(always)]
fn for_each_half(mut visit: impl FnMut(usize)) {
    const { assert!(ITEMS == 2 * BATCH) };
    visit(0);
    visit(BATCH);
}

/// Stores where each group begins: for each entry of indptr, a binary search among the elements with the same highest
/// digit. `P` is the type of perm and indptr.
#[inline(always)]
pub unsafe fn bounds<I: Index, P: Index>(p: &GroupIndexParams, threads: Threads) {
    threads.for_each(p.rows * (p.n + 1), |entry| {
        let (row, group) = if p.rows == 1 { (0, entry) } else { p.by_entries.divide(entry) };
        let starts = (p.starts as *const u64).add((entry >> p.done_bits) as usize);
        let row_start = row * p.e;
        let mut low = memory::load_readonly(starts).max(row_start);
        let mut high = memory::load_readonly(starts.add(1)).min(row_start + p.e);
        // With one digit, an entry's elements begin where those of its digit begin.
        if p.done_bits == 0 {
            high = low;
        }
        while low < high {
            let middle = low + (high - low) / 2;
            let position = memory::load_readonly((p.perm as *const P).add(middle as usize)).to_i64() as u64;
            let index = memory::load_readonly((p.index as *const I).add((row_start + position) as usize));
            if index.group(p.n).unwrap_or(p.n) < group {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        memory::store((p.indptr as *mut P).add(entry as usize), P::from_position(low - row_start));
    });
}

/// Stores where each group of a sorted index begins, as an int32: for each entry of indptr, a binary search for the
/// first element that is not below the group.
///
/// ```text
/// for each row, for each group of 0 ..= N: one thread
///     indptr[row][group] = how many elements of the row come before the group
/// ```
/// Elements below 0 come before group 0, or, where the last element of the row is one of them, after group N - 1: an
/// index may be padded with -1. In a row that is not sorted, an entry is any number in [0, E].
#[inline(always)]
pub unsafe fn sorted_bounds<I: Index>(p: &GroupIndexParams, threads: Threads) {
    threads.for_each(p.rows * (p.n + 1), |entry| {
        let (row, group) = if p.rows == 1 { (0, entry) } else { p.by_entries.divide(entry) };
        let index = (p.index as *const I).add((row * p.e) as usize);
        let load = |at: u64| memory::load_readonly(index.add(at as usize)).to_i64();
        let lowest = if load(p.e - 1) < 0 { 0 } else { i64::MIN };
        let (mut low, mut high) = (0, p.e);
        while low < high {
            let middle = low + (high - low) / 2;
            let id = load(middle);
            if lowest <= id && id < group as i64 {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        memory::store((p.indptr as *mut i32).add(entry as usize), low as i32);
    });
}
