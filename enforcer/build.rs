//! Compiles the inits for the target and cuts each where the block begins that the host writes.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Where an init's linker puts the block; as init/layout.ld says.
const BLOCK: u64 = 0x1000_0000;

/// What each program's file is called, and its source: process 1 of a launch, and what is put before the command of an
/// engine's container.
const INITS: [(&str, &str); 2] = [("init", "init/main.rs"), ("container-init", "init/container/main.rs")];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=init");
    println!("cargo::rerun-if-changed=build.rs");
    INITS.iter().try_for_each(|(name, source)| build(name, source))
}

fn build(name: &str, source: &str) -> Result<(), Box<dyn Error>> {
    let variable = |name: &str| env::var_os(name).ok_or_else(|| format!("cargo did not set {name}"));
    let target = variable("TARGET")?;
    let out = PathBuf::from(variable("OUT_DIR")?);
    let whole = out.join(name).with_extension("elf");
    let mut rustc = Command::new(variable("RUSTC")?);
    rustc.args(["--edition=2024", "--crate-type=bin", "--crate-name=init", source]);
    rustc.arg("--target").arg(&target).arg("-o").arg(&whole);
    rustc.args([
        "-Copt-level=s",
        "-Cpanic=abort",
        "-Cstrip=symbols",
        "-Cdebuginfo=0",
        "-Coverflow-checks=no",
    ]);
    // Neither start files nor libraries nor anything to relocate; nothing that is both writable and mapped.
    rustc.args(["-Crelocation-model=static", "-Ctarget-feature=+crt-static", "-Cforce-unwind-tables=no"]);
    rustc.arg("-Cdefault-linker-libraries=no");
    for argument in [
        "-nostartfiles".to_owned(),
        "-nostdlib".to_owned(),
        "-static".to_owned(),
        "-Wl,--build-id=none".to_owned(),
        "-Wl,-z,noexecstack,-z,norelro,-z,noseparate-code".to_owned(),
        "-Wl,--no-eh-frame-hdr".to_owned(),
        "-Wl,-T,init/layout.ld".to_owned(),
    ] {
        rustc.arg(format!("-Clink-arg={argument}"));
    }
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut option = OsString::from("-Clinker=");
        option.push(linker);
        rustc.arg(option);
    }
    // The flags of the product (address space layout, hardening of its start files) are not the init's.
    rustc.env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("RUSTFLAGS");
    let output = rustc.output()?;
    if !output.status.success() {
        return Err(format!("{source} does not compile:\n{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let elf = fs::read(&whole)?;
    let offset = block_offset(&elf).ok_or("the init has no segment for its block")?;
    fs::write(out.join(name), elf.get(..offset).ok_or("the init is shorter than its block's offset")?)?;
    Ok(())
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
