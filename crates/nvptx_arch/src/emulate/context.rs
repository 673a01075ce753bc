//! What an instruction acts on: the thread that executes it, and the grid around it.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::ptr::NonNull;

use corosensei::Yielder;

use super::fault::{Access, Fault, Site};
use super::memory::Memory;
use super::random::Random;
use super::rendezvous::{Wait, WaitFor};
use super::shared::SharedMemory;
use super::{Launch, Options};
use crate::warp::WARP_SIZE;

/// Why a thread ends its turn.
pub enum Request {
    /// Another thread may go first.
    Switch,
    /// It continues when other threads have arrived.
    Wait(Wait),
    /// The grid ends.
    Fault(Box<Fault>),
}

/// A grid in progress, as the thread whose turn it is sees it.
pub struct Context<'run> {
    pub launch: &'run Launch,
    options: &'run Options,
    memory: &'run Memory,
    /// What was done to each byte of each writable range.
    history: RefCell<Vec<Vec<u8>>>,
    pub random: Random,
    steps: Cell<u64>,
    pub turn: Cell<Turn>,
    yielder: Cell<Option<NonNull<Yielder<u32, Request>>>>,
}

/// Whose turn it is.
#[derive(Clone, Copy)]
pub struct Turn {
    pub block: [u32; 3],
    pub thread: [u32; 3],
    /// The thread's place in its block, in the order x, y, z.
    pub linear: usize,
    /// The shared memory of the thread's block. It is there during every turn.
    pub shared: Option<NonNull<SharedMemory>>,
}

thread_local! {
    static CURRENT: Cell<Option<NonNull<Context<'static>>>> = const { Cell::new(None) };
}

/// Bits of [`Context::history`].
const WRITTEN: u8 = 1;
const LOADED_AS_CONSTANT: u8 = 2;

impl<'run> Context<'run> {
    pub fn new(launch: &'run Launch, options: &'run Options, memory: &'run Memory) -> Self {
        let history =
            memory.ranges().iter().map(|range| vec![0; if range.writable { range.bytes } else { 0 }]).collect();
        Self {
            launch,
            options,
            memory,
            history: RefCell::new(history),
            random: Random::new(options.seed),
            steps: Cell::new(0),
            turn: Cell::new(Turn { block: [0; 3], thread: [0; 3], linear: 0, shared: None }),
            yielder: Cell::new(None),
        }
    }

    /// Makes this the grid that instructions on the calling OS thread act on, while `act` runs.
    pub fn enter<R>(&self, act: impl FnOnce() -> R) -> R {
        struct Leave;
        impl Drop for Leave {
            fn drop(&mut self) {
                CURRENT.set(None);
            }
        }

        assert!(CURRENT.get().is_none(), "emulate::run inside emulate::run: a kernel cannot launch a grid");
        CURRENT.set(Some(NonNull::from(self).cast()));
        let _leave = Leave;
        act()
    }

    /// The start of a thread's first turn.
    pub fn begin(&self, yielder: &Yielder<u32, Request>) {
        self.yielder.set(Some(NonNull::from(yielder)));
    }

    /// Waits for other threads, and returns the result of the instruction.
    pub fn wait(&self, for_what: WaitFor, location: &'static Location<'static>) -> u32 {
        let wait = Wait { for_what, location };
        self.step(wait.name(), location);
        self.suspend(Request::Wait(wait))
    }

    /// Lets another thread go first.
    pub fn pause(&self, instruction: &'static str, location: &'static Location<'static>) {
        self.step(instruction, location);
        self.suspend(Request::Switch);
    }

    /// May give the turn to another thread; after that, checks that the access is defined. No other thread gets a turn
    /// until this thread's next call into this crate.
    pub fn access(
        &self,
        access: Access,
        instruction: &'static str,
        address: usize,
        bytes: usize,
        location: &'static Location<'static>,
    ) {
        self.step(instruction, location);
        if self.random.below(self.options.switch_one_in.max(1)) == 0 {
            self.suspend(Request::Switch);
        }
        let site = || self.site(instruction, location);
        if let Err(fault) = self.check(access, address, bytes, site) {
            self.fail(fault);
        }
    }

    /// Counts an instruction. A thread that never ends executes counted instructions again and again.
    fn step(&self, instruction: &'static str, location: &'static Location<'static>) {
        let steps = self.steps.get() + 1;
        self.steps.set(steps);
        let limit = self.options.step_limit;
        if steps > limit {
            let site = self.site(instruction, location);
            self.fail(Fault::StepLimit { site, limit });
        }
    }

    fn site(&self, instruction: &'static str, location: &'static Location<'static>) -> Site {
        let Turn { block, thread, .. } = self.turn.get();
        Site { block, thread, instruction, location }
    }

    fn check(&self, access: Access, address: usize, bytes: usize, site: impl Fn() -> Site) -> Result<(), Fault> {
        if !address.is_multiple_of(bytes) {
            return Err(Fault::Misaligned { site: site(), address, bytes });
        }
        let Some(at) = self.memory.find(address, bytes) else {
            if !self.shared().contains(address, bytes) {
                return Err(Fault::OutOfBounds {
                    site: site(),
                    address,
                    bytes,
                    nearest: self.memory.describe(address),
                });
            }
            return if access.needs_global() { Err(Fault::NotGlobal { site: site() }) } else { Ok(()) };
        };

        let range = &self.memory.ranges()[at];
        if !range.writable {
            return if access.writes() { Err(Fault::NotWritable { site: site(), address, bytes }) } else { Ok(()) };
        }
        if access.loads() && !range.is_written(address, bytes) {
            return Err(Fault::Unwritten { site: site(), address, bytes });
        }
        if access.writes() {
            range.note_written(address, bytes);
        }
        let (mark, clash) = match access {
            Access::LoadReadonly => (LOADED_AS_CONSTANT, WRITTEN),
            Access::Store | Access::Atomic => (WRITTEN, LOADED_AS_CONSTANT),
            Access::Load | Access::LoadRelaxed => return Ok(()),
        };
        let offset = address - range.start;
        for byte in &mut self.history.borrow_mut()[at][offset..offset + bytes] {
            if *byte & clash != 0 {
                return Err(Fault::NotConstant { site: site(), address });
            }
            *byte |= mark;
        }
        Ok(())
    }

    /// The block's shared memory.
    pub fn shared(&self) -> &SharedMemory {
        let shared = self.turn.get().shared;
        // SAFETY: the scheduler sets it to the block's, which outlives the block's threads.
        unsafe { shared.expect("a thread has its turn").as_ref() }
    }

    /// This thread's lane in its warp.
    pub fn lane(&self) -> u32 {
        (self.turn.get().linear % WARP_SIZE as usize) as u32
    }

    /// Ends the grid.
    fn fail(&self, fault: Fault) {
        self.suspend(Request::Fault(Box::new(fault)));
        unreachable!("the scheduler gives no turn to a thread with a fault");
    }

    fn suspend(&self, request: Request) -> u32 {
        let yielder = self.yielder.get();
        // SAFETY: set at the start of this thread's first turn and restored below after every other thread's; it lives
        // as long as the thread's coroutine, on whose stack this is.
        let answer = unsafe { yielder.expect("a thread has its turn").as_ref() }.suspend(request);
        self.yielder.set(yielder);
        answer
    }
}

/// The grid that the calling OS thread emulates.
#[track_caller]
pub fn current<R>(act: impl FnOnce(&Context<'_>) -> R) -> R {
    let Some(context) = CURRENT.get() else {
        panic!("an instruction of nvptx_arch outside a grid: run the kernel with nvptx_arch::emulate::run");
    };
    // SAFETY: `enter` keeps the context alive while it is the current one.
    act(unsafe { context.as_ref() })
}
