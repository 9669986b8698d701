//! Prototypes of the kernel's own headers, for the calls that the running kernel does not trace:
//! `include/linux/syscalls.h` and `arch/arm/include/asm/syscalls.h` of Debian's package of headers.

use super::stdout;
use crate::error::Error;
use crate::places;
use std::collections::BTreeMap;
use std::process::Command;

/// The package; any kernel from 5.1 on (time64) will do, tracefs has the newer calls.
const PACKAGE: &str = "linux-headers-6.12";

/// Declarations by the name after `sys_`; the names of parameters are often left out.
pub(super) struct Prototypes {
    /// The package and its version.
    pub(super) source: String,
    /// The declarations.
    pub(super) declarations: BTreeMap<String, Vec<String>>,
}

/// Downloads and unpacks the headers in a scratch folder, which is removed.
pub(super) fn read() -> Result<Prototypes, Error> {
    let pattern = format!("^{PACKAGE}.*-common$");
    let names = stdout(Command::new("apt-cache").args(["search", "--names-only", &pattern]))?;
    let package = names
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .max()
        .ok_or_else(|| Error::Tables(format!("no package {PACKAGE}*-common; run apt-get update")))?
        .to_owned();
    let folder = super::scratch()?;
    let scratch = folder.path();
    let script = r#"cd "$0" && apt-get download "$1" && dpkg -x ./*.deb ."#;
    stdout(Command::new("sh").args(["-c", script]).arg(scratch).arg(&package))?;
    let mut declarations = BTreeMap::new();
    for header in ["include/linux/syscalls.h", "arch/arm/include/asm/syscalls.h"] {
        let path = scratch.join("usr/src").join(&package).join(header);
        for (name, list) in parse(&places::read(&path)?) {
            declarations.entry(name).or_insert(list);
        }
    }
    Ok(Prototypes { source: package, declarations })
}

/// `asmlinkage long sys_NAME(TYPES);`, over several lines. Of alternatives the last one counts, which
/// for `clone` is the generic order.
fn parse(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for part in text.split("asmlinkage long sys_").skip(1) {
        if let Some((name, rest)) = part.split_once('(')
            && let Some((list, _)) = rest.split_once(");")
        {
            let list = list.split(',').map(declaration).filter(|one| one != "void").collect();
            found.insert(name.to_owned(), list);
        }
    }
    found
}

/// One declaration on one line, without the kernel's annotations.
fn declaration(text: &str) -> String {
    let words = text.replace('*', " * ");
    let words = words.split_whitespace().filter(|word| !matches!(*word, "__user" | "__force"));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_prototype_gives_its_declarations() {
        let text = "asmlinkage long sys_old_mmap(struct mmap_arg_struct __user *arg);\n\
                    asmlinkage long sys_getuid16(void);\nasmlinkage long sys_socket(int, int,\n\t\tint);\n";
        let found = super::parse(text);
        assert_eq!(found["old_mmap"], ["struct mmap_arg_struct * arg"]);
        assert!(found["getuid16"].is_empty());
        assert_eq!(found["socket"], ["int", "int", "int"]);
    }
}
