//! Where a comparison of whole registers lets through what the kernel then reads otherwise.

use crate::lattice::action::Action;
use crate::lattice::diagram::{Diagram, Node};
use crate::lattice::syscalls::Syscalls;
use crate::vocab::parameters::parameters;
use crate::vocab::{Arch, syscalls};
use crate::write::constants::name;
use serde::{Serialize, Serializer};
use std::fmt;

/// A register whose upper bits make a difference to the filter and none to the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hole {
    /// The call.
    pub call: &'static str,
    /// Interfaces that have it.
    pub interfaces: Vec<Arch>,
    /// The parameter.
    pub parameter: &'static str,
    /// Its register, from 0.
    pub register: u8,
    /// Registers that are let through.
    #[serde(serialize_with = "hexadecimal")]
    pub arguments: [u64; 6],
    /// What they get.
    pub answer: Action,
    /// What the kernel reads of the register.
    pub read: u64,
    /// What the headers call that.
    pub constant: Option<&'static str>,
    /// What the register gets when it holds that and nothing more.
    pub otherwise: Action,
    /// Whether the kernel is known to read it so; else it may.
    pub certain: bool,
}

/// Numbers of 64 bits are more than JSON's readers keep.
fn hexadecimal<S: Serializer>(arguments: &[u64; 6], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(arguments.iter().map(|argument| format!("{argument:#x}")))
}

impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.arguments.iter().rposition(|value| *value != 0).map_or(1, |last| last + 1);
        let count = count.max(usize::from(self.register) + 1);
        let shown: Vec<String> = self.arguments[..count].iter().map(|value| format!("{value:#x}")).collect();
        let reads = if self.certain { "reads" } else { "may read" };
        let interfaces: Vec<&str> = self.interfaces.iter().map(|arch| arch.name()).collect();
        write!(
            f,
            "{}({}) gets {} on {} and the kernel {reads} {} = {:#x}{}, which alone gets {}",
            self.call,
            shown.join(", "),
            self.answer,
            interfaces.join(", "),
            self.parameter,
            self.read,
            self.constant.map(|name| format!(" {name}")).unwrap_or_default(),
            self.otherwise
        )
    }
}

/// Every call and register of which wider values are let through than the one that the kernel reads.
pub(super) fn find(policy: &Syscalls, interfaces: &[Arch]) -> Vec<Hole> {
    let mut holes: Vec<Hole> = Vec::new();
    for arch in interfaces {
        for (number, call) in syscalls::table(*arch) {
            for hole in of_call(*arch, call, policy.table(*arch).diagram(*number)) {
                let same = |known: &&mut Hole| {
                    Hole { interfaces: hole.interfaces.clone(), ..(**known).clone() } == hole
                };
                match holes.iter_mut().find(same) {
                    Some(known) => known.interfaces.push(*arch),
                    None => holes.push(hole),
                }
            }
        }
    }
    holes.sort_by_key(|hole| (hole.call, hole.register));
    holes
}

fn of_call(arch: Arch, call: &'static str, diagram: &Diagram) -> Vec<Hole> {
    let tested = |register: u8| {
        let tests = |node: &Node| matches!(node, Node::Test { argument, .. } if *argument == register);
        diagram.nodes().iter().any(tests)
    };
    let list = parameters(arch, call).unwrap_or_default();
    let mut holes = Vec::new();
    for (register, parameter) in (0_u8..6).zip(list).filter(|(register, _)| tested(*register)) {
        // Where the width is not known the kernel may look at the low half alone.
        let width = parameter.width.map_or(u64::from(u32::MAX), |width| width.bits());
        let seen = width & parameter.bits;
        let alone = diagram.cut(register, seen);
        let Some(arguments) = diagram.find(&alone, |wide, seen| wide.action.class() > seen.action.class())
        else {
            continue;
        };
        let read = arguments[usize::from(register)] & seen;
        holes.push(Hole {
            call,
            interfaces: vec![arch],
            parameter: parameter.name,
            register,
            arguments,
            answer: diagram.decide(&arguments).action,
            read,
            constant: name(call, register, read),
            otherwise: alone.decide(&arguments).action,
            certain: parameter.width.is_some(),
        });
    }
    holes
}
