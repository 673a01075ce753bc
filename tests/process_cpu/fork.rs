//! The operators work in a process that was forked from one that used them.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use tensorrt_scatter::cpu;

use crate::{
    LARGE, SMALL,
    every_operator::{Bits, Call, calls},
};

/// A child that takes longer is taken to hang.
const LIMIT: Duration = Duration::from_secs(120);

/// Forks. The child runs `work`, and ends with success if that returns true. Fails if the child does not end.
fn in_child(what: &str, work: impl FnOnce() -> bool) {
    // SAFETY: the child runs Rust code of this test and the library only, and leaves by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // A panic must not reach the test harness, which is the parent's.
        let code = if catch_unwind(AssertUnwindSafe(work)).is_ok_and(|agrees| agrees) { 0 } else { 1 };
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(code) };
    }
    assert!(child > 0, "fork failed");
    let started = Instant::now();
    let mut status = 0;
    // SAFETY: the child is this process's, and `status` is there to be written to.
    while unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == 0 {
        if started.elapsed() > LIMIT {
            // SAFETY: the child is this process's, and has not been waited for.
            unsafe { libc::kill(child, libc::SIGKILL) };
            panic!("{what}: the child hangs");
        }
        thread::sleep(Duration::from_millis(5));
    }
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "{what}: the child failed ({status})");
}

fn agrees(calls: &[Call], expected: &[Bits]) -> bool {
    calls.iter().zip(expected).all(|(call, expected)| (call.run)(None).is_ok_and(|given| given == *expected))
}

#[test]
fn every_operator_works_in_a_child_and_in_its_child() {
    cpu::set_threads(4);
    for sizes in [LARGE, SMALL] {
        let calls = calls(sizes);
        let expected: Vec<Bits> = calls.iter().map(|call| (call.run)(None).unwrap()).collect();
        in_child("a child", || {
            let agrees_here = agrees(&calls, &expected);
            in_child("a child's child", || agrees(&calls, &expected));
            agrees_here
        });
        assert!(agrees(&calls, &expected), "the parent after the fork");
    }
}

#[test]
fn a_fork_in_the_midst_of_other_threads_calls_is_harmless() {
    cpu::set_threads(4);
    let stops = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let calls = calls(LARGE);
                while !stops.load(Ordering::Relaxed) {
                    calls.iter().take_while(|_| !stops.load(Ordering::Relaxed)).for_each(|call| {
                        (call.run)(None).unwrap();
                    });
                }
            });
        }
        let call = calls(LARGE).swap_remove(0);
        let expected = (call.run)(None).unwrap();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            for _ in 0..20 {
                in_child("a child", || (call.run)(None).is_ok_and(|given| given == expected));
            }
        }));
        stops.store(true, Ordering::Relaxed);
        outcome.unwrap();
    });
}
