//! The exchange of values between lanes of a warp.

mod common;

use common::{SEEDS, each_thread, grid, run_bare};
use nvptx_arch::barrier::{sync_threads, sync_warp};
use nvptx_arch::emulate::Fault;
use nvptx_arch::index::{lane_id, thread_idx_x};
use nvptx_arch::warp::{
    FULL_MASK, active_mask, all, any, ballot, match_any, shuffle_down, shuffle_idx, shuffle_up, shuffle_xor,
};

#[test]
fn shuffles_of_a_whole_warp() {
    for seed in SEEDS {
        // SAFETY, here and below: every lane of the warp comes to every instruction.
        let idx = each_thread(64, seed, |t| unsafe { shuffle_idx(FULL_MASK, t, 9, 32) }).unwrap();
        assert_eq!(idx[..32], [9; 32]);
        assert_eq!(idx[32..], [41; 32]);

        let up = each_thread(32, seed, |t| unsafe { shuffle_up(FULL_MASK, t, 4, 32) }).unwrap();
        assert_eq!(up[..6], [0, 1, 2, 3, 0, 1]);
        assert_eq!(up[31], 27);

        let down = each_thread(32, seed, |t| unsafe { shuffle_down(FULL_MASK, t, 4, 32) }).unwrap();
        assert_eq!(down[..2], [4, 5]);
        assert_eq!(down[26..], [30, 31, 28, 29, 30, 31]);

        let xor = each_thread(32, seed, |t| unsafe { shuffle_xor(FULL_MASK, t, 16, 32) }).unwrap();
        assert_eq!((xor[0], xor[15], xor[16], xor[31]), (16, 31, 0, 15));
    }
}

#[test]
fn shuffles_within_segments() {
    for width in [1, 2, 4, 8, 16] {
        let segment = |thread| thread / width * width;
        let idx = each_thread(32, 0, |t| unsafe { shuffle_idx(FULL_MASK, t, 1, width) }).unwrap();
        let up = each_thread(32, 0, |t| unsafe { shuffle_up(FULL_MASK, t, 1, width) }).unwrap();
        let down = each_thread(32, 0, |t| unsafe { shuffle_down(FULL_MASK, t, 1, width) }).unwrap();
        for thread in 0..32 {
            let at = thread as usize;
            let last = segment(thread) + width - 1;
            assert_eq!(idx[at], segment(thread) + 1 % width);
            assert_eq!(up[at], thread.saturating_sub(1).max(segment(thread)));
            assert_eq!(down[at], (thread + 1).min(last));
        }
    }
}

#[test]
fn every_type_travels_whole() {
    fn neighbour<T: nvptx_arch::warp::Shuffle + nvptx_arch::memory::Word + Default>(value: fn(u32) -> T) -> Vec<T> {
        // SAFETY: both lanes of the mask come here.
        each_thread(2, 3, |t| unsafe { shuffle_xor(0b11, value(t), 1, 32) }).unwrap()
    }
    assert_eq!(neighbour(|t| u32::MAX - t), [u32::MAX - 1, u32::MAX]);
    assert_eq!(neighbour(|t| -(t as i32) - 1), [-2, -1]);
    assert_eq!(neighbour(|t| t as f32 - 0.5), [0.5, -0.5]);
    assert_eq!(neighbour(|t| (u64::MAX - u64::from(t)) << 40), [(u64::MAX - 1) << 40, u64::MAX << 40]);
    assert_eq!(neighbour(|t| i64::MIN + i64::from(t)), [i64::MIN + 1, i64::MIN]);
    assert_eq!(neighbour(|t| f64::from(t) * 1e300), [1e300, 0.0]);
}

#[test]
fn votes_are_per_warp_and_mask() {
    for seed in SEEDS {
        let odd = each_thread(64, seed, |t| unsafe { ballot(FULL_MASK, t % 2 == 1) }).unwrap();
        assert_eq!(odd, [0xaaaa_aaaa; 64]);

        let halves = each_thread(32, seed, |t| {
            let mask = if t < 16 { 0x0000_ffff } else { 0xffff_0000 };
            // SAFETY: each half of the warp comes here with its own mask.
            unsafe {
                ballot(mask, t % 16 == 3) ^ u32::from(any(mask, t == 20)) << 1 ^ u32::from(all(mask, t >= 16)) << 2
            }
        })
        .unwrap();
        assert_eq!(halves[..16], [1 << 3; 16]);
        assert_eq!(halves[16..], [1 << 19 | 0b110; 16]);
    }
}

#[test]
fn equal_values_match() {
    let groups = each_thread(32, 1, |t| unsafe { match_any(FULL_MASK, t % 3) }).unwrap();
    let expected: Vec<u32> =
        (0..32).map(|lane| (0..32).filter(|other| other % 3 == lane % 3).map(|other| 1 << other).sum()).collect();
    assert_eq!(groups, expected);
}

#[test]
fn a_lane_is_active_itself() {
    let masks = each_thread(40, 0, |_| active_mask() >> lane_id() & 1).unwrap();
    assert_eq!(masks, [1; 40]);
}

#[test]
fn a_partial_warp_can_name_the_lanes_it_has() {
    let sums = each_thread(40, 0, |t| {
        let mask = if t < 32 { FULL_MASK } else { 0xff };
        // SAFETY: the block's second warp has eight lanes.
        unsafe { ballot(mask, true) }
    })
    .unwrap();
    assert_eq!(sums[32..], [0xff; 8]);
}

#[test]
fn a_lane_outside_its_own_mask_is_a_fault() {
    // SAFETY, here and below: the fault is what is tested.
    let fault = each_thread(32, 0, |t| unsafe { ballot(0x7fff_ffff, t == 0) });
    assert!(matches!(fault, Err(Fault::NotInMask { lane: 31, mask: 0x7fff_ffff, .. })), "{fault:?}");
}

#[test]
fn a_mask_with_a_lane_that_returned_is_a_fault() {
    for seed in SEEDS {
        let fault = each_thread(32, seed, |t| {
            if t != 5 {
                unsafe { sync_warp(FULL_MASK) };
            }
            t
        });
        let Err(Fault::LaneGone { site, lane: 5, .. }) = &fault else {
            panic!("{fault:?}");
        };
        assert_eq!(site.instruction, "sync_warp");
    }
}

#[test]
fn a_mask_with_a_lane_beyond_the_block_is_a_fault() {
    let fault = each_thread(40, 0, |t| {
        if t >= 32 {
            unsafe { shuffle_idx(FULL_MASK, t, 0, 32) };
        }
        t
    });
    assert!(matches!(fault, Err(Fault::LaneGone { lane: 8, .. })), "{fault:?}");
}

#[test]
fn a_mask_with_a_lane_at_a_barrier_is_a_fault() {
    for seed in SEEDS {
        let fault = run_bare(&grid(1, 32), || {
            if thread_idx_x() == 3 {
                sync_threads();
            } else {
                unsafe { ballot(FULL_MASK, true) };
                sync_threads();
            }
            assert_ne!(seed, u64::MAX);
        });
        let Err(Fault::LaneElsewhere { site, other, .. }) = &fault else {
            panic!("{fault:?}");
        };
        assert_eq!((site.instruction, other.instruction), ("ballot", "sync_threads"));
    }
}

#[test]
fn lanes_with_different_masks_that_name_each_other_are_a_fault() {
    for seed in SEEDS {
        let fault = each_thread(2, seed, |t| unsafe { ballot(if t == 0 { 0b11 } else { 0b111 }, true) });
        // Lane 2 does not exist. That is the other fault of this kernel.
        assert!(matches!(fault, Err(Fault::LaneElsewhere { .. } | Fault::LaneGone { lane: 2, .. })), "{fault:?}");
        let fault = each_thread(3, seed, |t| unsafe { ballot(if t == 0 { 0b11 } else { 0b111 }, true) });
        assert!(matches!(fault, Err(Fault::LaneElsewhere { .. })), "{fault:?}");
    }
}

#[test]
fn lanes_in_different_instructions_that_name_each_other_are_a_fault() {
    for seed in SEEDS {
        let fault = each_thread(2, seed, |t| unsafe {
            if t == 0 { shuffle_up(0b11, t, 1, 32) } else { shuffle_down(0b11, t, 1, 32) }
        });
        assert!(matches!(fault, Err(Fault::LaneElsewhere { .. })), "{fault:?}");
    }
}

#[test]
fn a_lane_may_come_late_to_a_mask_that_others_wait_in() {
    for seed in SEEDS {
        let votes = each_thread(4, seed, |t| unsafe {
            if t < 2 {
                ballot(0b0011, true);
            }
            ballot(0b1111, t != 1)
        })
        .unwrap();
        assert_eq!(votes, [0b1101; 4]);
    }
}

#[test]
fn a_shuffle_from_outside_its_mask_is_a_fault() {
    let fault = each_thread(32, 0, |t| if t < 8 { unsafe { shuffle_down(0xff, t, 1, 32) } } else { t });
    assert!(matches!(fault, Err(Fault::ShuffleSource { lane: 8, mask: 0xff, .. })), "{fault:?}");
}

#[test]
fn a_shuffle_of_segments_that_do_not_divide_a_warp_is_a_fault() {
    for given in [0, 3, 64] {
        let fault = each_thread(32, 0, |t| unsafe { shuffle_idx(FULL_MASK, t, 0, given) });
        assert!(matches!(fault, Err(Fault::ShuffleWidth { width, .. }) if width == given), "{fault:?}");
    }
}
