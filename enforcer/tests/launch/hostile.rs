//! Roots and targets that mean harm.

use crate::fixture::*;
use crate::mounts::Mounts;
use std::os::unix::fs::symlink;
use stockade_policy::plan::MountKind;

/// A link where something is to be mounted is refused by name, and nothing outside is touched.
pub(crate) fn planted_links() {
    for name in ["proc", "dev", "tmp", "srv"] {
        let root = Root::new();
        let victim = root.beside("victim");
        std::fs::create_dir(&victim).unwrap();
        let at = root.path().join(name);
        std::fs::remove_dir_all(&at).unwrap();
        symlink(&victim, &at).unwrap();
        let mut plan = root.strict();
        plan.mounts.entries = vec![entry("/srv", MountKind::Writable { exec: false })];
        let mounts = Mounts::now();
        let output = root.run(&plan, &["true"]);
        let (_, errors) = texts(&output);
        assert_eq!(output.status.code(), Some(125), "{errors}");
        assert!(errors.contains(&format!("/{name}")) && errors.contains("symbolic link"), "{errors}");
        assert_eq!(std::fs::read_dir(&victim).unwrap().count(), 0);
        assert_eq!(mounts.since(&root.beside("")), Vec::<String>::new());
    }
}

/// A place that is not there is named.
pub(crate) fn missing_places() {
    for name in ["proc", "dev", "tmp"] {
        let root = Root::new();
        std::fs::remove_dir(root.path().join(name)).unwrap();
        let output = root.run(&root.strict(), &["true"]);
        let (_, errors) = texts(&output);
        assert_eq!(output.status.code(), Some(125));
        assert!(errors.contains(&format!("/{name}")) && errors.contains("the root must have it"), "{errors}");
    }
}

/// A path that the plan narrows may be missing where nobody can make it, and not where the target could: made later,
/// by the target or on the host, it would stand there with the rights of what is around it.
pub(crate) fn missing_paths() {
    let narrowed = [MountKind::Hide, MountKind::ReadOnly { exec: false }];
    for kind in narrowed.clone() {
        let root = Root::new();
        let mut plan = root.strict();
        plan.mounts.entries = vec![entry("/absent", kind)];
        assert_eq!(root.run(&plan, &["true"]).status.code(), Some(0));
    }
    for kind in narrowed {
        for (around, at) in [(Some("/srv/data"), "/srv/data/absent"), (None, "/tmp/absent")] {
            let root = Root::new();
            let mut plan = root.strict();
            plan.mounts.entries =
                around.map(|around| entry(around, MountKind::Writable { exec: false })).into_iter().collect();
            assert_eq!(root.run(&plan, &["true"]).status.code(), Some(0), "{at}");
            plan.mounts.entries.push(entry(at, kind.clone()));
            let output = root.run(&plan, &["true"]);
            let (_, errors) = texts(&output);
            assert_eq!(output.status.code(), Some(125), "{at} {kind:?}: {errors}");
            assert!(errors.contains(at), "{errors}");
        }
    }
}

/// A path to be hidden that is a link hides what it leads to, inside.
pub(crate) fn hidden_through_a_link() {
    let root = Root::new();
    symlink("/secret", root.path().join("alias")).unwrap();
    let mut plan = root.strict();
    plan.landlock = None;
    plan.mounts.entries = vec![entry("/alias", MountKind::Hide)];
    let text = root.shell(&plan, "cat /secret/key /alias/key 2>&1; true");
    assert!(!text.contains("hidden text"), "{text}");
}

/// The interpreter of a script is whatever started it: the init, in a file of its own that nobody can write.
pub(crate) fn a_script_of_its_own_interpreter() {
    let root = Root::new();
    root.script("bin/loop", "#!/proc/self/exe\n");
    for plan in [root.strict(), root.as_root()] {
        let output = root.run(&plan, &["/bin/loop"]);
        // The kernel resolves it to the init's file: that, as process 2, finds nothing to take over and ends.
        assert!(!output.status.success(), "{output:?}");
        assert!(output.stdout.is_empty());
    }
}

/// Process 1 cannot be read, traced or written through by a target of the same user.
pub(crate) fn the_init_is_out_of_reach() {
    let root = Root::new();
    for mut plan in [root.strict(), root.as_root()] {
        plan.mounts.proc = stockade_policy::policy::ProcView::Full;
        let text = root.shell(
            &plan,
            "cat /proc/1/exe >/dev/null 2>&1 && echo READ; (echo x >/proc/1/exe) 2>/dev/null && echo WROTE; \
             cat /proc/1/environ >/dev/null 2>&1 && echo ENVIRON; readlink /proc/1/fd/* && echo FDS; \
             readlink /proc/1/root >/dev/null && echo ROOT; kill -9 1; kill -STOP 1; echo alive",
        );
        assert_eq!(text, "alive\n", "{text}");
    }
}
