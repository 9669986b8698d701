//! Compiles the programs that run inside containers for the target: the inits, each cut where the block begins that the
//! host writes, and the drill.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where an init's linker puts the block; as init/layout.ld says.
const BLOCK: u64 = 0x1000_0000;

/// What each init's file is called, and its source: process 1 of a launch, and what is put before the command of an
/// engine's container.
const INITS: [(&str, &str); 2] = [("init", "init/main.rs"), ("container-init", "init/container/main.rs")];

/// Numbers of system calls: a name, then one column for each of these.
const NUMBERS: &str = "../policy/data/syscall-numbers.tsv";
const INTERFACES: [&str; 5] = ["x86_64", "i386", "x32", "aarch64", "arm"];

fn main() -> Result<(), Box<dyn Error>> {
    for source in ["init", "drill", "build.rs", NUMBERS] {
        println!("cargo::rerun-if-changed={source}");
    }
    let out = PathBuf::from(variable("OUT_DIR")?);
    fs::write(out.join("numbers.rs"), numbers()?)?;
    for (name, source) in INITS {
        let whole = out.join(name).with_extension("elf");
        compile(source, &whole, &["-Wl,-T,init/layout.ld"])?;
        let elf = fs::read(&whole)?;
        let offset = block_offset(&elf).ok_or("the init has no segment for its block")?;
        fs::write(out.join(name), elf.get(..offset).ok_or("the init is shorter than its block's offset")?)?;
    }
    compile("drill/main.rs", &out.join("drill"), &[])
}

fn variable(name: &str) -> Result<OsString, String> {
    env::var_os(name).ok_or_else(|| format!("cargo did not set {name}"))
}

/// Compiles a source into a static program with neither start files nor libraries nor anything to relocate.
fn compile(source: &str, to: &Path, more: &[&str]) -> Result<(), Box<dyn Error>> {
    let mut rustc = Command::new(variable("RUSTC")?);
    rustc.args(["--edition=2024", "--crate-type=bin", "--crate-name=inside", source]);
    rustc.arg("--target").arg(variable("TARGET")?).arg("-o").arg(to);
    rustc.args([
        "-Copt-level=s",
        "-Cpanic=abort",
        "-Cstrip=symbols",
        "-Cdebuginfo=0",
        "-Coverflow-checks=no",
    ]);
    // Nothing that is both writable and executable.
    rustc.args(["-Crelocation-model=static", "-Ctarget-feature=+crt-static", "-Cforce-unwind-tables=no"]);
    rustc.arg("-Cdefault-linker-libraries=no");
    let common = [
        "-nostartfiles",
        "-nostdlib",
        "-static",
        "-Wl,--build-id=none",
        "-Wl,-z,noexecstack,-z,norelro,-z,noseparate-code",
        "-Wl,--no-eh-frame-hdr",
    ];
    for argument in common.iter().chain(more) {
        rustc.arg(format!("-Clink-arg={argument}"));
    }
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut option = OsString::from("-Clinker=");
        option.push(linker);
        rustc.arg(option);
    }
    // The flags of the product (address space layout, hardening of its start files) are not these programs'.
    rustc.env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("RUSTFLAGS");
    let output = rustc.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{source} does not compile:\n{}", String::from_utf8_lossy(&output.stderr)).into())
}

/// A constant for every system call that the target has, `ABSENT` for those of other architectures.
fn numbers() -> Result<String, Box<dyn Error>> {
    let arch = env::var("CARGO_CFG_TARGET_ARCH")?;
    let column = INTERFACES.iter().position(|name| *name == arch).ok_or("no table of system calls")?;
    let mut text = "/// No number of this architecture.\npub const ABSENT: usize = usize::MAX;\n".to_owned();
    let table = fs::read_to_string(NUMBERS)?;
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('\t');
        let name = fields.next().ok_or("a line without a name")?.to_uppercase();
        let number = match fields.nth(column) {
            None | Some("-") => "ABSENT",
            Some(number) => number,
        };
        text.push_str(&format!("pub const {name}: usize = {number};\n"));
    }
    Ok(text)
}

/// Offset in the file of the segment at [`BLOCK`]. elf(5): 64-bit, little-endian, as both architectures are.
fn block_offset(elf: &[u8]) -> Option<usize> {
    let number = |at: usize, length: usize| -> Option<u64> {
        let bytes = elf.get(at..at.checked_add(length)?)?;
        Some(bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    };
    let table = usize::try_from(number(0x20, 8)?).ok()?;
    let size = usize::try_from(number(0x36, 2)?).ok()?;
    let count = usize::try_from(number(0x38, 2)?).ok()?;
    (0..count).map(|index| table + index * size).find_map(|header| {
        (number(header + 0x10, 8)? == BLOCK).then(|| usize::try_from(number(header + 8, 8)?).ok())?
    })
}
