//! How many instructions a filter executes of a call.

use crate::agreement::arguments;
use crate::compilers::{Inputs, Scope};
use std::collections::BTreeMap;
use stockade_policy::plan::Instruction;
use stockade_policy::seccomp::interpret::{Event, Program};
use stockade_policy::vocab::arch::X32_BIT;
use stockade_policy::vocab::{Arch, syscalls};

/// Calls that five programs made, by program.
const MIX: &str = include_str!("../../policy/data/syscall-mix.json");

/// Instructions executed, the return included.
pub(crate) struct Executed {
    /// Mean over the named calls of x86_64.
    pub(crate) uniform: f64,
    /// The most, over the named calls of every interface of the filter.
    pub(crate) worst: usize,
    /// Mean over the calls of the five programs, each program weighted alike.
    pub(crate) mix: f64,
}

/// What `program` executes.
pub(crate) fn executed(inputs: &Inputs, scope: Scope, program: &[Instruction]) -> Executed {
    let program = Program::new(program).unwrap();
    let steps = |arch: Arch| -> BTreeMap<&str, usize> {
        let table = syscalls::table(arch).iter();
        table.map(|(number, name)| (*name, longest(inputs, arch, *number, &program))).collect()
    };
    let native = steps(Arch::X86_64);
    let worst = scope.interfaces().iter().flat_map(|arch| steps(*arch).into_values()).max().unwrap();
    let programs: BTreeMap<String, BTreeMap<String, f64>> = serde_json::from_str(MIX).unwrap();
    let means: Vec<f64> = programs
        .values()
        .map(|calls| {
            let executed = calls.iter().map(|(name, count)| count * float(native[name.as_str()]));
            executed.sum::<f64>() / calls.values().sum::<f64>()
        })
        .collect();
    Executed {
        uniform: native.values().copied().map(float).sum::<f64>() / float(native.len()),
        worst,
        mix: means.iter().sum::<f64>() / float(means.len()),
    }
}

/// The longest path of a call: over arguments on both sides of every test that the policy makes.
fn longest(inputs: &Inputs, arch: Arch, number: u32, program: &Program<'_>) -> usize {
    let nr = if arch == Arch::X32 { number | X32_BIT } else { number };
    arguments(inputs.three.table(arch).diagram(number))
        .into_iter()
        .map(|arguments| {
            program.run(&Event { number: nr, arch: arch.audit(), instruction_pointer: 0, arguments }).steps
        })
        .max()
        .unwrap()
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}
