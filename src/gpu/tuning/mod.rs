//! The sizes that were chosen by measurement, each with its reason. The algorithms that use them are elsewhere.
//!
//! There are two kinds:
//!
//! - [`order`] has the sizes that decide in which order sums are taken. They depend on the sizes of the tensors only,
//!   so that a result has the same bits on every device.
//! - [`Tuning`] has the sizes that only share out the work. They are made of the device's own numbers, and may be
//!   changed.

mod device;
pub(super) mod order;

use std::{env, fmt};

use kernel_params::BATCH;
pub(super) use kernel_params::PACK_BYTES;

pub use device::DeviceNumbers;

use super::queue::THREADS_PER_BLOCK;
use crate::Error;

/// Lanes of a warp.
pub(super) const WARP_SIZE: usize = kernel_params::WARP_SIZE as usize;

/// The environment variable that changes sizes: see [`Tuning::with`].
pub const TUNING_VARIABLE: &str = "TRTS_TUNING";

/// Declares the sizes: the field of [`Tuning`], its name, and its value on a device.
macro_rules! tuning {
    ($($(#[$doc:meta])+ $field:ident = |$device:ident| $default:expr;)+) => {
        /// How the kernels share out their work on a device.
        ///
        /// Results do not depend on these sizes, except sums of scatter that are not deterministic, which may differ
        /// from run to run anyway. [`Tuning::of`] computes the sizes from the device's own numbers. They were measured
        /// on an H100 and an H200. For another device, `cargo bench --bench tuning` measures the neighbours of each
        /// size. [`Gpu::set_tuning`] or the environment variable `TRTS_TUNING` sets a better one.
        ///
        /// [`Gpu::set_tuning`]: super::Gpu::set_tuning
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Tuning {
            $($(#[$doc])+ pub $field: usize,)+
        }

        impl Tuning {
            /// The names of the sizes: those of the fields.
            pub const NAMES: &[&str] = &[$(stringify!($field)),+];

            /// The sizes for a device.
            pub fn of(device: &DeviceNumbers) -> Self {
                Self { $($field: { let $device = device; usize::max($default, 1) }),+ }
            }

            /// The size of a name; None for a name that is not one of [`NAMES`](Self::NAMES).
            pub fn get(&self, name: &str) -> Option<usize> {
                match name {
                    $(stringify!($field) => Some(self.$field),)+
                    _ => None,
                }
            }

            fn get_mut(&mut self, name: &str) -> Option<&mut usize> {
                match name {
                    $(stringify!($field) => Some(&mut self.$field),)+
                    _ => None,
                }
            }
        }
    };
}

tuning! {
    /// The most 32-bit words that a kernel of this library fills, if the next kernel can overlap it. Filling more takes
    /// so long (1.5 us) that an overlap gains nothing.
    fill_words = |device| power_of_two(device.memory_bytes_per_us * 3 / 2 / size_of::<u32>());

    /// A `src` of more bytes than this has kernels of its own for the steps over a cut axis. The size is four times
    /// that of the second-level cache, rounded up to a power of two.
    ///
    /// The caches keep nothing of a larger `src` from one call to the next. Its kernels load each pack with its whole
    /// cache line. (Two lines: 1 to 3 % slower for 64 and 256 columns, H200.) For a smaller `src`, the kernels stream,
    /// so that the other data stays in the caches (up to 12 % faster for 64 MiB, H100). The first kernel of minima and
    /// maxima does not stream, because its lanes come back to a line (streamed: up to 40 % slower).
    segment_large_bytes = |device| (4 * device.l2_bytes).next_power_of_two();

    /// The most blocks that look for long segments where these are rare: as many as run at once, four on each
    /// multiprocessor.
    segment_chunk_blocks = |device| 4 * device.multiprocessors;

    /// The most blocks that join the records of long segments: as many as run at once, three on each multiprocessor.
    /// (Two, whose threads may have more registers: 2 to 7 % slower for skewed groups and one or two columns, H100.)
    segment_combine_blocks = |device| 3 * device.multiprocessors;

    /// The prefetch distance for entries of indptr, in warps: about the number of warps that run at once, with four
    /// blocks on each multiprocessor.
    segment_prefetch_warps = |device| prefetch_warps(device);

    /// The most blocks of a scatter that keep sums in shared memory: two on each multiprocessor. Twice as many are no
    /// faster, because the time is that of the atomics to shared memory, each a loop of compare and swap.
    scatter_block_sums = |device| 2 * device.multiprocessors;

    /// The values that a block adds to sums in its shared memory in a millisecond, one column at a time (H200).
    scatter_block_sums_per_ms = |device| by_clock(device, 290_000);

    /// The values that a block adds to sums in its shared memory in a millisecond, four columns at a time (H200).
    scatter_block_quads_per_ms = |device| by_clock(device, 420_000);

    /// The atomics that a sector (32 bytes) of `out` executes in a millisecond (H200).
    scatter_sector_atomics_per_ms = |device| by_clock(device, 90_000);

    /// The atomics that all sectors together execute in a millisecond (H200).
    scatter_atomics_per_ms = |device| by_clock(device, 32_000_000) * device.multiprocessors / DeviceNumbers::H100.multiprocessors;

    /// The most warps of the scatter kernel for rows: twice as many as run at once. So each warp has enough rows to
    /// find the group that many of them go to.
    scatter_row_warps = |device| 2 * device.warps();

    /// The most warps of a gather_csr that each take one batch: as many as run at once. If there are more batches, a
    /// warp takes several.
    gather_warps = |device| power_of_two(device.warps());

    /// The fewest batches of rows of one word for which a warp of gather_csr takes a whole batch for each lane: half of
    /// the warps that run at once. Fewer rows are spread over more warps, one row for each lane.
    gather_row_batches = |device| power_of_two(device.warps() / 2);

    /// The prefetch distance of gather_coo for entries of the index, in warps: the same number as
    /// `segment_prefetch_warps`.
    gather_prefetch_warps = |device| prefetch_warps(device);
}

/// About the number of warps that run at once, if each multiprocessor has four blocks.
fn prefetch_warps(device: &DeviceNumbers) -> usize {
    power_of_two(device.multiprocessors * 4 * THREADS_PER_BLOCK as usize / WARP_SIZE)
}

/// Converts a rate that was measured at the clock of an H200 (the same as an H100's) to the device's clock.
fn by_clock(device: &DeviceNumbers, rate: usize) -> usize {
    rate * (device.clock_khz / 1000) / (DeviceNumbers::H100.clock_khz / 1000)
}

impl Tuning {
    /// These sizes with some changes, which are written as `name=number` with commas between them:
    /// `"gather_warps=4096,scatter_row_warps=8192"`.
    ///
    /// # Errors
    /// [`Error::Tuning`] for a name that is not in [`NAMES`](Self::NAMES), for a value that is not a number from 1 to
    /// 2^31 - 1, and for a name that comes twice.
    pub fn with(mut self, changes: &str) -> Result<Self, Error> {
        let mut changed = Vec::new();
        for change in changes.split(',').map(str::trim).filter(|change| !change.is_empty()) {
            let refused = |reason: String| Error::Tuning { given: change.to_owned(), reason };
            let (name, number) = change.split_once('=').ok_or_else(|| refused("expected name=number".to_owned()))?;
            let (name, number) = (name.trim(), number.trim());
            let Some(size) = self.get_mut(name) else {
                return Err(refused(format!("expected one of the names {}", Self::NAMES.join(", "))));
            };
            *size = match number.parse() {
                Ok(number @ 1..=0x7FFF_FFFF) => number,
                Ok(_) | Err(_) => return Err(refused("expected a number from 1 to 2147483647".to_owned())),
            };
            if changed.contains(&name) {
                return Err(refused(format!("{name} comes twice")));
            }
            changed.push(name);
        }
        Ok(self)
    }

    /// The sizes for a device, with the changes in the environment variable `TRTS_TUNING`.
    ///
    /// # Errors
    /// Those of [`with`](Self::with).
    pub(super) fn from_environment(device: &DeviceNumbers) -> Result<Self, Error> {
        let changes = env::var_os(TUNING_VARIABLE).unwrap_or_default();
        Self::of(device).with(&changes.to_string_lossy())
    }

    /// Whether `src` is so large that the steps over a cut axis have kernels of their own.
    pub(super) fn is_large_src(&self, bytes: usize) -> bool {
        bytes > self.segment_large_bytes
    }

    /// The chunks of a chunk tile, which a block examines together. A chunk has `parts` column parts, a warp for each;
    /// segments have `length` elements on average. A tile has as many chunks as the block has warps for. If there are
    /// enough blocks, it has more, so that few blocks find nothing to do. Long segments of many columns give every
    /// block work, and then small tiles let the blocks end together (1 to 2 % faster with 256 columns, H100).
    pub(super) fn chunk_tile(&self, chunks: usize, parts: usize, length: usize) -> usize {
        let fewest = power_of_two(THREADS_PER_BLOCK as usize / WARP_SIZE / parts.max(1));
        if length >= order::LONG_SEGMENT && parts > 1 {
            fewest
        } else {
            power_of_two(chunks / self.segment_chunk_blocks).clamp(fewest, WARP_SIZE)
        }
    }

    /// The number of blocks for `tiles` chunk tiles. Segments have `length` elements on average. If segments are long,
    /// there is a block for each tile. Otherwise there may be nothing to find, so there are no more blocks than run at
    /// once, and each takes the same number of tiles, from all over the axis.
    pub(super) fn chunk_blocks(&self, tiles: usize, length: usize) -> usize {
        let is_long = length >= order::LONG_SEGMENT;
        let tiles_of_block = if is_long { 1 } else { tiles.div_ceil(self.segment_chunk_blocks).max(1) };
        tiles.div_ceil(tiles_of_block)
    }

    /// The number of blocks that join the records of the chunks. Each examines as many chunks at a time as a warp has
    /// lanes. There are no more blocks than run at once, because most blocks would find nothing.
    pub(super) fn combine_blocks(&self, chunks: usize) -> usize {
        chunks.div_ceil(WARP_SIZE).min(self.segment_combine_blocks)
    }

    /// The number of blocks for the privatized sums of `src` values, each block with sums in its shared memory. None if
    /// atomics to global memory are estimated to be faster. A thread loads `loaded` columns at a time, and adds
    /// `joined` columns by one atomic to global memory.
    ///
    /// Each block has at least as many values as sums, so that clearing and joining the sums costs little. The rates
    /// hold for groups of equal size, and vary by half with the address of `out`. If a few groups have most of the
    /// rows, atomics to global memory are 2 to 8 times slower, and privatized sums only 1.5 times. So privatized sums
    /// are chosen even if the estimate says that they are up to a fifth slower.
    pub(super) fn privatized_blocks(&self, src: usize, sums: BlockSums, loaded: usize, joined: usize) -> Option<usize> {
        let blocks = (src / sums.values.max(1))
            .min(src.div_ceil(loaded * THREADS_PER_BLOCK as usize))
            .min(self.scatter_block_sums);
        let sectors_of = |values: usize| (values * size_of::<f32>()).div_ceil(32) as f64;
        let rate = if loaded > 1 { self.scatter_block_quads_per_ms } else { self.scatter_block_sums_per_ms };
        let own = blocks as f64 * rate as f64;
        let (all, row) = (sectors_of(sums.values), sectors_of(sums.columns));
        let joint = (all * self.scatter_sector_atomics_per_ms as f64 * joined as f64)
            .min(self.scatter_atomics_per_ms as f64 * sums.columns as f64 / row);
        (sums.bytes() <= PRIVATIZED_BYTES && own * 1.2 > joint).then_some(blocks)
    }

    /// The number of rows for each warp, if there are `rows` rows in all: at least a batch. A warp takes `at_once` rows
    /// at a time.
    pub(super) fn rows_of_warp(&self, rows: usize, at_once: usize) -> usize {
        rows.div_ceil(self.scatter_row_warps).max(1).next_multiple_of(BATCH * at_once)
    }

    /// The number of batches that a warp of gather_csr takes one after the other, if there are `batches` batches in
    /// all.
    pub(super) fn gather_csr_batches(&self, batches: usize) -> usize {
        (batches / self.gather_warps).clamp(1, MAX_GATHER_BATCHES)
    }

    /// Whether each lane of gather_csr takes a batch of rows, if a row is one word and there are `batches` batches.
    pub(super) fn gather_csr_takes_batches(&self, batches: usize) -> bool {
        batches >= self.gather_row_batches
    }
}

/// The sizes as [`Tuning::with`] takes them.
impl fmt::Display for Tuning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, name) in Self::NAMES.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(formatter, "{comma}{name}={}", self.get(name).unwrap_or_default())?;
        }
        Ok(())
    }
}

/// The sums and counts that a block keeps in its shared memory: those of all of `out`.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockSums {
    /// The number of sums: elements of `out`.
    pub(super) values: usize,
    /// The number of counts, for a mean.
    pub(super) counts: usize,
    /// The columns of a row of `out`.
    pub(super) columns: usize,
}

impl BlockSums {
    /// The shared memory of a block, in bytes.
    pub(super) fn bytes(self) -> usize {
        self.values * size_of::<f32>() + self.counts * size_of::<u32>()
    }
}

/// The most bytes of sums that a block keeps: the shared memory that a block has on every architecture without opting
/// in (CUDA C++ Programming Guide, table of limits).
const PRIVATIZED_BYTES: usize = 48 << 10;

/// The most batches that a warp of gather_csr takes one after the other. The search of indptr has about as many loads
/// as a warp has batches, one for each factor of 32 of the length of indptr. So the batches share its cost. With more
/// batches, the warps that run at once write to more places (32 batches: 5 % slower for 64 and 256 columns, H100 and
/// H200).
const MAX_GATHER_BATCHES: usize = 6;

/// The largest power of two up to a number, 1 for 0.
fn power_of_two(up_to: usize) -> usize {
    1 << up_to.max(1).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn h100() -> Tuning {
        Tuning::of(&DeviceNumbers::H100)
    }

    #[test]
    fn an_h100_has_the_sizes_that_were_measured_there() {
        let expected = "fill_words=1048576,segment_large_bytes=268435456,segment_chunk_blocks=528,\
            segment_combine_blocks=396,segment_prefetch_warps=4096,scatter_block_sums=264,\
            scatter_block_sums_per_ms=290000,scatter_block_quads_per_ms=420000,scatter_sector_atomics_per_ms=90000,\
            scatter_atomics_per_ms=32000000,scatter_row_warps=16896,gather_warps=8192,gather_row_batches=4096,\
            gather_prefetch_warps=4096";
        assert_eq!(h100().to_string(), expected.replace(' ', ""));
    }

    #[test]
    fn a_small_device_gets_less_of_everything() {
        // An Orin has 16 multiprocessors and a narrow memory bus. Its driver gives 0 as the clock of the memory.
        let orin = DeviceNumbers {
            multiprocessors: 16,
            threads_per_multiprocessor: 1536,
            clock_khz: 1_300_000,
            l2_bytes: 4 << 20,
            memory_bytes_per_us: 0,
        };
        let (orin, h100) = (Tuning::of(&orin), h100());
        for name in Tuning::NAMES {
            let (small, large) = (orin.get(name).unwrap(), h100.get(name).unwrap());
            assert!((1..large).contains(&small), "{name}: {small}, {large}");
        }
    }

    #[test]
    fn what_a_tuning_says_of_itself_it_takes() {
        let zeros = DeviceNumbers {
            multiprocessors: 0,
            threads_per_multiprocessor: 0,
            clock_khz: 0,
            l2_bytes: 0,
            memory_bytes_per_us: 0,
        };
        let ones = Tuning::of(&zeros);
        assert!(Tuning::NAMES.iter().all(|name| ones.get(name) == Some(1)), "{ones}");
        assert_eq!(ones.with(&h100().to_string()), Ok(h100()));
        assert_eq!(ones.with(""), Ok(ones));
        let changed = ones.with(" gather_warps = 7 ,scatter_row_warps=2147483647,").unwrap();
        assert_eq!((changed.gather_warps, changed.scatter_row_warps), (7, 2147483647));
    }

    #[test]
    fn a_refused_change_is_named() {
        for (changes, reason) in [
            ("gather_warps", "expected name=number"),
            ("gather_wraps=3", "expected one of the names fill_words, segment_large_bytes"),
            ("gather_warps=0", "expected a number from 1 to 2147483647"),
            ("gather_warps=2147483648", "expected a number from 1 to 2147483647"),
            ("gather_warps=3, gather_warps=4", "gather_warps comes twice"),
        ] {
            let message = h100().with(changes).unwrap_err().to_string();
            let last = changes.rsplit(',').next().unwrap().trim();
            assert!(message.contains(reason) && message.contains(last), "{changes}: {message}");
        }
    }

    #[test]
    fn blocks_keep_their_own_sums_where_that_is_faster() {
        let sums = |groups: usize, columns| BlockSums { values: groups * columns, counts: 0, columns };
        let singles = |rows: usize, groups, k| h100().privatized_blocks(rows * k, sums(groups, k), 1, 1);
        let quads = |rows: usize, groups, k| h100().privatized_blocks(rows * k, sums(groups, k), 4, 4);
        assert_eq!(singles(1 << 22, 1 << 10, 1), Some(264));
        assert_eq!(quads(1 << 22, 1 << 10, 4), Some(264));
        assert_eq!(singles(35_000, 64, 1), Some(137));
        assert_eq!(singles(1 << 20, 4096, 1), Some(256));
        // With too few values for each block, blocks take up to 80 times as long as atomics to global memory.
        for k in 1..=3 {
            assert_eq!(singles(1 << 16, 1 << 12, k), None);
        }
        // A few vectors to each of many sectors.
        assert_eq!(quads(1 << 20, 512, 12), None);
        assert_eq!(quads(1 << 22, 1 << 18, 1), None, "more than shared memory holds");
        assert_eq!(singles(0, 0, 1), None);
        // The counts of a mean take shared memory too.
        let sums = |counts| BlockSums { values: 12 << 10, counts, columns: 1 };
        assert_eq!(h100().privatized_blocks(1 << 22, sums(0), 1, 1), Some(264));
        assert_eq!(h100().privatized_blocks(1 << 22, sums(1), 1, 1), None);
    }

    #[test]
    fn blocks_that_may_find_nothing_all_run_at_once() {
        let h100 = h100();
        assert_eq!(h100.chunk_tile(16_384, 1, 16), 16);
        assert_eq!(h100.chunk_tile(16_384, 2, order::LONG_SEGMENT), 4);
        assert_eq!(h100.chunk_blocks(1024, 16), 512);
        assert_eq!(h100.chunk_blocks(1024, order::LONG_SEGMENT), 1024);
        assert_eq!(h100.chunk_blocks(528, 16), 528);
        assert_eq!(h100.chunk_blocks(529, 16), 265);
        assert_eq!(h100.chunk_blocks(1, 16), 1);
        assert!(h100.chunk_blocks(1 << 30, 0) <= h100.segment_chunk_blocks);
    }
}
