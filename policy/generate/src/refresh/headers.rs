//! Constants of Debian's headers, evaluated by the compiler: what the bindings of `linux-raw-sys` do not
//! cover (enums of bpf.h, keyctl.h, personality.h, the socket types of libc …).

use super::{output, stdout};
use crate::error::Error;
use crate::{places, tsv};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The three interfaces that one x86 compiler speaks, in the order of the tables.
const MODELS: [&str; 3] = ["-m64", "-m32", "-mx32"];

/// Which architectures a header's values hold for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// A kernel header without a part of its own for an architecture.
    Kernel,
    /// A kernel header of x86.
    X86,
    /// A header of libc whose values are the same on every architecture of ours.
    Libc,
}

/// Values of one name: for x86_64, i386 and x32, and whether they hold for the ARM interfaces too.
pub(super) struct Values {
    /// By the order of the tables.
    pub(super) x86: [Option<u64>; 3],
    /// The same everywhere: no size of a long, a pointer or an alignment goes into it.
    pub(super) everywhere: bool,
}

/// The version of the headers, for the heading.
pub(super) fn version() -> Result<String, Error> {
    let args = ["-W", "-f", "${Version}", "linux-libc-dev:amd64"];
    Ok(format!("linux-libc-dev {}", stdout(Command::new("dpkg-query").args(args))?))
}

/// Every constant of the headers in `constant-headers.tsv` that `wanted` takes.
pub(super) fn constants(wanted: &dyn Fn(&str) -> bool) -> Result<BTreeMap<String, Values>, Error> {
    let folder = super::scratch()?;
    let scratch = folder.path();
    // libc's headers ask for a list of stubs that only its 32-bit packages bring; it declares nothing.
    for stubs in ["gnu/stubs-32.h", "gnu/stubs-x32.h"] {
        places::write(&scratch.join(stubs), "")?;
    }
    let mut found = BTreeMap::new();
    for row in tsv::data("constant-headers.tsv")? {
        let reach = match row.cell(1)? {
            "kernel" => Reach::Kernel,
            "x86" => Reach::X86,
            "libc" => Reach::Libc,
            other => return Err(row.wrong(format!("`{other}` is none of kernel, x86, libc"))),
        };
        let header = Header { name: row.cell(0)?.to_owned(), reach, scratch: scratch.to_owned() };
        for (name, values) in header.constants(wanted)? {
            found.entry(name).or_insert(values);
        }
    }
    Ok(found)
}

/// One header, and where its trial sources are written.
struct Header {
    name: String,
    reach: Reach,
    scratch: PathBuf,
}

impl Header {
    fn constants(&self, wanted: &dyn Fn(&str) -> bool) -> Result<BTreeMap<String, Values>, Error> {
        let models = if self.reach == Reach::Libc { &MODELS[..1] } else { &MODELS[..] };
        let mut found: BTreeMap<String, ([Option<u64>; 3], bool)> = BTreeMap::new();
        for (index, model) in models.iter().enumerate() {
            let defined = self.names(model)?;
            let names: Vec<String> = defined.keys().filter(|name| wanted(name)).cloned().collect();
            let names = self.evaluable(model, names)?;
            for (name, value) in names.iter().zip(self.evaluate(model, &names)?) {
                let entry = found.entry(name.clone()).or_default();
                entry.0[index] = Some(value);
                entry.1 |= defined.get(name).is_some_and(|special| *special);
            }
        }
        Ok(found.into_iter().map(|(name, (x86, special))| (name, self.values(x86, special))).collect())
    }

    fn values(&self, x86: [Option<u64>; 3], special: bool) -> Values {
        let same = x86[0].is_some() && x86.iter().all(|one| *one == x86[0]);
        match self.reach {
            Reach::Libc => Values { x86: [x86[0]; 3], everywhere: true },
            Reach::X86 => Values { x86, everywhere: false },
            Reach::Kernel => Values { x86, everywhere: same && !special },
        }
    }

    /// Includes the header, and what it forgets to include itself.
    fn prologue(&self) -> String {
        match self.reach {
            Reach::Libc => format!("#include <{}>\n", self.name),
            _ => format!(
                "typedef __SIZE_TYPE__ size_t;\n#include <linux/types.h>\n#include <linux/ioctl.h>\n#include <{}>\n",
                self.name
            ),
        }
    }

    fn compiler(&self, model: &str) -> Command {
        let mut gcc = Command::new("gcc");
        gcc.args([
            model,
            "-x",
            "c",
            "-ffreestanding",
            "-w",
            "-fmax-errors=0",
            "-I/usr/include/x86_64-linux-gnu",
        ]);
        gcc.arg("-I").arg(&self.scratch);
        gcc
    }

    fn file(&self, text: &str) -> Result<PathBuf, Error> {
        let path = self.scratch.join("trial.c");
        places::write(&path, text)?;
        Ok(path)
    }

    /// Macros without parameters, and enumerators; `true` for those that a file of an architecture
    /// (asm, asm-generic, bits) defines.
    fn names(&self, model: &str) -> Result<BTreeMap<String, bool>, Error> {
        let source = self.file(&self.prologue())?;
        let macros = stdout(self.compiler(model).args(["-E", "-dD"]).arg(&source))?;
        let expanded = stdout(self.compiler(model).args(["-E", "-P"]).arg(&source))?;
        let mut found: BTreeMap<String, bool> =
            enumerators(&expanded).into_iter().map(|name| (name, false)).collect();
        let mut file = "";
        for line in macros.lines() {
            if let Some(marker) = line.strip_prefix("# ") {
                file = marker.split('"').nth(1).unwrap_or_default();
            } else if let Some(name) = line.strip_prefix("#define ").and_then(|rest| rest.split(' ').next())
                && !name.contains('(')
            {
                found.insert(name.to_owned(), !file.contains("/linux/"));
            }
        }
        Ok(found)
    }

    /// The names that are integer constants: the compiler complains about the lines of the others. It
    /// complains once about a missing identifier, so this is repeated until it has nothing to say.
    fn evaluable(&self, model: &str, mut names: Vec<String>) -> Result<Vec<String>, Error> {
        let prologue = self.prologue();
        let first = prologue.lines().count() + 1;
        loop {
            let source = self.file(&(prologue.clone() + &declarations(&names)))?;
            let done = output(self.compiler(model).arg("-fsyntax-only").arg(&source))?;
            let errors = String::from_utf8_lossy(&done.stderr).into_owned();
            let bad: BTreeSet<usize> = errors
                .lines()
                .filter_map(|line| {
                    line.split_once("trial.c:")?
                        .1
                        .split(':')
                        .next()?
                        .parse::<usize>()
                        .ok()?
                        .checked_sub(first)
                })
                .collect();
            if bad.is_empty() {
                return Ok(names);
            }
            let mut index = 0..;
            names.retain(|_| !index.next().is_some_and(|index| bad.contains(&index)));
        }
    }

    fn evaluate(&self, model: &str, names: &[String]) -> Result<Vec<u64>, Error> {
        let source = self.file(&(self.prologue() + &declarations(names)))?;
        let [object, raw] = ["trial.o", "trial.bin"].map(|name| self.scratch.join(name));
        stdout(self.compiler(model).args(["-fno-toplevel-reorder", "-c", "-o"]).arg(&object).arg(&source))?;
        stdout(
            Command::new("objcopy").args(["-O", "binary", "--only-section=values"]).arg(&object).arg(&raw),
        )?;
        let bytes = if names.is_empty() { Vec::new() } else { read_bytes(&raw)? };
        let values: Vec<u64> =
            bytes.chunks_exact(8).filter_map(|word| word.try_into().ok()).map(u64::from_le_bytes).collect();
        if values.len() == names.len() {
            return Ok(values);
        }
        let problem = format!("{} values of {} names", values.len(), names.len());
        Err(Error::Command { command: format!("gcc {model} on {}", self.name), problem })
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// One variable a line, in a section of their own; `| 0` turns away strings and pointers.
fn declarations(names: &[String]) -> String {
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        text += &format!(
            "__attribute__((section(\"values\"), used)) const unsigned long long v{index} = (unsigned long long)(({name}) | 0);\n"
        );
    }
    text
}

/// The names in `enum x { A, B = 2, … }`.
fn enumerators(text: &str) -> Vec<String> {
    let bodies = text.split("enum").skip(1).filter_map(|rest| {
        let (head, rest) = rest.split_once('{')?;
        let is_definition = head.chars().all(|c| c.is_whitespace() || c.is_ascii_alphanumeric() || c == '_');
        is_definition.then(|| rest.split('}').next().unwrap_or_default())
    });
    bodies
        .flat_map(|body| body.split(','))
        .filter_map(|one| one.split('=').next())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn enumerators_are_found() {
        let text =
            "enum bpf_cmd { BPF_MAP_CREATE, BPF_PROG_LOAD = 5, };\nenum x f(void); enum { A = (1 << 2) };";
        assert_eq!(super::enumerators(text), ["BPF_MAP_CREATE", "BPF_PROG_LOAD", "A"]);
    }
}
