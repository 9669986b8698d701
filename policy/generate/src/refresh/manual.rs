//! The names that manual pages give to parameters, where they differ from the kernel's: people know
//! `socket(domain, …)` and not `socket(family, …)`.

use super::signatures::Signatures;
use super::stdout;
use crate::ctype;
use crate::error::Error;
use std::path::Path;
use std::process::Command;

/// Folder of Debian's manpages-dev.
const PAGES: &str = "/usr/share/man/man2";

/// Wrappers of libc whose parameters are not the system call's.
const OTHERWISE: [&str; 1] = ["signalfd"];

/// Aliases by function and position, where the page's prototype has as many parameters.
pub(super) fn table(signatures: &Signatures) -> Result<String, Error> {
    let version = stdout(Command::new("dpkg-query").args(["-W", "-f", "${Version}", "manpages-dev"]))?;
    let mut text = format!(
        "# What section 2 of the manual calls a parameter that the kernel names otherwise or not at all.\n\
         # Written by --refresh from manpages-dev {version}. Positions count from 0.\n\
         # function\tposition\talias\n"
    );
    for (function, (_, declarations)) in &signatures.functions {
        if OTHERWISE.contains(&function.as_str()) {
            continue;
        }
        let Some(page) = page(function)? else { continue };
        let Some(names) = prototype(&page, function, declarations.len()) else { continue };
        for (position, (ours, theirs)) in declarations.iter().zip(&names).enumerate() {
            let plain = theirs.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let taken = declarations.iter().any(|one| ctype::split(one).1 == theirs);
            if !theirs.is_empty() && plain && !taken && ctype::split(ours).1 != theirs {
                text += &format!("{function}\t{position}\t{theirs}\n");
            }
        }
    }
    Ok(text)
}

/// The page's text with its markup taken out; none where there is no page.
fn page(name: &str) -> Result<Option<String>, Error> {
    let path = Path::new(PAGES).join(format!("{name}.2.gz"));
    if !path.exists() {
        return Ok(None);
    }
    let source = stdout(Command::new("zcat").arg(&path))?;
    if let Some(other) = source.trim().strip_prefix(".so man2/").and_then(|other| other.strip_suffix(".2")) {
        return if other == name { Ok(None) } else { page(other) };
    }
    let synopsis = source.split(".SH SYNOPSIS").nth(1).and_then(|rest| rest.split(".SH ").next());
    let mut plain = String::new();
    for line in synopsis.unwrap_or_default().lines() {
        let line = [".BI ", ".B ", ".BR ", ".RB ", ".I "]
            .iter()
            .find_map(|tag| line.strip_prefix(tag))
            .unwrap_or(line);
        // `"int socket(int " domain ", int "`: words outside quotes touch, blanks inside them count.
        let mut quoted = false;
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                ' ' if !quoted => {}
                c => plain.push(c),
            }
        }
        plain.push(' ');
    }
    Ok(Some(plain))
}

/// The parameter names of `NAME(…)` or `syscall(SYS_NAME, …)` with that many parameters.
fn prototype(page: &str, name: &str, count: usize) -> Option<Vec<String>> {
    let openings = [format!(" {name}("), format!("*{name}("), format!("syscall(SYS_{name},")];
    openings.iter().flat_map(|opening| page.split(opening.as_str()).skip(1)).find_map(|rest| {
        let (list, _) = rest.split_once(')')?;
        if list.contains('(') {
            return None;
        }
        let names: Vec<String> =
            list.split(',').map(|one| ctype::split(&declaration(one)).1.to_owned()).collect();
        (names.len() == count).then_some(names)
    })
}

/// One declaration without comments, qualifiers and array brackets.
fn declaration(text: &str) -> String {
    let text = text.split('[').next().unwrap_or_default().split("/*").next().unwrap_or_default();
    let text = text.replace('*', " * ");
    text.split_whitespace().filter(|word| *word != "restrict").collect::<Vec<_>>().join(" ")
}
