//! Labels of security modules. apparmor(7), selinux(8); proc_pid_attr(5).

use super::Read;
use crate::status::Verdict;
use stockade_observe::{ObserveError, Task};
use stockade_policy::oci::CONFINING;
use stockade_policy::policy::{Label, Lsm};

/// The label that a process shows against the one that is named.
type Compare = fn(&str, &str) -> bool;

/// Whether the process has the labels that its runtime was told to give it.
pub(super) fn verify(lsm: &Lsm, task: &Task) -> Read {
    // The directory of one module, 5.1: `current` alone is the first module's.
    let modules: [(_, _, Compare); 2] = [
        (&lsm.apparmor, "attr/apparmor/current", is_confined),
        (&lsm.selinux, "attr/current", |shown, named| shown == named),
    ];
    let mut verdict = Verdict::Exact;
    for (label, file, is) in modules {
        let Some(label) = label else { continue };
        let Label::Name(name) = &label.value else { continue };
        let one = match task.read(file) {
            Ok(shown) => {
                let shown = String::from_utf8_lossy(&shown);
                let shown = shown.trim_end_matches(['\n', '\0']);
                if is(shown, name) {
                    Verdict::Exact
                } else {
                    Verdict::looser(format!("the label is `{shown}`"))
                }
            }
            Err(error @ ObserveError::Vanished { .. }) => return Err(error),
            Err(error) => Verdict::not_visible(error.to_string()),
        };
        verdict = verdict.and(one);
    }
    Ok((verdict, String::new()))
}

/// AppArmor says the mode behind the name: one that only complains denies nothing. Of a stack (`a//&b`), all parts of
/// which confine, more may be there than is named; where their modes differ, it says `mixed`.
fn is_confined(shown: &str, name: &str) -> bool {
    let Some((label, mode)) = shown.strip_suffix(')').and_then(|shown| shown.rsplit_once(" (")) else {
        return false;
    };
    CONFINING.contains(&mode) && name.split("//&").all(|part| label.split("//&").any(|worn| worn == part))
}

#[cfg(test)]
mod tests {
    use super::is_confined;

    #[test]
    fn a_profile_that_complains_confines_nothing() {
        for shown in ["docker-default (enforce)", "docker-default (kill)", "a//&docker-default (enforce)"] {
            assert!(is_confined(shown, "docker-default"), "{shown}");
        }
        assert!(is_confined("b//&a (enforce)", "a//&b") && !is_confined("a (enforce)", "a//&b"));
        for shown in [
            "docker-default (complain)",
            "a//&docker-default (mixed)",
            "docker-default",
            "unconfined",
            "docker-default-2 (enforce)",
            "",
        ] {
            assert!(!is_confined(shown, "docker-default"), "{shown}");
        }
    }
}
