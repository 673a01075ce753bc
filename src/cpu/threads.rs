//! The threads of the CPU backend: their number, when they are used, and what happens after a fork.
//!
//! Work below a threshold stays on the caller's thread, and no other thread is woken. Larger work is divided into
//! parts; the caller's thread and the threads of a pool take one part after the other.
//!
//! The pool belongs to one process, because threads do not survive `fork`. A forked child sees by the process id that
//! the pool is its parent's. It makes a pool of its own and never touches the parent's, whose locks may be held by
//! threads that the child does not have.

use std::{
    iter, process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicPtr, AtomicUsize, Ordering},
    },
    thread,
};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// The largest number of threads. Systems refuse to start many more.
const MAX_THREADS: usize = 1024;

/// The number of parts for each thread where a part has no cost of its own: a thread that is done early takes more of
/// them.
const PARTS_PER_THREAD: usize = 4;

/// The number that [`set_threads`] was given; 0 stands for the default.
static CHOSEN: AtomicUsize = AtomicUsize::new(0);

/// The default number; 0 as long as nobody has asked for it.
static DEFAULT: AtomicUsize = AtomicUsize::new(0);

/// Sets the number of threads that an operator on the CPU may use, the caller's included, for the whole process and
/// for the children that it forks. 1 keeps all work on the caller's thread; 0 restores the default; numbers above
/// 1,024 count as 1,024.
///
/// The default is the environment variable `RAYON_NUM_THREADS` where it is a positive number when the first operator
/// runs, else the number of processors that the process may use.
///
/// Results do not depend on the number of threads.
pub fn set_threads(threads: usize) {
    CHOSEN.store(threads.min(MAX_THREADS), Ordering::Relaxed);
}

/// The number of threads that an operator on the CPU may use, the caller's included.
pub fn threads() -> usize {
    match CHOSEN.load(Ordering::Relaxed) {
        0 => default_threads(),
        chosen => chosen,
    }
}

fn default_threads() -> usize {
    let known = DEFAULT.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    let named = std::env::var("RAYON_NUM_THREADS").ok().and_then(|text| text.parse().ok());
    let threads = match named {
        None | Some(0) => thread::available_parallelism().map_or(1, usize::from),
        Some(named) => named,
    };
    let threads = threads.min(MAX_THREADS);
    // Another thread may have done the same; the result is the same, too.
    DEFAULT.store(threads, Ordering::Relaxed);
    threads
}

/// How work is cut into parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Division {
    /// How many threads take parts, the caller's included.
    threads: usize,
    /// How many parts each thread takes, if all parts take the same time.
    parts_per_thread: usize,
}

impl Division {
    /// Divides work on `elements` elements between threads that have at least `elements_per_thread` each.
    pub(super) fn new(elements: usize, elements_per_thread: usize) -> Self {
        Self { threads: threads().min(elements / elements_per_thread).max(1), parts_per_thread: PARTS_PER_THREAD }
    }

    /// The same threads, with one part each: for work where each part reads the whole input.
    pub(super) fn with_costly_parts(self) -> Self {
        Self { parts_per_thread: 1, ..self }
    }

    /// The number of items in a part, of `count` items in all; at least one.
    pub(super) fn part_length(self, count: usize) -> usize {
        let parts = if self.threads == 1 { 1 } else { self.threads * self.parts_per_thread };
        count.div_ceil(parts).max(1)
    }

    /// Calls `work` for each part, on several threads at once if the division has several.
    ///
    /// Where the system refuses to start threads, the caller's thread does all the work.
    pub(super) fn for_each<P: Send>(self, parts: impl Iterator<Item = P> + Send, work: impl Fn(P) + Sync) {
        let helpers = self.threads - 1;
        let pool = if helpers == 0 { None } else { pool(helpers) };
        let Some(pool) = pool else { return parts.for_each(work) };
        let parts = Mutex::new(parts);
        let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
        let take_parts = || iter::from_fn(next).for_each(&work);
        pool.in_place_scope(|scope| {
            for _ in 0..helpers {
                scope.spawn(|_| take_parts());
            }
            take_parts();
        });
    }
}

/// What belongs to one process.
struct ProcessThreads {
    process: u32,
    pool: Mutex<Option<Arc<ThreadPool>>>,
}

/// The threads of this process, or of an ancestor that forked it; null before the first use.
static CURRENT: AtomicPtr<ProcessThreads> = AtomicPtr::new(std::ptr::null_mut());

impl ProcessThreads {
    /// The threads of this process. A forked child never touches the threads that it inherits: another thread of the
    /// parent may have held their lock when the parent forked.
    fn current() -> &'static Self {
        let process = process::id();
        let mut current = CURRENT.load(Ordering::Acquire);
        loop {
            // SAFETY: the pointer is null or comes from `Box::into_raw` below; what it points to is never freed.
            if let Some(threads) = unsafe { current.as_ref() }
                && threads.process == process
            {
                return threads;
            }
            let new = Box::into_raw(Box::new(Self { process, pool: Mutex::new(None) }));
            match CURRENT.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire) {
                // SAFETY: `new` was just made, and is never freed from here on.
                Ok(_) => return unsafe { &*new },
                Err(other) => {
                    // SAFETY: `new` was not stored, so nobody else has it.
                    drop(unsafe { Box::from_raw(new) });
                    current = other;
                }
            }
        }
    }
}

/// A pool with at least that many threads; None where the system refuses to start them.
fn pool(helpers: usize) -> Option<Arc<ThreadPool>> {
    let mut pool = ProcessThreads::current().pool.lock().unwrap_or_else(PoisonError::into_inner);
    if pool.as_ref().is_none_or(|pool| pool.current_num_threads() < helpers) {
        // As many as later calls may ask for. The threads of a pool that is too small end with its last call.
        let helpers = helpers.max(threads() - 1);
        let name = |number| format!("tensorrt-scatter-{number}");
        *pool = Some(Arc::new(ThreadPoolBuilder::new().num_threads(helpers).thread_name(name).build().ok()?));
    }
    pool.clone()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn little_work_stays_on_one_thread_and_in_one_part() {
        let division = Division::new(4, 1000);
        assert_eq!((division.threads, division.part_length(4)), (1, 4));
        let caller = thread::current().id();
        division.for_each(iter::once(()), |()| assert_eq!(thread::current().id(), caller));
    }

    #[test]
    fn every_part_is_done_once_whatever_the_number_of_threads() {
        for threads in [1, 2, 5, 64] {
            let division = Division { threads, parts_per_thread: PARTS_PER_THREAD };
            let length = division.part_length(1000);
            assert!(length >= 1 && length.checked_mul(threads * PARTS_PER_THREAD).is_some_and(|all| all >= 1000));
            let done = [const { AtomicU64::new(0) }; 1000];
            division.for_each(done.chunks(length), |part| {
                part.iter().for_each(|count| {
                    count.fetch_add(1, Ordering::Relaxed);
                });
            });
            assert!(done.iter().all(|count| count.load(Ordering::Relaxed) == 1));
        }
    }

    #[test]
    fn a_larger_division_gets_a_larger_pool() {
        for helpers in [1, 3, 2] {
            assert!(pool(helpers).is_some_and(|pool| pool.current_num_threads() >= helpers));
        }
    }
}
