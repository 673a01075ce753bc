//! Where the threads of a block wait for each other, and what can go wrong there.

use std::panic::Location;

use super::exchange::{BarrierKind, WarpInstruction, lanes};
use super::fault::{Fault, Site, Waiters};
use crate::warp::WARP_SIZE;

/// What a thread waits for.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    pub for_what: WaitFor,
    pub location: &'static Location<'static>,
}

/// The two groups that a thread can wait in.
#[derive(Clone, Copy, Debug)]
pub enum WaitFor {
    /// Its block.
    Barrier { kind: BarrierKind, predicate: bool },
    /// Lanes of its warp.
    Warp { mask: u32, instruction: WarpInstruction },
}

impl Wait {
    /// The instruction: the name of its function in this crate.
    pub fn name(&self) -> &'static str {
        match self.for_what {
            WaitFor::Barrier { kind, .. } => kind.name(),
            WaitFor::Warp { instruction, .. } => instruction.name(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    Running,
    Waiting(Wait),
    Returned,
}

/// A thread that can continue, and the result of its instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Woken {
    pub thread: usize,
    pub result: u32,
}

/// Which threads of a block run, wait or have returned.
pub struct Rendezvous {
    block: [u32; 3],
    block_dim: [u32; 3],
    states: Vec<State>,
    running: usize,
    returned: usize,
    at_barrier: usize,
    /// The first thread at the barrier in progress.
    first_at_barrier: usize,
}

impl Rendezvous {
    pub fn new(block: [u32; 3], block_dim: [u32; 3]) -> Self {
        let threads = block_dim.iter().map(|&extent| extent as usize).product();
        Self {
            block,
            block_dim,
            states: vec![State::Running; threads],
            running: threads,
            returned: 0,
            at_barrier: 0,
            first_at_barrier: 0,
        }
    }

    /// Whether every thread has returned.
    pub fn is_over(&self) -> bool {
        self.returned == self.states.len()
    }

    /// A running thread starts to wait. The threads that can then continue are added to `woken`. The thread itself may
    /// be one of them.
    pub fn wait(&mut self, thread: usize, wait: Wait, woken: &mut Vec<Woken>) -> Result<(), Fault> {
        self.running -= 1;
        self.states[thread] = State::Waiting(wait);
        match wait.for_what {
            WaitFor::Barrier { kind, .. } => self.wait_at_barrier(thread, wait, kind, woken)?,
            WaitFor::Warp { mask, instruction } => {
                self.wait_in_warp(thread, wait, mask, &instruction, woken)?;
            }
        }
        self.check_progress()
    }

    /// A running thread returns from the kernel.
    pub fn leave(&mut self, thread: usize) -> Result<(), Fault> {
        self.running -= 1;
        self.returned += 1;
        self.states[thread] = State::Returned;
        let lane = lane_of(thread);
        for (other, wait) in self.warp_mates_waiting_for(thread) {
            if let WaitFor::Warp { mask, .. } = wait.for_what {
                return Err(Fault::LaneGone { site: self.site(other, &wait), mask, lane });
            }
        }
        self.check_progress()
    }

    fn wait_at_barrier(
        &mut self,
        thread: usize,
        wait: Wait,
        kind: BarrierKind,
        woken: &mut Vec<Woken>,
    ) -> Result<(), Fault> {
        if let Some((other, other_wait)) = self.warp_mates_waiting_for(thread).next() {
            return Err(self.elsewhere(other, &other_wait, thread, &wait));
        }
        if self.at_barrier == 0 {
            self.first_at_barrier = thread;
        }
        let same_kind =
            |other: &Wait| matches!(other.for_what, WaitFor::Barrier { kind: others, .. } if others == kind);
        // Within a warp `bar.sync` is one instruction for all lanes; warps may wait at different ones.
        let clash = self
            .waiting(self.first_at_barrier)
            .filter(|other| !same_kind(other))
            .map(|other| (self.first_at_barrier, other))
            .or_else(|| {
                self.warp_mates(thread).filter_map(|mate| Some((mate, self.waiting(mate)?))).find(|(_, other)| {
                    matches!(other.for_what, WaitFor::Barrier { .. }) && other.location != wait.location
                })
            });
        if let Some((other, other_wait)) = clash {
            return Err(Fault::BarrierMismatch {
                site: self.site(thread, &wait),
                other: self.site(other, &other_wait),
            });
        }

        self.at_barrier += 1;
        let threads = self.states.len();
        if self.at_barrier == threads {
            let holds = |state: &State| {
                matches!(state, State::Waiting(Wait { for_what: WaitFor::Barrier { predicate: true, .. }, .. }))
            };
            let holding = self.states.iter().filter(|state| holds(state)).count();
            let result = kind.result(holding, threads);
            self.at_barrier = 0;
            self.wake((0..threads).map(|thread| Woken { thread, result }), woken);
        }
        Ok(())
    }

    fn wait_in_warp(
        &mut self,
        thread: usize,
        wait: Wait,
        mask: u32,
        instruction: &WarpInstruction,
        woken: &mut Vec<Woken>,
    ) -> Result<(), Fault> {
        let lane = lane_of(thread);
        if let WarpInstruction::Shuffle(shuffle) = instruction
            && !(shuffle.width.is_power_of_two() && shuffle.width <= WARP_SIZE)
        {
            return Err(Fault::ShuffleWidth { site: self.site(thread, &wait), width: shuffle.width });
        }
        if mask & 1 << lane == 0 {
            return Err(Fault::NotInMask { site: self.site(thread, &wait), mask, lane });
        }

        let first = thread - lane as usize;
        let mut all_here = true;
        for lane in lanes(mask) {
            let other = first + lane as usize;
            let Some(State::Running | State::Waiting(_)) = self.states.get(other) else {
                return Err(Fault::LaneGone { site: self.site(thread, &wait), mask, lane });
            };
            let Some(other_wait) = self.waiting(other) else {
                all_here = false;
                continue;
            };
            match other_wait.for_what {
                WaitFor::Warp { mask: others, instruction: other_instruction }
                    if others == mask && other_instruction.goes_with(instruction) => {}
                // That lane may continue without this one, and arrive here later.
                WaitFor::Warp { mask: others, .. } if others & 1 << lane_of(thread) == 0 => {
                    all_here = false;
                }
                _ => return Err(self.elsewhere(thread, &wait, other, &other_wait)),
            }
        }
        if all_here {
            self.complete_warp(first, mask, woken)?;
        }
        Ok(())
    }

    /// All lanes of `mask` wait in the same instruction. Gives each lane its result.
    fn complete_warp(&mut self, first: usize, mask: u32, woken: &mut Vec<Woken>) -> Result<(), Fault> {
        let mut brought = [WarpInstruction::Sync; WARP_SIZE as usize];
        for lane in lanes(mask) {
            if let Some(Wait { for_what: WaitFor::Warp { instruction, .. }, .. }) = self.waiting(first + lane as usize)
            {
                brought[lane as usize] = instruction;
            }
        }
        let results: Result<Vec<Woken>, Fault> = lanes(mask)
            .map(|lane| {
                let thread = first + lane as usize;
                let instruction = &brought[lane as usize];
                match instruction.result(lane, mask, |other| brought[other as usize]) {
                    Ok(result) => Ok(Woken { thread, result }),
                    Err(source) => {
                        let wait = self.waiting(thread).expect("every lane of the mask waits");
                        Err(Fault::ShuffleSource { site: self.site(thread, &wait), mask, lane: source })
                    }
                }
            })
            .collect();
        self.wake(results?, woken);
        Ok(())
    }

    fn wake(&mut self, threads: impl IntoIterator<Item = Woken>, woken: &mut Vec<Woken>) {
        for one in threads {
            self.states[one.thread] = State::Running;
            self.running += 1;
            woken.push(one);
        }
    }

    /// Only a running thread can end another thread's wait.
    fn check_progress(&self) -> Result<(), Fault> {
        if self.running > 0 || self.is_over() {
            return Ok(());
        }
        let (block, waiting, returned) = (self.block, self.waiters(), self.returned);
        let all_at_barrier = self.at_barrier + returned == self.states.len();
        Err(if all_at_barrier {
            Fault::BarrierAbandoned { block, waiting, returned }
        } else {
            Fault::Deadlock { block, waiting, returned }
        })
    }

    fn waiters(&self) -> Vec<Waiters> {
        let mut groups: Vec<Waiters> = Vec::new();
        for state in &self.states {
            let State::Waiting(wait) = state else {
                continue;
            };
            let here = |group: &&mut Waiters| group.location == wait.location && group.instruction == wait.name();
            match groups.iter_mut().find(here) {
                Some(group) => group.threads += 1,
                None => groups.push(Waiters { instruction: wait.name(), location: wait.location, threads: 1 }),
            }
        }
        groups
    }

    fn waiting(&self, thread: usize) -> Option<Wait> {
        match self.states.get(thread) {
            Some(State::Waiting(wait)) => Some(*wait),
            _ => None,
        }
    }

    fn warp_mates(&self, thread: usize) -> impl Iterator<Item = usize> + use<> {
        let first = thread - lane_of(thread) as usize;
        let end = self.states.len().min(first + WARP_SIZE as usize);
        (first..end).filter(move |&mate| mate != thread)
    }

    /// The other lanes that wait in a warp instruction whose mask names `thread`.
    fn warp_mates_waiting_for(&self, thread: usize) -> impl Iterator<Item = (usize, Wait)> {
        let lane = lane_of(thread);
        self.warp_mates(thread).filter_map(move |mate| {
            let wait = self.waiting(mate)?;
            let names_thread = matches!(wait.for_what, WaitFor::Warp { mask, .. } if mask & 1 << lane != 0);
            names_thread.then_some((mate, wait))
        })
    }

    /// `thread` waits in a warp instruction for `other`, which waits elsewhere.
    fn elsewhere(&self, thread: usize, wait: &Wait, other: usize, other_wait: &Wait) -> Fault {
        let mask = match wait.for_what {
            WaitFor::Warp { mask, .. } => mask,
            WaitFor::Barrier { .. } => unreachable!("only a warp instruction names lanes"),
        };
        Fault::LaneElsewhere { site: self.site(thread, wait), mask, other: self.site(other, other_wait) }
    }

    fn site(&self, thread: usize, wait: &Wait) -> Site {
        Site {
            block: self.block,
            thread: unravel(thread as u64, self.block_dim),
            instruction: wait.name(),
            location: wait.location,
        }
    }
}

fn lane_of(thread: usize) -> u32 {
    (thread % WARP_SIZE as usize) as u32
}

/// The position along x, y and z of number `linear`, counted along x first, then y, then z.
pub fn unravel(linear: u64, extents: [u32; 3]) -> [u32; 3] {
    let [x, y, _] = extents.map(u64::from);
    [linear % x, linear / x % y, linear / x / y].map(|index| index as u32)
}
