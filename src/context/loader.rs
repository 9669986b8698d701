//! Which other programs must be executable for one to start: `#!` lines and ELF interpreters. execve(2).

use super::root::{Found, Root, RootError};
use object::elf::{FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, FileKind, ReadCache, ReadRef};
use std::fs::File;
use std::io::Read;
use stockade_policy::lookup::Loader;

/// What the kernel reads of a `#!` line: `BINPRM_BUF_SIZE`, linux/binfmts.h, 256 bytes since 5.1.
const LINE: u64 = 256;

/// How many interpreters may stand behind one another; the kernel stops at 5 (`exec_binprm`).
const DEPTH: usize = 5;

/// The program at `path` and everything that the kernel opens to start it, each with its symbolic links
/// followed; nothing where there is no such program, the entry alone where it is a directory.
pub(crate) fn chain(root: &Root, path: &str) -> Result<Vec<Loader>, RootError> {
    let mut chain: Vec<Loader> = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next.take() {
        // One that is not there ends the chain: what is missing cannot be started either.
        let Some(Found { path, file }) = root.find(&path)? else { break };
        if chain.len() > DEPTH || chain.iter().any(|known| known.path == path) {
            break;
        }
        chain.push(Loader { path });
        next = file.and_then(interpreter);
    }
    Ok(chain)
}

/// The interpreter that the program itself names. A file that is neither a script nor ELF has none: the
/// kernel refuses it, or a handler of binfmt_misc is found by the kernel and not by path in this root.
fn interpreter(mut file: File) -> Option<String> {
    let mut start = Vec::new();
    file.by_ref().take(LINE).read_to_end(&mut start).ok()?;
    if let Some(line) = start.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next()?;
        let mut words = line.split(|byte| matches!(byte, b' ' | b'\t' | 0)).filter(|word| !word.is_empty());
        return String::from_utf8(words.next()?.to_vec()).ok();
    }
    let data = ReadCache::new(file);
    match FileKind::parse(&data).ok()? {
        FileKind::Elf64 => elf::<FileHeader64<Endianness>, _>(&data),
        FileKind::Elf32 => elf::<FileHeader32<Endianness>, _>(&data),
        _ => None,
    }
}

/// `PT_INTERP`. elf(5).
fn elf<'data, Elf: FileHeader<Endian = Endianness>, R: ReadRef<'data>>(data: R) -> Option<String> {
    let header = Elf::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let interpreter = header
        .program_headers(endian, data)
        .ok()?
        .iter()
        .find_map(|segment| segment.interpreter(endian, data).ok().flatten())?;
    String::from_utf8(interpreter.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn paths(root: &Path, path: &str) -> Vec<String> {
        let root = Root::open(root).unwrap();
        chain(&root, path).unwrap().into_iter().map(|loader| loader.path).collect()
    }

    #[test]
    fn a_script_names_its_interpreter_and_that_its_own() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        fs::create_dir_all(at("usr/bin")).unwrap();
        symlink("usr/bin", at("bin")).unwrap();
        fs::write(at("usr/bin/outer"), "#! /bin/inner -x y\nrest").unwrap();
        fs::write(at("usr/bin/inner"), "#!/bin/plain").unwrap();
        fs::write(at("usr/bin/plain"), "neither script nor ELF").unwrap();
        assert_eq!(paths(root.path(), "/bin/outer"), ["/usr/bin/outer", "/usr/bin/inner", "/usr/bin/plain"]);
        assert_eq!(paths(root.path(), "/bin/missing"), Vec::<String>::new());
        assert_eq!(paths(root.path(), "/bin"), ["/usr/bin"]);
    }

    #[test]
    fn a_circle_of_scripts_ends() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a"), "#!/b\n").unwrap();
        fs::write(root.path().join("b"), "#!/a\n").unwrap();
        assert_eq!(paths(root.path(), "/a"), ["/a", "/b"]);
    }

    #[test]
    fn elf_programs_of_this_host_name_their_loader() {
        // `sh` is dynamic on every distribution that has a dynamic loader at all.
        let found = paths(Path::new("/"), "/bin/sh");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[1].contains("/ld-"), "{found:?}");
        for path in found {
            assert_eq!(fs::canonicalize(&path).unwrap(), Path::new(&path), "links are followed");
        }
    }

    #[test]
    fn no_link_leads_out_of_the_root() {
        let root = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "#!/bin/sh").unwrap();
        symlink(outside.path().join("secret"), root.path().join("absolute")).unwrap();
        symlink("../../../../../../etc/passwd", root.path().join("relative")).unwrap();
        symlink(outside.path(), root.path().join("etc")).unwrap();
        for path in ["/absolute", "/relative", "/etc/secret"] {
            assert_eq!(paths(root.path(), path), Vec::<String>::new(), "{path}");
        }
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let root = tempfile::tempdir().unwrap();
        let fifo = root.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o666.into(), 0).unwrap();
        // Opening a pipe that nobody writes to would wait for ever.
        assert_eq!(paths(root.path(), "/fifo"), ["/fifo"]);
    }

    #[test]
    fn damaged_programs_have_no_interpreter() {
        let root = tempfile::tempdir().unwrap();
        let whole = fs::read("/bin/sh").unwrap();
        for length in [0, 1, 4, 16, 63, 64, 100, 200] {
            fs::write(root.path().join("cut"), &whole[..length]).unwrap();
            assert_eq!(paths(root.path(), "/cut"), ["/cut"], "{length} bytes");
        }
    }
}
