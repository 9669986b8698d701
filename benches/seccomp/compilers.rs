//! Who compiles, and from what.

use crate::docker::docker;
use crate::docker_json::{Comparison, Docker};
use crate::world;
use libseccomp::{ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};
use rustix::fs::{MemfdFlags, memfd_create};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek};
use stockade_libseccomp::Search;
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::Decision;
use stockade_policy::lattice::syscalls::Syscalls;
use stockade_policy::origin::Origins;
use stockade_policy::plan::Instruction;
use stockade_policy::seccomp::{self, Weights};
use stockade_policy::vocab::Arch;

/// The interfaces that a filter is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// x86_64; others are killed.
    Native,
    /// What Docker lists: x86_64, i386 and x32.
    Three,
}

impl Scope {
    pub(crate) fn name(self) -> &'static str {
        if self == Scope::Native { "native" } else { "three" }
    }

    pub(crate) fn named(name: &str) -> Scope {
        if name == Scope::Native.name() { Scope::Native } else { Scope::Three }
    }

    pub(crate) fn shown(self) -> &'static str {
        if self == Scope::Native { "x86_64" } else { "x86_64, i386, x32" }
    }

    pub(crate) fn interfaces(self) -> &'static [Arch] {
        if self == Scope::Native { &[Arch::X86_64] } else { Arch::X86_64.family() }
    }

    /// As `config.json` lists them.
    pub(crate) fn architectures(self) -> &'static [&'static str] {
        let all = &["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"];
        if self == Scope::Native { &all[..1] } else { all }
    }
}

/// Who compiles.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compiler {
    /// `seccomp::compile`, from the resolved policy.
    Stockade,
    /// The same, where every call is made as often as any other.
    Uniform,
    /// libseccomp as runtimes use it: Docker's rules by name, on all interfaces at once, and the export.
    Linear,
    /// The same with `CTL_OPTIMIZE` 2.
    Tree,
    /// `--backend libseccomp`, from the resolved policy.
    Backend,
}

impl Compiler {
    pub(crate) const ALL: [Compiler; 5] =
        [Compiler::Stockade, Compiler::Uniform, Compiler::Linear, Compiler::Tree, Compiler::Backend];

    /// What it is called in the table and on the command line.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Compiler::Stockade => ("stockade", "stockade"),
            Compiler::Uniform => ("stockade, uniform weights", "uniform"),
            Compiler::Linear => ("libseccomp, linear", "linear"),
            Compiler::Tree => (crate::TREE, "tree"),
            Compiler::Backend => ("`--backend libseccomp`", "backend"),
        }
    }

    pub(crate) fn shown(self) -> &'static str {
        self.names().0
    }

    pub(crate) fn name(self) -> &'static str {
        self.names().1
    }

    pub(crate) fn named(name: &str) -> Compiler {
        Compiler::ALL.into_iter().find(|compiler| compiler.name() == name).unwrap()
    }
}

/// What is ready before the clock runs.
pub(crate) struct Inputs {
    /// Docker's rules.
    pub(crate) docker: Docker,
    rules: Vec<(ScmpAction, ScmpSyscall, Vec<ScmpArgCompare>)>,
    /// The profile `docker-default`.
    pub(crate) three: Syscalls,
    /// The same on x86_64; the other interfaces killed.
    native: Syscalls,
}

impl Inputs {
    pub(crate) fn read() -> Inputs {
        let docker = docker();
        let mut rules = Vec::new();
        for call in docker.calls() {
            // Runtimes leave out what libseccomp does not know.
            let Ok(number) = ScmpSyscall::from_name(call) else { continue };
            for entry in docker.entries(call) {
                let comparisons = entry.comparisons.iter().map(comparison).collect();
                rules.push((action(entry.action), number, comparisons));
            }
        }
        // An action that is the default is no rule.
        rules.retain(|(action, ..)| *action != DEFAULT);
        let three = world::policy("docker-default").syscalls;
        let killed = Decision { action: Action::KillProcess, origins: Origins::new() };
        let table = three.table(Arch::X86_64).clone();
        let native = Syscalls::new(BTreeMap::from([(Arch::X86_64, table)]), &killed);
        Inputs { docker, rules, three, native }
    }
}

/// Docker's default action.
const DEFAULT: ScmpAction = ScmpAction::Errno(1);

fn action(action: Action) -> ScmpAction {
    match action {
        Action::Allow => ScmpAction::Allow,
        Action::Errno(errno) => ScmpAction::Errno(i32::from(errno)),
        other => panic!("Docker's profile has no {other}"),
    }
}

fn comparison(one: &Comparison) -> ScmpArgCompare {
    match one.op.parse().unwrap() {
        ScmpCompareOp::MaskedEqual(_) => {
            ScmpArgCompare::new(u32::from(one.index), ScmpCompareOp::MaskedEqual(one.value), one.value_two)
        }
        operator => ScmpArgCompare::new(u32::from(one.index), operator, one.value),
    }
}

/// Compiles once. Its own function, so that callgrind can tell it from what prepares it.
#[inline(never)]
pub(crate) fn compiled_once(inputs: &Inputs, compiler: Compiler, scope: Scope) -> Vec<Instruction> {
    let policy = if scope == Scope::Native { &inputs.native } else { &inputs.three };
    match compiler {
        Compiler::Stockade => seccomp::compile(policy, Arch::X86_64).unwrap(),
        Compiler::Uniform => seccomp::compile_for(policy, Arch::X86_64, Weights::Uniform).unwrap(),
        Compiler::Linear => by_name(inputs, scope, 1),
        Compiler::Tree => by_name(inputs, scope, 2),
        Compiler::Backend => stockade_libseccomp::compile(policy, Arch::X86_64, Search::Tree).unwrap(),
    }
}

fn by_name(inputs: &Inputs, scope: Scope, optimize: u32) -> Vec<Instruction> {
    let mut context = ScmpFilterContext::new(DEFAULT).unwrap();
    context.set_ctl_optimize(optimize).unwrap();
    if scope == Scope::Three {
        context.add_arch(ScmpArch::X86).unwrap().add_arch(ScmpArch::X32).unwrap();
    }
    for (action, number, comparisons) in &inputs.rules {
        context.add_rule_conditional(*action, *number, comparisons).unwrap();
    }
    let mut file = File::from(memfd_create("filter", MemfdFlags::CLOEXEC).unwrap());
    context.export_bpf(&file).unwrap();
    file.rewind().unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    let (instructions, _) = bytes.as_chunks::<8>();
    let instruction = |[code, more, yes, no, k @ ..]: &[u8; 8]| {
        Instruction(u16::from_le_bytes([*code, *more]), *yes, *no, u32::from_le_bytes(*k))
    };
    instructions.iter().map(instruction).collect()
}
