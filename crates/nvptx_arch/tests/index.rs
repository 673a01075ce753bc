//! Every thread of a grid runs once and knows its place.

mod common;

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use common::{SEEDS, grid, run_bare, writable};
use nvptx_arch::atomic::AtomicAdd;
use nvptx_arch::emulate::{Fault, Launch, Memory, Options, run};
use nvptx_arch::index;

#[test]
fn every_thread_of_a_three_dimensional_grid_runs_once() {
    let launch = Launch { grid: [2, 3, 2], block: [4, 3, 5], dynamic_shared: 0 };
    let seen = RefCell::new(Vec::new());
    run_bare(&launch, || {
        assert_eq!([index::grid_dim_x(), index::grid_dim_y(), index::grid_dim_z()], [2, 3, 2]);
        assert_eq!([index::block_dim_x(), index::block_dim_y(), index::block_dim_z()], [4, 3, 5]);
        let [x, y, z] = [index::thread_idx_x(), index::thread_idx_y(), index::thread_idx_z()];
        assert_eq!(index::lane_id(), (x + 4 * (y + 3 * z)) % 32);
        let block = [index::block_idx_x(), index::block_idx_y(), index::block_idx_z()];
        seen.borrow_mut().push((block, [x, y, z]));
    })
    .unwrap();

    let mut seen = seen.into_inner();
    assert_eq!(seen.len(), 12 * 60);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 12 * 60);
    assert_eq!(seen.first(), Some(&([0, 0, 0], [0, 0, 0])));
    assert_eq!(seen.last(), Some(&([1, 2, 1], [3, 2, 4])));
}

#[test]
fn a_seed_is_an_order() {
    let order = |seed| {
        let seen = RefCell::new(Vec::new());
        run(&grid(4, 40), &Options::with_seed(seed), &Memory::new(), || {
            seen.borrow_mut().push((index::block_idx_x(), index::thread_idx_x()));
        })
        .unwrap();
        seen.into_inner()
    };
    assert_eq!(order(7), order(7));
    assert_ne!(order(7), order(8));
}

#[test]
fn resident_blocks_are_interleaved_and_others_wait() {
    let blocks_in_order = |resident_blocks| {
        let seen = RefCell::new(Vec::new());
        let options = Options { resident_blocks, ..Options::default() };
        run(&grid(3, 32), &options, &Memory::new(), || {
            seen.borrow_mut().push(index::block_idx_x());
        })
        .unwrap();
        seen.into_inner().is_sorted()
    };
    assert!(blocks_in_order(1));
    assert!(!blocks_in_order(2));
}

#[test]
fn the_largest_block_runs() {
    let mut total = [0_u32];
    let mut memory = Memory::new();
    let at = writable(&mut memory, &mut total);
    run(&grid(3, 1024), &Options::default(), &memory, || {
        // SAFETY: `total` outlives the run.
        unsafe { u32::reduce_add(at, 1) }
        nvptx_arch::barrier::sync_threads();
    })
    .unwrap();
    assert_eq!(total, [3 * 1024]);
}

#[test]
fn a_hundred_thousand_threads_take_seconds_at_most() {
    let mut total = [0_u64];
    let mut memory = Memory::new();
    let at = writable(&mut memory, &mut total);
    let start = Instant::now();
    run(&grid(400, 256), &Options::default(), &memory, || {
        for _ in 0..4 {
            // SAFETY: `total` outlives the run.
            unsafe { u64::reduce_add(at, u64::from(index::thread_idx_x())) }
        }
        nvptx_arch::barrier::sync_threads();
    })
    .unwrap();
    assert_eq!(total, [4 * 400 * (255 * 256 / 2)]);
    // An optimised build takes less than a tenth of this limit. The rest is for builds that are not optimised.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn a_launch_beyond_cudas_limits_is_refused() {
    let refused = |grid, block| {
        let launch = Launch { grid, block, dynamic_shared: 0 };
        let fault = run_bare(&launch, || panic!("no thread may run")).unwrap_err();
        assert_eq!(fault, Fault::InvalidLaunch { grid, block });
    };
    refused([0, 1, 1], [1, 1, 1]);
    refused([1, 1, 1], [1, 0, 1]);
    refused([1, 65_536, 1], [1, 1, 1]);
    refused([1, 1, 1], [1, 1, 65]);
    refused([1, 1, 1], [64, 32, 1]);
}

#[test]
fn a_panic_names_its_thread_and_stops_the_grid() {
    let fault = run_bare(&grid(2, 64), || {
        if index::block_idx_x() == 1 && index::thread_idx_x() == 33 {
            panic!("seen {}", 33);
        }
        nvptx_arch::barrier::sync_threads();
    })
    .unwrap_err();
    assert_eq!(fault, Fault::Panic { block: [1, 0, 0], thread: [33, 0, 0], message: "seen 33".to_owned() });
}

#[test]
fn a_fault_unwinds_every_thread() {
    struct OnTheStack<'a>(&'a Cell<i32>);
    impl Drop for OnTheStack<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }

    for seed in SEEDS {
        let alive = Cell::new(0);
        let most = Cell::new(0);
        let fault = run(&grid(4, 64), &Options::with_seed(seed), &Memory::new(), || {
            alive.set(alive.get() + 1);
            most.set(most.get().max(alive.get()));
            let _on_the_stack = OnTheStack(&alive);
            nvptx_arch::barrier::sync_threads();
            assert_ne!(index::block_idx_x(), 3, "the last block ends the grid");
        });
        assert!(matches!(fault, Err(Fault::Panic { block: [3, 0, 0], .. })), "{fault:?}");
        assert!(most.get() >= 64);
        assert_eq!(alive.get(), 0);
        run_bare(&grid(1, 32), || {}).unwrap();
    }
}

#[test]
#[should_panic(expected = "outside a grid")]
fn an_instruction_outside_a_grid_panics() {
    let _ = index::thread_idx_x();
}

#[test]
fn a_kernel_cannot_launch_a_grid() {
    let fault = run_bare(&grid(1, 1), || {
        let _ = run_bare(&grid(1, 1), || {});
    });
    assert!(matches!(&fault, Err(Fault::Panic { message, .. }) if message.contains("cannot launch")), "{fault:?}");
}
