//! The scheduler: it decides whose turn it is.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::rc::Rc;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult};

use super::context::{Context, Request, Turn};
use super::fault::Fault;
use super::memory::Memory;
use super::rendezvous::{Rendezvous, Woken, unravel};
use super::shared::SharedMemory;
use super::{Launch, Options};

/// Room for an unoptimised kernel, and for the report of a panic with a backtrace in it. Pages that are not touched
/// cost address space alone.
const STACK_BYTES: usize = 256 * 1024;

thread_local! {
    /// The stacks of threads that have returned, to be used again, by later grids too: a stack takes three system calls
    /// and several page faults, which is longer than most threads run.
    static STACKS: RefCell<Vec<DefaultStack>> = const { RefCell::new(Vec::new()) };
}

type ThreadCoroutine = Coroutine<u32, Request, (), DefaultStack>;

/// Runs the grid; `launch` has been checked.
pub fn run(launch: &Launch, options: &Options, memory: &Memory, kernel: &dyn Fn()) -> Result<(), Fault> {
    let context = Context::new(launch, options, memory);
    context.enter(|| Scheduler::new(&context, options, kernel).run())
}

/// A block in progress.
struct Block {
    index: [u32; 3],
    threads: Vec<Thread>,
    rendezvous: Rendezvous,
    /// Behind a pointer, because the threads keep its address while the block changes.
    shared: Rc<SharedMemory>,
}

/// A thread in progress.
struct Thread {
    coroutine: ThreadCoroutine,
    index: [u32; 3],
    /// The result of the instruction that it waits in.
    answer: u32,
}

/// A thread that can go on.
#[derive(Clone, Copy)]
struct Runnable {
    slot: usize,
    thread: usize,
}

struct Scheduler<'run> {
    context: &'run Context<'run>,
    kernel: &'run dyn Fn(),
    slots: Vec<Option<Block>>,
    next_block: u64,
    runnable: Vec<Runnable>,
    /// Kept to save its allocation.
    woken: Vec<Woken>,
}

impl<'run> Scheduler<'run> {
    fn new(context: &'run Context<'run>, options: &Options, kernel: &'run dyn Fn()) -> Self {
        let resident =
            options.resident_blocks.max(1).min(usize::try_from(context.launch.blocks()).unwrap_or(usize::MAX));
        Self {
            context,
            kernel,
            slots: std::iter::repeat_with(|| None).take(resident).collect(),
            next_block: 0,
            runnable: Vec::new(),
            woken: Vec::new(),
        }
    }

    fn run(mut self) -> Result<(), Fault> {
        for slot in 0..self.slots.len() {
            self.start_block(slot);
        }
        while !self.runnable.is_empty() {
            let chosen = self.context.random.below(self.runnable.len() as u32) as usize;
            self.take_turn(chosen)?;
        }
        Ok(())
    }

    /// Fills the slot with the next block of the grid, if there is one.
    fn start_block(&mut self, slot: usize) {
        let launch = self.context.launch;
        if self.next_block == launch.blocks() {
            self.slots[slot] = None;
            return;
        }
        let index = unravel(self.next_block, launch.grid);
        self.next_block += 1;
        let threads = (0..launch.threads_per_block())
            .map(|thread| Thread {
                coroutine: self.start_thread(),
                index: unravel(thread as u64, launch.block),
                answer: 0,
            })
            .collect();
        self.runnable.extend((0..launch.threads_per_block()).map(|thread| Runnable { slot, thread }));
        self.slots[slot] = Some(Block {
            index,
            threads,
            rendezvous: Rendezvous::new(index, launch.block),
            shared: Rc::new(SharedMemory::new(launch.dynamic_shared)),
        });
    }

    fn start_thread(&mut self) -> ThreadCoroutine {
        let stack = STACKS.with_borrow_mut(Vec::pop).unwrap_or_else(|| {
            DefaultStack::new(STACK_BYTES).unwrap_or_else(|error| {
                panic!("no memory for a CUDA thread's stack of {STACK_BYTES} bytes: {error}; lower Options::resident_blocks")
            })
        });
        let (context, kernel) = (self.context, self.kernel);
        // SAFETY: what the closure borrows outlives `self`, which owns the coroutine.
        unsafe {
            Coroutine::with_stack_unchecked(stack, move |yielder, _| {
                context.begin(yielder);
                kernel();
            })
        }
    }

    /// Gives a thread its turn, which ends where it suspends itself.
    fn take_turn(&mut self, chosen: usize) -> Result<(), Fault> {
        let Runnable { slot, thread } = self.runnable[chosen];
        let block = self.slots[slot].as_mut().expect("only threads of resident blocks are runnable");
        let Thread { coroutine, index, answer } = &mut block.threads[thread];
        self.context.turn.set(Turn {
            block: block.index,
            thread: *index,
            linear: thread,
            shared: Some(NonNull::from(&*block.shared)),
        });
        let turn = catch_unwind(AssertUnwindSafe(|| coroutine.resume(*answer))).map_err(|payload| Fault::Panic {
            block: block.index,
            thread: *index,
            message: panic_message(payload.as_ref()),
        })?;

        match turn {
            CoroutineResult::Yield(Request::Switch) => {}
            CoroutineResult::Yield(Request::Fault(fault)) => return Err(*fault),
            CoroutineResult::Yield(Request::Wait(wait)) => {
                self.runnable.swap_remove(chosen);
                block.rendezvous.wait(thread, wait, &mut self.woken)?;
                for Woken { thread, result } in self.woken.drain(..) {
                    block.threads[thread].answer = result;
                    self.runnable.push(Runnable { slot, thread });
                }
            }
            CoroutineResult::Return(()) => {
                self.runnable.swap_remove(chosen);
                block.rendezvous.leave(thread)?;
                if block.rendezvous.is_over() {
                    self.end_block(slot);
                    self.start_block(slot);
                }
            }
        }
        Ok(())
    }

    /// Keeps the stacks of a block whose threads have all returned.
    fn end_block(&mut self, slot: usize) {
        let block = self.slots[slot].take();
        let threads = block.into_iter().flat_map(|block| block.threads);
        STACKS.with_borrow_mut(|stacks| stacks.extend(threads.map(|thread| thread.coroutine.into_stack())));
    }
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".to_owned())
}
