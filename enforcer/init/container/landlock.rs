//! Which paths may be used how. landlock(7), linux/landlock.h, 5.13.

use crate::bare::call;
use crate::block::Block;
use crate::number;
use crate::report::{Step, fail};
use crate::{EINVAL, ENOENT, ENOTDIR, inside};
use core::ffi::CStr;

/// `struct landlock_path_beneath_attr`, packed in the header.
#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: i32,
}

/// Rights that a rule on a file can hold; `ACCESS_FILE` of security/landlock/fs.c, as for `run`
/// (src/layer/landlock.rs).
const ON_FILES: u64 = 1 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15;

/// Puts this process under the ruleset of the block.
pub fn restrict(block: &Block) {
    let attr = [block.handled_fs, 0, block.scoped];
    let args = [&raw const attr as usize, block.ruleset_size as usize, 0, 0, 0, 0];
    let ruleset = require(call(number::LANDLOCK_CREATE_RULESET, args), c"ruleset");
    for index in 0..block.rules as usize {
        // SAFETY: the host wrote that many pairs there, aligned, each with the offset of a string that NUL ends.
        let (access, path) = unsafe {
            let rule = (inside(block.rules_offset as usize) as *const [u64; 2]).add(index);
            ((*rule)[0], CStr::from_ptr(inside((*rule)[1] as usize) as *const _))
        };
        allow(ruleset, path, access);
    }
    require(call(number::LANDLOCK_RESTRICT_SELF, [ruleset, 0, 0, 0, 0, 0]), c"ruleset");
    require(call(number::CLOSE, [ruleset, 0, 0, 0, 0, 0]), c"ruleset");
}

fn allow(ruleset: usize, path: &CStr, access: u64) {
    let place = match open(path) {
        // What is not there grants nothing.
        ENOENT | ENOTDIR => return,
        answer => require(answer, path),
    };
    let add = |allowed: u64| {
        const PATH_BENEATH: usize = 1;
        let attr = PathBeneath { allowed, parent: place as i32 };
        call(number::LANDLOCK_ADD_RULE, [ruleset, PATH_BENEATH, &raw const attr as usize, 0, 0, 0])
    };
    match add(access) {
        // The rule names rights that only directories have, and this is none.
        EINVAL if access & ON_FILES != access => {
            if access & ON_FILES != 0 {
                require(add(access & ON_FILES), path);
            }
        }
        answer => {
            require(answer, path);
        }
    }
    // A plan may have more rules than the container may have descriptors.
    require(call(number::CLOSE, [place, 0, 0, 0, 0, 0]), path);
}

/// The place itself. Links are followed, as for `run`: the image may move a grant to any place of its own, which it
/// could have laid out there in the first place. They end inside, because this process's root is the container's.
/// The links of /proc would not: they lead to what a descriptor has open, wherever that is.
fn open(path: &CStr) -> isize {
    const CURRENT: usize = -100isize as usize; // AT_FDCWD; the paths are absolute
    const PATH_CLOEXEC: u64 = 0o12_000_000;
    const NO_MAGICLINKS: u64 = 2;
    // struct open_how, linux/openat2.h, 5.6: flags, mode, resolve.
    let how = [PATH_CLOEXEC, 0, NO_MAGICLINKS];
    let args = [CURRENT, path.as_ptr() as usize, &raw const how as usize, size_of_val(&how), 0, 0];
    call(number::OPENAT2, args)
}

fn require(answer: isize, object: &CStr) -> usize {
    if answer < 0 {
        fail(Step::Landlock, object, answer);
    }
    answer as usize
}
