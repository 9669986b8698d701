//! Every filter of every thread, byte for byte.

use super::{Read, Tracing};
use crate::status::Verdict;
use crate::sys::filters::{self, FilterError, Program};
use stockade_observe::status::SeccompMode;
use stockade_observe::{ObserveError, Task};
use stockade_policy::plan::{Instruction, Seccomp};
use stockade_policy::seccomp::flags::LOG;
use stockade_policy::seccomp::recover::{recover, recover_all};
use stockade_policy::vocab::Arch;

/// Rounds of looking for threads that started meanwhile.
const ROUNDS: usize = 8;

/// Reads all threads, until a round finds no new one.
///
/// The second answer: whether every thread wears the plan's own filter, byte for byte, and not only one that decides alike.
pub(super) fn verify(plan: Option<&Seccomp>, arch: Arch, task: &Task, tracing: Tracing) -> (Read, bool) {
    let mut worn = plan.is_some();
    let read = all(plan, arch, task, tracing, &mut worn);
    (read, worn)
}

fn all(plan: Option<&Seccomp>, arch: Arch, task: &Task, tracing: Tracing, worn: &mut bool) -> Read {
    let mut read: Vec<u32> = Vec::new();
    let mut verdict = Verdict::Exact;
    let mut most = 0;
    for round in 0.. {
        let new: Vec<_> = task.threads()?.into_iter().filter(|one| !read.contains(&one.pid())).collect();
        if new.is_empty() {
            break;
        }
        if round == ROUNDS {
            verdict = verdict.and(Verdict::not_visible("threads start faster than they can be read"));
            break;
        }
        for thread in new {
            read.push(thread.pid());
            match one(plan, arch, &thread, tracing) {
                Ok((of_this, count, wears)) => {
                    *worn &= wears;
                    most = most.max(count);
                    if of_this != verdict {
                        let name = format!("thread {}", thread.pid());
                        verdict =
                            verdict.and(if thread.pid() == task.pid() { of_this } else { of_this.of(&name) });
                    }
                }
                Err(ObserveError::Vanished { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    if read.is_empty() {
        return Err(ObserveError::Vanished { pid: task.pid() });
    }
    Ok((verdict, format!("{} threads, at most {most} filters", read.len())))
}

fn one(
    plan: Option<&Seccomp>,
    arch: Arch,
    thread: &Task,
    tracing: Tracing,
) -> Result<(Verdict, u32, bool), ObserveError> {
    let mut wears = false;
    let status = thread.status()?;
    let count = status.seccomp_filters.unwrap_or(0);
    let mode = status.seccomp.unwrap_or(SeccompMode::Disabled);
    let verdict = match (plan, mode) {
        (None, SeccompMode::Disabled) => Verdict::Exact,
        (None, _) => Verdict::stricter("runs under seccomp, and the plan has no filter"),
        (Some(_), SeccompMode::Disabled) => Verdict::looser("runs without any filter"),
        (Some(_), SeccompMode::Strict) => Verdict::stricter("runs in strict mode"),
        (Some(plan), SeccompMode::Filter) => {
            let shown = match tracing {
                Tracing::Never => {
                    let why =
                        format!("has {count} filters; it is paused, and cannot be traced until it goes on");
                    return Ok((Verdict::not_visible(why), count, false));
                }
                Tracing::Attach => filters::filters(thread.pid()),
                Tracing::Stopped => filters::filters_of_stopped(thread.pid()),
            };
            match shown {
                Ok(shown) => {
                    wears = shown.contains(&plan.program);
                    compare(&plan.program, arch, &shown, count).and(logged(
                        plan,
                        &shown,
                        thread.pid(),
                        tracing,
                    )?)
                }
                Err(FilterError::Gone { tid }) => return Err(ObserveError::Vanished { pid: tid }),
                Err(error) => Verdict::not_visible(format!("has {count} filters; {error}")),
            }
        }
    };
    Ok((verdict, count, wears))
}

/// Whether the plan's filter logs what it should. Of all flags the kernel shows this one alone.
fn logged(plan: &Seccomp, shown: &[Program], tid: u32, tracing: Tracing) -> Result<Verdict, ObserveError> {
    let place = shown.iter().position(|program| *program == plan.program);
    let Some(place) = place.filter(|_| plan.flags & LOG != 0) else { return Ok(Verdict::Exact) };
    let flags = match tracing {
        Tracing::Never | Tracing::Attach => filters::shown_flags(tid, shown.len()),
        Tracing::Stopped => filters::shown_flags_of_stopped(tid, shown.len()),
    };
    match flags {
        Ok(flags) if flags.get(place).is_some_and(|flags| flags & u64::from(LOG) != 0) => Ok(Verdict::Exact),
        Ok(_) => Ok(Verdict::looser("its filter does not log what it denies")),
        Err(FilterError::Gone { tid }) => Err(ObserveError::Vanished { pid: tid }),
        Err(error) => Ok(Verdict::not_visible(format!("whether its filter logs is not shown: {error}"))),
    }
}

/// Filters only add up: the kernel takes the strictest answer of all. So the plan's among others is
/// stricter, and without it nothing is known of the rest.
fn compare(plan: &[Instruction], arch: Arch, shown: &[Program], count: u32) -> Verdict {
    if !shown.iter().any(|program| program == plan) {
        if u32::try_from(shown.len()) == Ok(count) && is_no_looser(plan, arch, shown) {
            return Verdict::stricter(
                "its filters are no looser than the plan's, which another compiler made",
            );
        }
        let nearest = shown.last().and_then(|program| difference(plan, program));
        let where_ = nearest
            .map_or_else(String::new, |index| format!("; the newest differs from instruction {index}"));
        return Verdict::looser(format!("none of its {} filters is the plan's{where_}", shown.len()));
    }
    if u32::try_from(shown.len()) != Ok(count) && count != 0 {
        return Verdict::stricter(format!("{} filters were read, {count} are counted", shown.len()));
    }
    match shown.len() {
        1 => Verdict::Exact,
        more => Verdict::stricter(format!("{} filters beside the plan's", more - 1)),
    }
}

/// Whether filters that are not the plan's own deny whatever that denies: runc has libseccomp compile them. Decided on
/// every call, not sampled; `false` where it cannot be decided.
fn is_no_looser(plan: &[Instruction], arch: Arch, shown: &[Program]) -> bool {
    let Ok((plan, shown)) = recover(plan, arch).and_then(|plan| Ok((plan, recover_all(shown, arch)?))) else {
        return false;
    };
    // Where the position of the call matters, what was recovered is the strictest of several answers. What is said of
    // other families' numbers no kernel ever asks.
    shown.instruction_pointer.is_none() && shown.syscalls.looser_in_class(&plan.syscalls).is_empty()
}

fn difference(plan: &[Instruction], program: &[Instruction]) -> Option<usize> {
    let first = plan.iter().zip(program).position(|(left, right)| left != right);
    first.or_else(|| (plan.len() != program.len()).then(|| plan.len().min(program.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_add_up() {
        let (ours, other) = (vec![Instruction(6, 0, 0, 1)], vec![Instruction(6, 0, 0, 0x7fff_0000)]);
        assert_eq!(compare(&ours, Arch::X86_64, std::slice::from_ref(&ours), 1), Verdict::Exact);
        for shown in [vec![ours.clone(), other.clone()], vec![other.clone(), ours.clone()]] {
            assert!(matches!(compare(&ours, Arch::X86_64, &shown, 2), Verdict::Stricter { .. }));
        }
        let expected =
            Verdict::looser("none of its 1 filters is the plan's; the newest differs from instruction 0");
        assert_eq!(compare(&ours, Arch::X86_64, &[other], 1), expected);
        assert!(matches!(compare(&ours, Arch::X86_64, &[], 0), Verdict::Looser { .. }));
    }

    #[test]
    fn filters_of_another_compiler_are_compared_by_what_they_decide() {
        /// `struct seccomp_data`: nr.
        const LOAD: Instruction = Instruction(0x20, 0, 0, 0);
        let answer = |action: u32| Instruction(6, 0, 0, action);
        let (deny, allow) = (answer(0x0005_0001), answer(0x7fff_0000));
        let one_call = |number| vec![LOAD, Instruction(0x15, 1, 0, number), allow, deny];
        let plan = one_call(101);
        // The same, turned around and with another errno; more denied; something else denied.
        let turned = vec![LOAD, Instruction(0x15, 0, 1, 101), answer(0x0005_0026), allow];
        let more = vec![LOAD, Instruction(0x35, 1, 0, 100), allow, deny];
        for shown in [turned, more] {
            let verdict = compare(&plan, Arch::X86_64, &[shown], 1);
            assert!(matches!(verdict, Verdict::Stricter { .. }), "{verdict}");
        }
        for shown in [one_call(102), vec![allow]] {
            let verdict = compare(&plan, Arch::X86_64, &[shown], 1);
            assert!(matches!(verdict, Verdict::Looser { .. }), "{verdict}");
        }
        // One that was not read could be any.
        let verdict = compare(&plan, Arch::X86_64, &[vec![deny]], 2);
        assert!(matches!(verdict, Verdict::Looser { .. }), "{verdict}");
    }
}
