//! Parameters of the running kernel's system calls: `events/syscalls/sys_enter_*/format` of tracefs.

use super::stdout;
use crate::error::Error;
use std::collections::BTreeMap;
use std::process::Command;

/// Mounts tracefs where nobody else sees it, and prints every format.
const SCRIPT: &str = r#"mount -t tracefs none "$0" && cat "$0"/events/syscalls/sys_enter_*/format"#;

/// Declarations (`int dfd`) by the name that SYSCALL_DEFINE gave. Needs root.
pub(super) fn declarations() -> Result<BTreeMap<String, Vec<String>>, Error> {
    let at = std::env::temp_dir();
    let text = stdout(Command::new("unshare").args(["--mount", "sh", "-c", SCRIPT]).arg(at))?;
    Ok(parse(&text))
}

/// The kernel's release, for the heading.
pub(super) fn release() -> Result<String, Error> {
    let release = stdout(Command::new("uname").arg("-r"))?;
    Ok(release.trim().split('.').take(2).collect::<Vec<_>>().join("."))
}

fn parse(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut current: Option<&mut Vec<String>> = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("name: sys_enter_") {
            current = Some(found.entry(name.to_owned()).or_default());
        } else if let (Some(list), Some(field)) = (current.as_mut(), line.trim().strip_prefix("field:"))
            && let Some((declaration, _)) = field.split_once(';')
            && !declaration.contains("common_")
            && !declaration.ends_with("__syscall_nr")
        {
            list.push(declaration.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_format_gives_its_fields() {
        let text = "name: sys_enter_close\nID: 7\nformat:\n\tfield:int common_pid;\toffset:4;\n\n\t\
                    field:int __syscall_nr;\toffset:8;\n\tfield:unsigned int fd;\toffset:16;\n";
        let found = super::parse(text);
        assert_eq!(found["close"], ["unsigned int fd"]);
    }
}
