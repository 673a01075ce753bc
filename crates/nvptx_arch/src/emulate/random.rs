//! Random numbers, by which the emulator picks the next thread.

use std::cell::Cell;

/// SplitMix64: one addition and a mix per number, and every seed gives another sequence.
pub struct Random(Cell<u64>);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    fn next(&self) -> u64 {
        const WEYL: u64 = 0x9e37_79b9_7f4a_7c15;
        const MIX: [u64; 2] = [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];

        let state = self.0.get().wrapping_add(WEYL);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(MIX[0]);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(MIX[1]);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&self, limit: u32) -> u32 {
        // The high half of the product: as even as 32 bits allow, without a division.
        let high_bits = self.next() >> u32::BITS;
        ((high_bits * u64::from(limit)) >> u32::BITS) as u32
    }
}
