//! System call interfaces that a kernel accepts.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One system call interface. x32 shares its audit number with x86_64 and sets bit 30 of the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// 64-bit x86.
    #[serde(rename = "x86_64")]
    X86_64,
    /// 32-bit x86, also through `int 0x80` on a 64-bit kernel.
    I386,
    /// 32-bit pointers on 64-bit x86.
    X32,
    /// 64-bit ARM.
    Aarch64,
    /// 32-bit ARM EABI.
    Arm,
}

/// Bit 30 of a system call number: the x32 interface. `__X32_SYSCALL_BIT`, asm/unistd.h.
pub const X32_BIT: u32 = 0x4000_0000;

impl Arch {
    /// Every interface, in order.
    pub const ALL: [Arch; 5] = [Arch::X86_64, Arch::I386, Arch::X32, Arch::Aarch64, Arch::Arm];

    /// `seccomp_data.arch`: `AUDIT_ARCH_*` of linux/audit.h.
    pub fn audit(self) -> u32 {
        match self {
            Arch::X86_64 | Arch::X32 => 0xc000_003e,
            Arch::I386 => 0x4000_0003,
            Arch::Aarch64 => 0xc000_00b7,
            Arch::Arm => 0x4000_0028,
        }
    }

    /// The interfaces that a kernel of this architecture accepts, its own first.
    pub fn family(self) -> &'static [Arch] {
        match self {
            Arch::X86_64 | Arch::I386 | Arch::X32 => &[Arch::X86_64, Arch::I386, Arch::X32],
            Arch::Aarch64 | Arch::Arm => &[Arch::Aarch64, Arch::Arm],
        }
    }

    /// The name in profiles.
    pub fn name(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64",
            Arch::I386 => "i386",
            Arch::X32 => "x32",
            Arch::Aarch64 => "aarch64",
            Arch::Arm => "arm",
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Arch {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Arch::ALL.into_iter().find(|arch| arch.name() == text).ok_or(())
    }
}
