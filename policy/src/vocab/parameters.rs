//! What stands in which argument register of a system call.
//!
//! Names and types are those of SYSCALL_DEFINE, as the kernel's own tracepoints (6.18) and headers tell
//! them; beside them stand the manual's names. 32-bit interfaces have 32-bit registers, whatever is
//! declared: a 64-bit process that uses `int 0x80` may put anything in the upper half, and the kernel does
//! not look at it.

use super::Arch;
use super::generated::parameters::{ROWS, SIGNATURES, WORDS};
use super::syscalls::column;
use crate::condition::Width;
use std::collections::HashMap;
use std::sync::LazyLock;

/// One argument register of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The kernel's name; the manual's where the kernel gives none; empty where nothing can be named.
    pub name: &'static str,
    /// The manual's name, where it differs (`domain` for `family`).
    pub alias: Option<&'static str>,
    /// How the kernel reads the register. `None`: it may look at less than 64 bits, so an allow must test
    /// all 64 and a deny the low 32.
    pub width: Option<Width>,
    /// Which bits the kernel looks at: narrower than the width for 16-bit types (`umode_t`, the old
    /// `uid_t`). A comparison's mask must be cut to them.
    pub bits: u64,
    /// Of which 64-bit parameter this register holds a half (`offset_low`, `offset_high` on 32-bit
    /// interfaces): a condition on that parameter cannot be expressed there.
    pub half_of: Option<&'static str>,
}

/// A [`Parameter`] without pointers, as generated.
pub(super) struct Row {
    pub(super) name: u16,
    pub(super) alias: u16,
    pub(super) width: Option<Width>,
    pub(super) bits: u8,
    pub(super) half_of: u16,
}

/// The parameters of all signatures, and by position of the architecture and name of the call a range of them.
struct Built {
    parameters: Vec<Parameter>,
    signatures: HashMap<(usize, &'static str), (usize, usize)>,
}

static BUILT: LazyLock<Built> = LazyLock::new(|| {
    let word = |index: u16| WORDS.get(usize::from(index));
    let optional = |index: u16| Some(word(index)).filter(|word| !word.is_empty());
    let parameter = |row: &Row| Parameter {
        name: word(row.name),
        alias: optional(row.alias),
        width: row.width,
        bits: u64::MAX >> (64 - row.bits),
        half_of: optional(row.half_of),
    };
    let signature = |(call, arch, start, count): &(u16, u8, u16, u8)| {
        let name = super::generated::syscalls::NAMES.get(usize::from(*call));
        let start = usize::from(*start);
        ((usize::from(*arch), name), (start, start + usize::from(*count)))
    };
    Built {
        parameters: ROWS.iter().map(parameter).collect(),
        signatures: SIGNATURES.iter().map(signature).collect(),
    }
});

/// The parameters of a call in the order of the registers. `None` where the architecture does not have the
/// call, or no kernel implements it.
pub fn parameters(arch: Arch, name: &str) -> Option<&'static [Parameter]> {
    let built = &*BUILT;
    built.signatures.get(&(column(arch), name)).map(|(start, end)| &built.parameters[*start..*end])
}

/// A register by its own name.
const fn register(name: &'static str, width: Width, bits: u64) -> Parameter {
    Parameter { name, alias: None, width: Some(width), bits, half_of: None }
}

/// The six registers at a width.
const fn all(width: Width, bits: u64) -> [Parameter; 6] {
    [
        register("arg0", width, bits),
        register("arg1", width, bits),
        register("arg2", width, bits),
        register("arg3", width, bits),
        register("arg4", width, bits),
        register("arg5", width, bits),
    ]
}

static REGISTERS_64: [Parameter; 6] = all(Width::U64, u64::MAX);
static REGISTERS_32: [Parameter; 6] = all(Width::U32, 0xffff_ffff);

/// The registers of an interface by their own names: unsigned, of 64 bits, on i386, x32 and 32-bit ARM of 32.
/// x32's have 64 bits for the kernel; it is counted as libseccomp counts it, whose rules compare registers.
pub fn registers(arch: Arch) -> &'static [Parameter; 6] {
    match arch {
        Arch::X86_64 | Arch::Aarch64 => &REGISTERS_64,
        Arch::I386 | Arch::X32 | Arch::Arm => &REGISTERS_32,
    }
}

/// Why a parameter cannot be tested.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// No signature is known.
    #[error("the parameters of `{call}` on {arch} are not known")]
    NoSignature {
        /// The call.
        call: String,
        /// The architecture.
        arch: Arch,
    },
    /// The value is spread over two registers.
    #[error("`{parameter}` of `{call}` takes two registers on {arch} and cannot be tested there")]
    Split {
        /// The call.
        call: String,
        /// The parameter, as written.
        parameter: String,
        /// The architecture.
        arch: Arch,
    },
    /// The call has no parameter of that name.
    #[error("`{call}` has no parameter `{parameter}` on {arch}; it has {}", .names.join(", "))]
    Unknown {
        /// The call.
        call: String,
        /// The parameter, as written.
        parameter: String,
        /// The architecture.
        arch: Arch,
        /// What it has.
        names: Vec<&'static str>,
    },
}

/// The register (0 to 5) of a parameter, by the kernel's or the manual's name, or by the register's own.
pub fn find(arch: Arch, call: &str, parameter: &str) -> Result<(u8, &'static Parameter), ParameterError> {
    let known = parameters(arch, call);
    let list = known.unwrap_or_default();
    let is_called = |one: &Parameter| one.name == parameter || one.alias == Some(parameter);
    if let Some((index, one)) = (0u8..).zip(list).find(|(_, one)| is_called(one) && !parameter.is_empty()) {
        return Ok((index, one));
    }
    if let Some(raw) = (0u8..).zip(registers(arch)).find(|(_, one)| one.name == parameter) {
        return Ok(raw);
    }
    if known.is_none() {
        return Err(ParameterError::NoSignature { call: call.to_owned(), arch });
    }
    if list.iter().any(|one| one.half_of == Some(parameter)) {
        return Err(ParameterError::Split { call: call.to_owned(), parameter: parameter.to_owned(), arch });
    }
    let names = list.iter().flat_map(|one| [Some(one.name), one.alias]).flatten();
    let names = names.filter(|name| !name.is_empty()).collect();
    Err(ParameterError::Unknown { call: call.to_owned(), parameter: parameter.to_owned(), arch, names })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(arch: Arch, call: &str) -> Vec<&'static str> {
        parameters(arch, call).unwrap().iter().map(|one| one.name).collect()
    }

    fn width(arch: Arch, call: &str, parameter: &str) -> Option<Width> {
        find(arch, call, parameter).unwrap().1.width
    }

    #[test]
    fn clone_has_its_tls_where_the_architecture_puts_it() {
        assert_eq!(names(Arch::X86_64, "clone")[3..], ["child_tidptr", "tls"]);
        for arch in [Arch::I386, Arch::Aarch64, Arch::Arm] {
            assert_eq!(names(arch, "clone")[3..], ["tls", "child_tidptr"]);
        }
        assert_eq!(find(Arch::X86_64, "clone", "flags").unwrap().0, 0);
        assert_eq!(width(Arch::X86_64, "clone", "flags"), None);
    }

    #[test]
    fn both_names_lead_to_the_register() {
        for name in ["family", "domain"] {
            let (register, parameter) = find(Arch::X86_64, "socket", name).unwrap();
            assert_eq!((register, parameter.width), (0, Some(Width::I32)));
        }
        assert_eq!(find(Arch::X86_64, "ioctl", "request"), find(Arch::X86_64, "ioctl", "cmd"));
        assert_eq!(width(Arch::X86_64, "ioctl", "cmd"), Some(Width::U32));
        assert_eq!(width(Arch::X86_64, "ioctl", "arg"), Some(Width::U64));
        assert_eq!(width(Arch::X86_64, "ptrace", "request"), Some(Width::I64));
    }

    #[test]
    fn registers_of_32_bit_interfaces_are_narrow() {
        for arch in [Arch::I386, Arch::Arm] {
            let calls = crate::vocab::syscalls::table(arch);
            for (_, call) in calls {
                for parameter in parameters(arch, call).unwrap_or_default() {
                    assert!(
                        matches!(parameter.width, None | Some(Width::U32 | Width::I32)),
                        "{call} {parameter:?}"
                    );
                }
            }
        }
        assert_eq!(width(Arch::I386, "ptrace", "request"), Some(Width::I32));
        assert_eq!(width(Arch::X32, "ioctl", "arg"), None);
    }

    #[test]
    fn sixteen_bit_types_say_so() {
        assert_eq!(find(Arch::X86_64, "mknod", "mode").unwrap().1.bits, 0xffff);
        assert_eq!(find(Arch::I386, "setuid", "uid").unwrap().1.bits, 0xffff);
        assert_eq!(find(Arch::X86_64, "setuid", "uid").unwrap().1.bits, 0xffff_ffff);
        assert_eq!(find(Arch::X86_64, "read", "count").unwrap().1.bits, u64::MAX);
    }

    #[test]
    fn a_64_bit_value_in_two_registers_cannot_be_tested() {
        assert_eq!(width(Arch::X86_64, "pread64", "pos"), Some(Width::I64));
        for arch in [Arch::I386, Arch::Arm] {
            assert!(matches!(find(arch, "pread64", "pos"), Err(ParameterError::Split { .. })));
        }
        assert_eq!(names(Arch::Arm, "pread64"), ["fd", "buf", "count", "", "pos_low", "pos_high"]);
        assert_eq!(names(Arch::I386, "fallocate")[2..], ["offset_low", "offset_high", "len_low", "len_high"]);
        assert_eq!(names(Arch::X32, "preadv2")[3..], ["pos", "flags"]);
    }

    #[test]
    fn what_is_not_there_says_what_is() {
        let error = find(Arch::X86_64, "socket", "famly").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`socket` has no parameter `famly` on x86_64; it has family, domain, type, protocol"
        );
        assert!(matches!(find(Arch::X86_64, "tuxcall", "x"), Err(ParameterError::NoSignature { .. })));
        assert!(find(Arch::Arm, "pread64", "").is_err());
    }

    #[test]
    fn every_call_has_its_registers() {
        for arch in Arch::ALL {
            let (width, bits) = match arch {
                Arch::X86_64 | Arch::Aarch64 => (Width::U64, u64::MAX),
                Arch::I386 | Arch::X32 | Arch::Arm => (Width::U32, 0xffff_ffff),
            };
            // No signature, fewer parameters than that, and narrower ones.
            for call in ["tuxcall", "getpid", "socket"] {
                for (register, name) in ["arg0", "arg1", "arg2", "arg3", "arg4", "arg5"].iter().enumerate() {
                    let (found, parameter) = find(arch, call, name).unwrap();
                    assert_eq!(usize::from(found), register);
                    assert_eq!((parameter.width, parameter.bits), (Some(width), bits), "{call} {name}");
                }
            }
            for name in ["arg6", "arg", "arg00", "arg-1"] {
                assert!(find(arch, "socket", name).is_err(), "{name}");
            }
        }
    }

    /// Whoever wrote `arg2` meant what the manual calls so.
    #[test]
    fn a_declared_name_beats_a_register() {
        let mut declared = std::collections::BTreeSet::new();
        for arch in Arch::ALL {
            for (_, call) in crate::vocab::syscalls::table(arch) {
                for (index, one) in parameters(arch, call).unwrap_or_default().iter().enumerate() {
                    let raw = registers(arch).iter().position(|raw| Some(raw.name) == Some(one.name));
                    if raw.is_some_and(|raw| raw != index) {
                        declared.insert(*call);
                        assert_eq!(usize::from(find(arch, call, one.name).unwrap().0), index);
                    }
                }
            }
        }
        assert_eq!(Vec::from_iter(declared), ["arch_prctl", "keyctl", "prctl"]);
    }

    /// Calls of the tables that no kernel since 4.0 implements, or whose parameters nothing tells.
    const UNIMPLEMENTED: &[&str] = &[
        "_sysctl",
        "afs_syscall",
        "bdflush",
        "break",
        "create_module",
        "epoll_ctl_old",
        "epoll_wait_old",
        "ftime",
        "get_kernel_syms",
        "getpmsg",
        "gtty",
        "idle",
        "lock",
        "mpx",
        "nfsservctl",
        "prof",
        "profil",
        "putpmsg",
        "query_module",
        "security",
        "stty",
        "tuxcall",
        "ulimit",
        "vserver",
    ];

    #[test]
    fn every_call_that_a_kernel_implements_has_its_parameters() {
        for arch in Arch::ALL {
            for (_, call) in crate::vocab::syscalls::table(arch) {
                let known = parameters(arch, call).is_some();
                assert_eq!(known, !UNIMPLEMENTED.contains(call), "{call} on {arch}");
            }
        }
    }
}
