//! Accesses that nothing orders are seen in more than one order.

mod common;

use common::{SEEDS, each_thread, grid, writable};
use nvptx_arch::atomic::{AtomicAdd, AtomicCas, load_relaxed};
use nvptx_arch::barrier::{nanosleep, sync_threads, sync_warp};
use nvptx_arch::emulate::{Fault, Launch, Memory, Options, run};
use nvptx_arch::memory::{load, store};
use nvptx_arch::shared::shared_array;
use nvptx_arch::warp::FULL_MASK;

/// How often the total of a launch is wrong, when each thread adds one by `add`.
fn wrong_totals(launch: &Launch, add: unsafe fn(*mut u32)) -> usize {
    let threads = launch.grid[0] * launch.block[0];
    SEEDS
        .filter(|&seed| {
            let mut total = [0_u32];
            let mut memory = Memory::new();
            let at = writable(&mut memory, &mut total);
            // SAFETY: `total` outlives the run.
            run(launch, &Options::with_seed(seed), &memory, || unsafe { add(at) }).unwrap();
            total != [threads]
        })
        .count()
}

unsafe fn add_in_two_steps(total: *mut u32) {
    // SAFETY: the caller's promise.
    unsafe { store(total, load(total) + 1) }
}

unsafe fn add_atomically(total: *mut u32) {
    // SAFETY: the caller's promise.
    unsafe { u32::reduce_add(total, 1) }
}

unsafe fn add_by_comparing(total: *mut u32) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut seen = load_relaxed(total);
        loop {
            let found = u32::compare_exchange(total, seen, seen + 1);
            if found == seen {
                return;
            }
            seen = found;
        }
    }
}

#[test]
fn an_update_in_two_steps_is_lost_within_a_warp() {
    assert!(wrong_totals(&grid(1, 2), add_in_two_steps) > 0);
}

#[test]
fn an_update_in_two_steps_is_lost_between_blocks() {
    assert!(wrong_totals(&grid(2, 1), add_in_two_steps) > 0);
}

#[test]
fn an_atomic_update_is_never_lost() {
    assert_eq!(wrong_totals(&grid(5, 40), add_atomically), 0);
    assert_eq!(wrong_totals(&grid(5, 40), add_by_comparing), 0);
}

/// How often the threads of a block do not get what their neighbour wrote to shared memory before `wait`.
fn wrong_neighbours(threads: u32, wait: fn()) -> usize {
    SEEDS
        .filter(|&seed| {
            let out = each_thread(threads, seed, |thread| {
                let shared = shared_array![u32; 64];
                // SAFETY: a block has at most 64 threads.
                unsafe {
                    store(shared.add(thread as usize), thread);
                    wait();
                    load(shared.add(((thread + 1) % threads) as usize))
                }
            })
            .unwrap();
            let expected: Vec<u32> = (0..threads).map(|thread| (thread + 1) % threads).collect();
            out != expected
        })
        .count()
}

#[test]
fn a_missing_barrier_is_seen() {
    assert!(wrong_neighbours(64, || {}) > 0);
    assert_eq!(wrong_neighbours(64, sync_threads), 0);
}

#[test]
fn a_missing_warp_barrier_is_seen() {
    assert!(wrong_neighbours(32, || {}) > 0);
    // SAFETY: all lanes of the warp come here.
    assert_eq!(wrong_neighbours(32, || unsafe { sync_warp(FULL_MASK) }), 0);
    // SAFETY: as above; but two warps that do not wait for each other still race.
    assert!(wrong_neighbours(64, || unsafe { sync_warp(FULL_MASK) }) > 0);
}

#[test]
fn a_thread_can_wait_for_anothers_flag() {
    let mut flag = [0_u32];
    let mut memory = Memory::new();
    let at = writable(&mut memory, &mut flag);
    run(&grid(2, 1), &Options::default(), &memory, || {
        // SAFETY: `flag` outlives the run.
        unsafe {
            if nvptx_arch::index::block_idx_x() == 0 {
                while load_relaxed(at) == 0 {
                    nanosleep(100);
                }
            } else {
                u32::exchange(at, 1);
            }
        }
    })
    .unwrap();
}

#[test]
fn waiting_for_a_flag_that_nobody_sets_ends() {
    let mut flag = [0_u32];
    let mut memory = Memory::new();
    let at = writable(&mut memory, &mut flag);
    let options = Options { step_limit: 10_000, ..Options::default() };
    let fault = run(&grid(1, 2), &options, &memory, || {
        // SAFETY: `flag` outlives the run.
        while unsafe { load_relaxed(at) } == 0 {}
    });
    assert!(matches!(fault, Err(Fault::StepLimit { limit: 10_000, .. })), "{fault:?}");
}

#[test]
fn waiting_for_each_other_for_ever_ends() {
    let options = Options { step_limit: 10_000, ..Options::default() };
    let fault = run(&grid(1, 64), &options, &Memory::new(), || {
        loop {
            sync_threads();
        }
    });
    assert!(matches!(fault, Err(Fault::StepLimit { limit: 10_000, .. })), "{fault:?}");
}
