//! `generated/parameters.rs`: what stands in which argument register, for every architecture.

use crate::ctype::{self, Shape};
use crate::error::Error;
use crate::pool::Pool;
use crate::syscalls::Numbers;
use crate::table::{ARCHES, NARROW};
use crate::tsv;
use std::collections::BTreeMap;

/// Position of 32-bit ARM in [`ARCHES`]: 64-bit values lie in an even pair of registers there (EABI).
const ARM: usize = 4;

/// Position of x32 in [`ARCHES`].
const X32: usize = 2;

/// The first of x32's own numbers, whose functions take 32-bit longs and pointers. syscall_64.tbl.
const X32_OWN: u64 = 512;

/// The most parameters a system call has.
const REGISTERS: usize = 6;

/// A declaration: type, the kernel's name, the manual's name.
#[derive(Clone, Debug)]
struct Declared {
    ctype: String,
    name: String,
    alias: String,
}

/// One register's worth.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Parameter {
    name: String,
    alias: String,
    width: Option<&'static str>,
    bits: u8,
    half_of: String,
}

/// Functions, entries and overrides, as read.
struct Sources {
    functions: BTreeMap<String, Vec<Declared>>,
    entries: BTreeMap<(usize, String), String>,
    overrides: BTreeMap<(usize, String), Vec<Declared>>,
}

/// The file.
pub(crate) fn file(numbers: &Numbers) -> Result<String, Error> {
    let sources = Sources::read()?;
    let mut signatures: BTreeMap<Vec<Parameter>, usize> = BTreeMap::new();
    let mut calls: Vec<(usize, usize, Vec<Parameter>)> = Vec::new();
    for (position, (call, row)) in numbers.iter().enumerate() {
        for (arch, number) in row.iter().enumerate() {
            if let (Some(number), Some(declared)) = (*number, sources.declared(arch, call)) {
                let own = arch == X32 && number >= X32_OWN;
                let parameters = registers(call, arch, own, declared)?;
                signatures.insert(parameters.clone(), 0);
                calls.push((position, arch, parameters));
            }
        }
    }
    let words = signatures.keys().flatten().flat_map(|one| [&one.name, &one.alias, &one.half_of]);
    let words = Pool::new(words.cloned())?;
    let mut text = String::from(
        "//! Parameters of system calls. Written by stockade-generate; do not edit.\n\n\
         use crate::condition::Width::{I32, I64, U32, U64};\nuse crate::vocab::parameters::Row;\n\
         use crate::vocab::pool::Pool;\n\n",
    );
    text += &words.definition("WORDS", "Names of parameters; the first is empty.");
    let mut rows = String::new();
    let mut count = 0;
    for (signature, start) in &mut signatures {
        *start = count;
        count += signature.len();
        for one in signature {
            rows += &format!(
                "    Row {{ name: {}, alias: {}, width: {}, bits: {}, half_of: {} }},\n",
                words.index(&one.name)?,
                words.index(&one.alias)?,
                one.width.map_or_else(|| "None".to_owned(), |width| format!("Some({width})")),
                one.bits,
                words.index(&one.half_of)?
            );
        }
    }
    text += &format!(
        "\n/// Signatures one after the other.\npub(in crate::vocab) static ROWS: [Row; {count}] = [\n{rows}];\n"
    );
    text += &format!(
        "\n/// Position of the call's name, architecture, first row, number of rows; in this order.\n\
         pub(in crate::vocab) static SIGNATURES: [(u16, u8, u16, u8); {}] = [\n",
        calls.len()
    );
    for (position, arch, parameters) in &calls {
        text += &format!("    ({position}, {arch}, {}, {}),\n", signatures[parameters], parameters.len());
    }
    Ok(text + "];\n")
}

impl Sources {
    fn read() -> Result<Sources, Error> {
        let mut functions = BTreeMap::new();
        for row in tsv::data("syscall-parameters.tsv")? {
            functions.insert(row.cell(0)?.to_owned(), declarations(row.optional(2)));
        }
        for row in tsv::data("parameter-aliases.tsv")? {
            let position: usize = row.cell(1)?.parse().map_err(|_| row.wrong("no position"))?;
            let function: Option<&mut Vec<Declared>> = functions.get_mut(row.cell(0)?);
            let declared = function.and_then(|list| list.get_mut(position));
            declared.ok_or_else(|| row.wrong("no such parameter"))?.alias = row.cell(2)?.to_owned();
        }
        let mut entries = BTreeMap::new();
        for row in tsv::data("syscall-entry.tsv")? {
            for arch in arches(row.cell(0)?).map_err(|problem| row.wrong(problem))? {
                entries.insert((arch, row.cell(1)?.to_owned()), row.cell(2)?.to_owned());
            }
        }
        let mut overrides = BTreeMap::new();
        for row in tsv::data("signature-overrides.tsv")? {
            for arch in arches(row.cell(0)?).map_err(|problem| row.wrong(problem))? {
                overrides.insert((arch, row.cell(1)?.to_owned()), declarations(row.cell(2)?));
            }
        }
        Ok(Sources { functions, entries, overrides })
    }

    fn declared(&self, arch: usize, call: &str) -> Option<&[Declared]> {
        let key = (arch, call.to_owned());
        if let Some(own) = self.overrides.get(&key) {
            return Some(own);
        }
        let function = self.entries.get(&key).map_or(call, String::as_str);
        self.functions.get(function).map(Vec::as_slice)
    }
}

/// `*` or `i386,arm`, as positions.
fn arches(text: &str) -> Result<Vec<usize>, String> {
    if text == "*" {
        return Ok((0..ARCHES.len()).collect());
    }
    let position = |name: &str| ARCHES.iter().position(|arch| *arch == name);
    text.split(',').map(|name| position(name).ok_or_else(|| format!("no architecture `{name}`"))).collect()
}

/// `int dfd, ? flags|alias`.
fn declarations(text: &str) -> Vec<Declared> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (part, alias) = part.split_once('|').unwrap_or((part, ""));
            let (ctype, name) = ctype::split(part);
            Declared { ctype: ctype.to_owned(), name: name.to_owned(), alias: alias.to_owned() }
        })
        .collect()
}

/// Lays declarations out in registers.
fn registers(call: &str, arch: usize, own: bool, declared: &[Declared]) -> Result<Vec<Parameter>, Error> {
    let mut list = Vec::new();
    for one in declared {
        // A parameter without a name has the manual's only.
        let (name, alias) =
            if one.name.is_empty() { (&one.alias, "") } else { (&one.name, one.alias.as_str()) };
        let whole = |width, bits| Parameter {
            name: name.clone(),
            alias: alias.to_owned(),
            width,
            bits,
            half_of: String::new(),
        };
        if one.ctype == "?" {
            list.push(whole(None, 64));
            continue;
        }
        let shape = ctype::shape(&one.ctype)
            .ok_or_else(|| Error::Tables(format!("{call}: the size of `{}` is not known", one.ctype)))?;
        let word = if NARROW[arch] { 32 } else { 64 };
        match shape {
            Shape::Fixed { bits: 64, .. } if NARROW[arch] => {
                if arch == ARM && list.len() % 2 == 1 {
                    list.push(Parameter {
                        name: String::new(),
                        alias: String::new(),
                        width: None,
                        bits: 64,
                        half_of: String::new(),
                    });
                }
                for half in ["low", "high"] {
                    let name = if name.is_empty() { String::new() } else { format!("{name}_{half}") };
                    list.push(Parameter {
                        name,
                        half_of: one.name.clone(),
                        alias: String::new(),
                        width: Some("U32"),
                        bits: 32,
                    });
                }
            }
            Shape::Fixed { bits, signed } => list.push(whole(Some(width(bits.max(32), signed)), bits)),
            Shape::Register { .. } | Shape::Pointer if own => list.push(whole(None, 64)),
            Shape::Register { signed } => list.push(whole(Some(width(word, signed)), word)),
            Shape::Pointer => list.push(whole(Some(width(word, false)), word)),
        }
    }
    if list.len() > REGISTERS {
        return Err(Error::Tables(format!("{call} on {} needs {} registers", ARCHES[arch], list.len())));
    }
    Ok(list)
}

/// The name of the width in stockade-policy.
fn width(bits: u8, signed: bool) -> &'static str {
    match (bits, signed) {
        (64, false) => "U64",
        (64, true) => "I64",
        (_, false) => "U32",
        (_, true) => "I32",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(arch: usize, text: &str) -> Vec<String> {
        registers("x", arch, false, &declarations(text)).unwrap().into_iter().map(|one| one.name).collect()
    }

    #[test]
    fn long_long_takes_two_registers_in_32_bits_and_an_even_pair_on_arm() {
        let text = "int fd, loff_t length";
        assert_eq!(names(0, text), ["fd", "length"]);
        assert_eq!(names(1, text), ["fd", "length_low", "length_high"]);
        assert_eq!(names(4, text), ["fd", "", "length_low", "length_high"]);
    }

    #[test]
    fn an_unknown_type_is_an_error() {
        assert!(registers("x", 0, false, &declarations("struct stat buf")).is_err());
    }
}
