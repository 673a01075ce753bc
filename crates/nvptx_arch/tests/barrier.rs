//! Barriers: their results, and the fault if a thread does not reach one.

mod common;

use common::{SEEDS, each_thread, grid, run_bare};
use nvptx_arch::barrier::{
    fence_block, fence_device, fence_system, sync_threads, sync_threads_and, sync_threads_count, sync_threads_or,
    sync_warp,
};
use nvptx_arch::emulate::Fault;
use nvptx_arch::index::thread_idx_x;
use nvptx_arch::warp::ballot;

#[test]
fn every_thread_gets_the_blocks_vote() {
    for seed in SEEDS {
        let votes = |holds: fn(u32) -> bool| {
            each_thread(70, seed, |thread| {
                let predicate = u32::from(holds(thread)) * 5;
                let count = sync_threads_count(predicate);
                let and = sync_threads_and(predicate);
                let or = sync_threads_or(predicate);
                count << 2 | u32::from(and != 0) << 1 | u32::from(or != 0)
            })
            .unwrap()
        };
        assert_eq!(votes(|_| false), [0b00; 70]);
        assert_eq!(votes(|thread| thread % 7 == 0), [10 << 2 | 0b01; 70]);
        assert_eq!(votes(|_| true), [70 << 2 | 0b11; 70]);
    }
}

#[test]
fn a_barrier_can_be_passed_many_times() {
    run_bare(&grid(3, 96), || {
        for _ in 0..100 {
            sync_threads();
        }
    })
    .unwrap();
}

#[test]
fn fences_wait_for_nobody() {
    run_bare(&grid(1, 2), || {
        if thread_idx_x() == 0 {
            fence_block();
            fence_device();
            fence_system();
        }
    })
    .unwrap();
}

#[test]
fn warps_may_come_to_different_barriers() {
    run_bare(&grid(1, 64), || match thread_idx_x() {
        0..32 => sync_threads(),
        _ => sync_threads(),
    })
    .unwrap();
}

#[test]
fn a_barrier_that_some_have_left_is_a_fault() {
    for seed in SEEDS {
        let fault = each_thread(64, seed, |thread| {
            if thread < 40 {
                sync_threads();
            }
            thread
        })
        .unwrap_err();
        let Fault::BarrierAbandoned { block: [0, 0, 0], waiting, returned: 24 } = &fault else {
            panic!("{fault}");
        };
        assert_eq!(waiting.len(), 1);
        assert_eq!((waiting[0].threads, waiting[0].instruction), (40, "sync_threads"));
        let text = fault.to_string();
        assert!(text.contains("40 in sync_threads at") && text.contains("barrier.rs"), "{text}");
    }
}

#[test]
fn lanes_of_a_warp_at_different_barriers_are_a_fault() {
    for seed in SEEDS {
        let fault = each_thread(32, seed, |thread| {
            match thread {
                0..16 => sync_threads(),
                _ => sync_threads(),
            }
            thread
        });
        let Err(Fault::BarrierMismatch { site, other }) = &fault else {
            panic!("{fault:?}");
        };
        assert_ne!(site.location.line(), other.location.line());
    }
}

#[test]
fn barriers_of_different_kinds_are_a_fault() {
    for seed in SEEDS {
        let fault = each_thread(64, seed, |thread| {
            if thread < 32 {
                sync_threads();
            } else {
                sync_threads_count(1);
            }
            thread
        });
        assert!(matches!(fault, Err(Fault::BarrierMismatch { .. })), "{fault:?}");
    }
}

#[test]
fn a_circle_of_waiting_is_a_deadlock() {
    // Lane 0 waits for lane 1, which waits for lane 2, which waits for lane 3, which waits for lane 0.
    let fault = run_bare(&grid(1, 4), || {
        // SAFETY: the fault is what is tested.
        unsafe {
            match thread_idx_x() {
                0 => sync_warp(0b0011),
                1 => _ = ballot(0b0110, true),
                2 => sync_warp(0b1100),
                _ => _ = ballot(0b1001, true),
            }
        }
    })
    .unwrap_err();
    let Fault::Deadlock { waiting, returned: 0, .. } = &fault else {
        panic!("{fault}");
    };
    assert_eq!(waiting.iter().map(|place| place.threads).sum::<usize>(), 4);
}
