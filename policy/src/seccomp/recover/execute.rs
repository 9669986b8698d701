//! A filter run on every call at once.
//!
//! Jumps only go forward. So one pass from the start finds every state that an instruction can be met in
//! (what the registers hold that are still read, as functions of the call), and one pass from the end gives
//! each state its answer. Of the jumps that led to them the states know a few bits at most ([`Cube`]): a
//! state that no call reaches costs time, but no truth, for the jump before it never chooses it.

use super::answer::{Answer, has_data};
use super::cube::Cube;
use super::operation::{A, Operation, REGISTERS, Registers, Value, live};
use super::space::{FALSE, Space, TRUE};
use super::word::{self, Word};
use super::{Limit, Undecided};
use crate::lattice::diagram::arena::{Full, Place, Ref, Rooted};
use crate::plan::Instruction;
use std::collections::HashMap;

/// States that deciding one filter may take; compiled filters have one or two for each instruction.
pub(super) const STATES: usize = 1 << 16;

/// The answers of `program`, which the kernel would take, as filter `filter` of a stack.
pub(super) fn execute(program: &[Instruction], filter: u16) -> Result<Rooted<Answer>, Undecided> {
    let operations: Vec<_> =
        program.iter().enumerate().map(|(at, instruction)| Operation::of(at, *instruction)).collect();
    let full = |Full| Undecided { filter, at: 0, limit: Limit::Diagrams };
    let mut run = Run {
        space: Space::new().map_err(full)?,
        filter,
        live: live(&operations),
        words: vec![word::constant(0)],
        ids: HashMap::from([(word::constant(0), ZERO)]),
        ids_of_states: HashMap::new(),
        states: Vec::new(),
        waiting: vec![Vec::new(); operations.len()],
    };
    let at_instruction = |at| move |limit| Undecided { filter, at, limit };
    let root = run.enter(0, [ZERO; REGISTERS], Cube::default()).map_err(at_instruction(0))?;
    for (at, operation) in operations.iter().enumerate() {
        for position in 0..run.waiting[at].len() {
            run.step(at, *operation, run.waiting[at][position]).map_err(at_instruction(at))?;
        }
    }
    for at in (0..operations.len()).rev() {
        for position in 0..run.waiting[at].len() {
            run.conclude(run.waiting[at][position]).map_err(|Full| at_instruction(at)(Limit::Diagrams))?;
        }
    }
    let root = run.states[root].answer;
    run.space.finish(root).map_err(full)
}

/// A word, by its index among those met.
type WordId = u32;

/// The word that is 0: what registers hold at the start, and what stands for one that nobody reads any more.
const ZERO: WordId = 0;

/// Where a state goes on.
#[derive(Clone, Copy)]
enum Target {
    /// To this one, with these bits known.
    State(usize, Cube),
    Answer(Ref),
}

/// An instruction with what the registers hold there.
#[derive(Clone, Copy)]
struct State {
    registers: [WordId; REGISTERS],
    /// What is known on every way to it. Neither `condition` nor `answer` tests these bits.
    known: Cube,
    /// Where it goes where `condition` is true, and where not.
    condition: Ref,
    yes: Target,
    no: Target,
    /// Of the second pass.
    answer: Ref,
}

struct Run {
    space: Space,
    filter: u16,
    live: Vec<Registers>,
    words: Vec<Word>,
    ids: HashMap<Word, WordId>,
    ids_of_states: HashMap<(usize, [WordId; REGISTERS]), usize>,
    states: Vec<State>,
    /// States by instruction.
    waiting: Vec<Vec<usize>>,
}

impl From<Full> for Limit {
    fn from(_: Full) -> Limit {
        Limit::Diagrams
    }
}

impl Run {
    /// The state in which `at` is met with these registers, on a way on which these bits are known.
    fn enter(&mut self, at: usize, registers: [WordId; REGISTERS], known: Cube) -> Result<usize, Limit> {
        let live = self.live[at];
        let registers: [WordId; REGISTERS] =
            std::array::from_fn(|index| if live.contains(index) { registers[index] } else { ZERO });
        if let Some(id) = self.ids_of_states.get(&(at, registers)) {
            let state = &mut self.states[*id];
            state.known = state.known.common(known);
            return Ok(*id);
        }
        if self.states.len() == STATES {
            return Err(Limit::States);
        }
        let id = self.states.len();
        let end = Target::Answer(FALSE);
        self.states.push(State { registers, known, condition: TRUE, yes: end, no: end, answer: FALSE });
        self.ids_of_states.insert((at, registers), id);
        self.waiting[at].push(id);
        Ok(id)
    }

    /// One instruction in one state. Every way to the state is known by now.
    fn step(&mut self, at: usize, operation: Operation, state: usize) -> Result<(), Limit> {
        let State { mut registers, known, .. } = self.states[state];
        let go = |run: &mut Run, at, registers, known| {
            run.enter(at, registers, known).map(|state| Target::State(state, known))
        };
        let end = Target::Answer(FALSE);
        let (condition, yes, no) = match operation {
            Operation::Copy { to, from } => {
                registers[to] = self.value(from, &registers)?;
                (TRUE, go(self, at + 1, registers, known)?, end)
            }
            Operation::Compute { code, operand } => {
                let operand = self.word(operand, &registers)?;
                let (divides, kill) = if operation.divides_by_x() {
                    let zero = word::equal(&mut self.space, &operand, &word::constant(0))?;
                    let zero = known.cut(&mut self.space, zero, &Cube::default())?;
                    (self.space.not(zero)?, Target::Answer(self.answer(at, &word::constant(0))?))
                } else {
                    (TRUE, end)
                };
                let a = self.words[index(registers[A])];
                let made = word::compute(&mut self.space, code, &a, &operand)?;
                registers[A] = self.intern(made)?;
                (divides, go(self, at + 1, registers, known)?, kill)
            }
            Operation::Jump(target) => (TRUE, go(self, target, registers, known)?, end),
            Operation::Branch { code, operand, yes, no } => {
                let operand = self.word(operand, &registers)?;
                let a = self.words[index(registers[A])];
                let condition = word::compare(&mut self.space, code, &a, &operand)?;
                let condition = known.cut(&mut self.space, condition, &Cube::default())?;
                // A way that no call goes is not followed.
                match condition {
                    TRUE => (TRUE, go(self, yes, registers, known)?, end),
                    FALSE => (TRUE, go(self, no, registers, known)?, end),
                    _ => {
                        let [holds, fails] =
                            [true, false].map(|holds| known.with(&self.space, condition, holds));
                        (condition, go(self, yes, registers, holds)?, go(self, no, registers, fails)?)
                    }
                }
            }
            Operation::Return(value) => {
                let value = self.word(value, &registers)?;
                let answer = self.answer(at, &value)?;
                (TRUE, Target::Answer(known.cut(&mut self.space, answer, &Cube::default())?), end)
            }
        };
        let state = &mut self.states[state];
        (state.condition, state.yes, state.no) = (condition, yes, no);
        Ok(())
    }

    /// The answer of a state whose successors have theirs.
    fn conclude(&mut self, state: usize) -> Result<(), Full> {
        let State { condition, yes, no, .. } = self.states[state];
        let (yes, no) = (self.answer_of(yes)?, self.answer_of(no)?);
        self.states[state].answer = self.space.choose(condition, yes, no)?;
        Ok(())
    }

    fn answer_of(&mut self, target: Target) -> Result<Ref, Full> {
        match target {
            Target::State(state, known) => {
                let State { answer, known: there, .. } = self.states[state];
                known.cut(&mut self.space, answer, &there)
            }
            Target::Answer(answer) => Ok(answer),
        }
    }

    fn word(&mut self, value: Value, registers: &[WordId; REGISTERS]) -> Result<Word, Full> {
        match value {
            Value::Constant(k) => Ok(word::constant(k)),
            Value::Register(register) => Ok(self.words[index(registers[register])]),
            Value::Data(offset) => word::load(&mut self.space, offset),
        }
    }

    fn value(&mut self, value: Value, registers: &[WordId; REGISTERS]) -> Result<WordId, Limit> {
        match value {
            Value::Register(register) => Ok(registers[register]),
            other => {
                let word = self.word(other, registers)?;
                self.intern(word)
            }
        }
    }

    fn intern(&mut self, word: Word) -> Result<WordId, Limit> {
        if let Some(id) = self.ids.get(&word) {
            return Ok(*id);
        }
        // Bounded by the states: each instruction makes one word at most.
        let id = WordId::try_from(self.words.len()).map_err(|_| Limit::States)?;
        self.words.push(word);
        self.ids.insert(word, id);
        Ok(id)
    }

    /// What returning `word` answers.
    fn answer(&mut self, at: usize, word: &Word) -> Result<Ref, Limit> {
        self.answers(at, *word, &mut HashMap::new())
    }

    /// Follows the bits that the word hangs on, until it is one number as far as the kernel looks.
    fn answers(&mut self, at: usize, mut word: Word, done: &mut HashMap<Word, Ref>) -> Result<Ref, Limit> {
        let mut action = word::constant(0);
        action[16..].copy_from_slice(&word[16..]);
        if word::known(&action).is_some_and(|action| !has_data(action)) {
            word = action;
        }
        if let Some(value) = word::known(&word) {
            // A program has at most 4096 instructions.
            let at = u16::try_from(at).unwrap_or(u16::MAX);
            return Ok(self.space.answer(Answer::new(value, self.filter, at))?);
        }
        if let Some(known) = done.get(&word) {
            return Ok(*known);
        }
        self.space.count()?;
        let place: Place = word::first_tested(&self.space, &word);
        let (mut clear, mut set) = (word, word);
        for (bit, (clear, set)) in word.iter().zip(clear.iter_mut().zip(&mut set)) {
            (*clear, *set) = self.space.branches(*bit, place);
        }
        let clear = self.answers(at, clear, done)?;
        let set = self.answers(at, set, done)?;
        let made = self.space.test(place, clear, set)?;
        if done.len() == STATES {
            return Err(Limit::States);
        }
        done.insert(word, made);
        Ok(made)
    }
}

fn index(id: WordId) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}
