use super::layout::Block;
use super::{HEAD, InitError, PROGRAM, check_root, file, is_needed, layout};
use std::fs;
use std::mem::offset_of;
use stockade_policy::plan::Plan;
use stockade_policy::seccomp::flags::NEW_LISTENER;
use stockade_policy::vocab::Arch;

/// A plan with every layer that the init takes on.
fn plan() -> Plan {
    let mut plan: Plan = serde_json::from_str(include_str!("../../launch/everything.json")).unwrap();
    if cfg!(target_arch = "aarch64") {
        plan.arch = Arch::Aarch64;
    }
    assert!(plan.landlock.is_some() && plan.seccomp.is_some());
    assert!(plan.process.write_xor_execute && plan.process.no_new_privileges);
    plan
}

/// The word of 32 bits at an offset of the block.
fn word(file: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(file[PROGRAM.len() + at..][..4].try_into().unwrap())
}

/// The word of 64 bits at an offset of the block.
fn long(file: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(file[PROGRAM.len() + at..][..8].try_into().unwrap())
}

#[test]
fn head_is_written_as_it_is_laid_out() {
    let head = Block {
        handled_fs: 1,
        scoped: 2,
        ruleset_size: 3,
        rules_offset: 4,
        rules: 5,
        write_xor_execute: 6,
        umask: 7,
        filter_flags: 8,
        filter_offset: 9,
        filter_length: 10,
    };
    let mut bytes = PROGRAM.to_vec();
    super::write_head(&head, &mut bytes);
    assert_eq!(bytes.len(), PROGRAM.len() + HEAD);
    assert_eq!(long(&bytes, offset_of!(Block, handled_fs)), 1);
    assert_eq!(long(&bytes, offset_of!(Block, scoped)), 2);
    let words = [
        (offset_of!(Block, ruleset_size), 3),
        (offset_of!(Block, rules_offset), 4),
        (offset_of!(Block, rules), 5),
        (offset_of!(Block, write_xor_execute), 6),
        (offset_of!(Block, umask), 7),
        (offset_of!(Block, filter_flags), 8),
        (offset_of!(Block, filter_offset), 9),
        (offset_of!(Block, filter_length), 10),
    ];
    for (at, value) in words {
        assert_eq!(word(&bytes, at), value);
    }
}

#[test]
fn the_block_holds_the_plan() {
    let plan = plan();
    let bytes = file(&plan).unwrap();
    assert!(bytes.starts_with(PROGRAM));
    let landlock = plan.landlock.unwrap();
    let rules = word(&bytes, offset_of!(Block, rules_offset)) as usize;
    assert_eq!(word(&bytes, offset_of!(Block, rules)) as usize, landlock.rules.len());
    assert!(rules.is_multiple_of(8));
    for (index, rule) in landlock.rules.iter().enumerate() {
        assert_eq!(long(&bytes, rules + index * 16), rule.access);
        let at = PROGRAM.len() + usize::try_from(long(&bytes, rules + index * 16 + 8)).unwrap();
        assert_eq!(&bytes[at..=at + rule.path.len()], [rule.path.as_bytes(), b"\0"].concat());
    }
    let filter = plan.seccomp.unwrap();
    let at = word(&bytes, offset_of!(Block, filter_offset)) as usize;
    assert!(at.is_multiple_of(8));
    assert_eq!(word(&bytes, offset_of!(Block, filter_length)) as usize, filter.program.len());
    assert_eq!(bytes[PROGRAM.len() + at..], stockade_policy::seccomp::bpf::bytes(&filter.program));
}

#[test]
fn the_program_is_small_and_ends_on_a_page() {
    assert!(PROGRAM.starts_with(b"\x7fELF"));
    assert_eq!(PROGRAM.len() % 4096, 0);
    assert!(PROGRAM.len() <= 0x1_0000);
}

#[test]
fn what_asks_for_nothing_gets_no_init() {
    let mut plan = plan();
    assert!(is_needed(&plan));
    plan.landlock = None;
    assert!(is_needed(&plan), "W^X");
    plan.process.write_xor_execute = false;
    assert!(is_needed(&plan), "the filter comes last");
    plan.process.no_new_privileges = false;
    assert!(!is_needed(&plan), "the runtime installs it");
    plan.process.no_new_privileges = true;
    plan.seccomp = None;
    assert!(!is_needed(&plan));
}

#[test]
fn layers_that_need_no_new_privileges_are_refused_without_and_never_left_out() {
    let mut without = plan();
    without.process.no_new_privileges = false;
    assert!(is_needed(&without));
    let layer = |plan: &Plan| match file(plan) {
        Err(InitError::NoNewPrivileges { layer }) => layer,
        other => panic!("{:?}", other.map(|bytes| bytes.len())),
    };
    assert_eq!(layer(&without), "files");
    without.landlock = None;
    assert!(is_needed(&without));
    assert_eq!(layer(&without), "write_xor_execute");
    without.process.write_xor_execute = false;
    assert_eq!(layer(&without), "syscalls");
}

#[test]
fn what_the_kernel_would_not_take_is_refused_by_name() {
    let refused = |change: &dyn Fn(&mut Plan)| {
        let mut plan = plan();
        change(&mut plan);
        file(&plan).unwrap_err().to_string()
    };
    let path = |path: &str| refused(&|plan| plan.landlock.as_mut().unwrap().rules[0].path = path.to_owned());
    let told = [
        path("usr"),
        path("/a\0b"),
        refused(&|plan| plan.seccomp.as_mut().unwrap().flags |= NEW_LISTENER),
        refused(&|plan| plan.seccomp.as_mut().unwrap().program.clear()),
        refused(&|plan| plan.arch = Arch::Arm),
        refused(&|plan| {
            let rules = &mut plan.landlock.as_mut().unwrap().rules;
            rules[0].path = format!("/{}", "x".repeat(layout::CAPACITY));
        })
        .replace(char::is_numeric, "N"),
    ];
    assert_eq!(
        told,
        [
            "the Landlock rule on `usr` is not an absolute path",
            "the Landlock rule on `/a\\u{0}b` has a NUL byte, which cannot be passed to the kernel",
            "the filter asks for a flag that launches do not serve",
            "the filter has no instruction",
            "the plan was compiled for arm, and this is not it",
            "the plan takes NNNNNNN bytes and the init has room for NNNNNNN; grant fewer paths",
        ]
    );
}

#[test]
fn the_init_stands_in_the_root_itself_or_nowhere() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join(".stockade");
    let refused = || check_root(root.path()).unwrap_err().to_string();
    assert!(check_root(root.path()).is_ok(), "nothing is there");
    fs::write(&place, "").unwrap();
    assert!(check_root(root.path()).is_ok(), "a file");
    fs::remove_file(&place).unwrap();
    std::os::unix::fs::symlink("none", &place).unwrap();
    assert!(
        refused().starts_with("`/.stockade` in the container's root is a symbolic link: "),
        "{}",
        refused()
    );
    fs::remove_file(&place).unwrap();
    fs::create_dir(&place).unwrap();
    assert!(refused().contains("is a directory"), "{}", refused());
    let missing = root.path().join(".stockade/file/none");
    fs::write(root.path().join(".stockade/file"), "").unwrap();
    assert!(matches!(check_root(&missing), Err(InitError::Look { .. })));
}
