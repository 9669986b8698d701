//! The one ordered list of steps that the child walks, from its first instruction to its exec as the init.

use super::init::message;
use super::prepared::Prepared;
use crate::layer::{Done, Failure, On, process};
use crate::sys::process::exec_file;
use crate::sys::{Errno, Sys, file, prctl, signal, socket};
use std::os::fd::RawFd;

/// One step.
pub(super) struct Step {
    /// The name in messages.
    pub(super) name: &'static str,
    /// Why it stands where it stands.
    #[cfg_attr(not(test), expect(dead_code, reason = "written for readers, and checked by a test"))]
    pub(super) why: &'static str,
    run: for<'p> fn(&dyn Sys, &'p Prepared) -> Done<'p>,
}

const fn step(
    name: &'static str,
    why: &'static str,
    run: for<'p> fn(&dyn Sys, &'p Prepared) -> Done<'p>,
) -> Step {
    Step { name, why, run }
}

/// All steps, in order.
pub(super) const STEPS: [Step; 29] = [
    step(
        "launcher's end",
        "first: or this process would itself keep open what tells it that the launcher is gone",
        |s, p| file::close(s, p.launcher).on(c"control socket"),
    ),
    step(
        "hostname",
        "needs nothing from outside: while the launcher writes id maps; needs CAP_SYS_ADMIN",
        |s, p| p.namespaces.set_hostname(s),
    ),
    step("loopback", "needs nothing from outside either; needs CAP_NET_ADMIN", |s, p| {
        p.namespaces.raise_loopback(s)
    }),
    step("propagation", "before the first mount, which the host would see otherwise", |s, _| {
        crate::sys::mount::make_all_private(s).on(c"/")
    }),
    step(
        "go",
        "before anything that needs id maps or a cgroup, which the launcher sets from outside",
        wait_for_go,
    ),
    step("signals", "the launcher ignores SIGPIPE for itself; what is ignored stays so over exec", |s, _| {
        signal::set_default(s, libc::SIGPIPE).on(c"SIGPIPE")
    }),
    step(
        "sysctls",
        "as the caller's own user, who owns the files, and while the host's /proc is in view",
        |s, p| p.namespaces.set_sysctls(s),
    ),
    step("sources", "as the caller's own user, who may reach them; before the root changes", |s, p| {
        p.mounts.open_sources(s)
    }),
    step(
        "identity",
        "before anything is created: a file can only belong to an id that the map has",
        |s, p| p.identity.apply(s),
    ),
    step("parent", "after the identity, a change of which clears the death signal", follow_launcher),
    step("cgroup namespace", "in the cgroup by now, which becomes its root; needs CAP_SYS_ADMIN", |s, p| {
        p.namespaces.unshare_cgroup(s)
    }),
    step(
        "attach",
        "on top of the old root, so that what is in it can be copied, and mounted into",
        |s, p| p.mounts.attach_root(s),
    ),
    step("clones", "before the tree becomes read-only, so that a copy keeps what the host had", |s, p| {
        p.mounts.clone_entries(s)
    }),
    step("seal", "before our own mounts, which have attributes of their own", |s, p| p.mounts.seal(s)),
    step("proc", "while the old root is in view: a user namespace must see a procfs to mount one", |s, p| {
        p.mounts.mount_proc(s)
    }),
    step("devices", "after the seal, which forbids devices; while the host's /dev is in view", |s, p| {
        p.mounts.mount_devices(s)
    }),
    step("tmp", "after the seal", |s, p| p.mounts.mount_tmp(s)),
    step("entries", "after /proc, /dev and /tmp, parts of which they hide or change", |s, p| {
        p.mounts.mount_entries(s)
    }),
    step("root", "once nothing of the host's tree is needed any more", |s, p| p.mounts.enter_root(s)),
    step("old root", "at once: from here on nothing outside has a path", |s, p| p.mounts.leave_old_root(s)),
    step("session", "before a terminal, so that none can be typed into from inside", |s, _| {
        process::Part::new_session(s)
    }),
    step("keyring", "as the user, whose quota it counts against", |s, _| process::Part::new_keyring(s)),
    step("no new privileges", "before Landlock, which asks for it", |s, p| {
        p.process.set_no_new_privileges(s)
    }),
    step(
        "landlock",
        "after the mounts, which it forbids to change; before the limit on descriptors, of which it opens many",
        |s, p| p.landlock.as_ref().map_or(Ok(()), |landlock| landlock.apply(s, p.mounts.root())),
    ),
    step("attributes", "limits after all that opens and maps; the umask after all that creates", |s, p| {
        p.process.set_umask(s)?;
        p.process.set_limits(s)
    }),
    step("capabilities", "after everything that needs one", |s, p| p.capabilities.apply(s)),
    step("workdir", "without capabilities, so that it is one that the user may enter", |s, p| {
        p.process.enter_workdir(s)
    }),
    step("descriptors", "last, over all that the steps before have opened", pass_descriptors),
    step("init", "its memory and its file hold nothing of the launcher", |s, p| {
        exec_file(s, p.init, &p.argv, &p.envp).on_nothing()
    }),
];

/// Walks the steps. Returns only what stopped it; `Ok` is what a recorder's exec gives.
pub(super) fn walk<'p>(sys: &dyn Sys, prepared: &'p Prepared) -> Result<(), (usize, Failure<'p>)> {
    for (index, step) in STEPS.iter().enumerate() {
        (step.run)(sys, prepared).map_err(|failure| (index, failure))?;
    }
    Ok(())
}

/// The child's whole life.
pub(super) fn child(sys: &dyn Sys, prepared: &Prepared) {
    if let Err((index, failure)) = walk(sys, prepared) {
        report(sys, prepared.control, index, failure);
    }
}

/// Tells the launcher which step failed, on what, and why. Where that fails too, the launcher sees the end alone.
fn report(sys: &dyn Sys, control: RawFd, step: usize, failure: Failure<'_>) {
    let mut text = [0u8; 512];
    let step = u32::try_from(step).unwrap_or(u32::MAX);
    let value = step << 16 | failure.errno.0.cast_unsigned() & 0xffff;
    let words = message::FAILED.to_ne_bytes().into_iter().chain(value.to_ne_bytes());
    let content = words.chain(failure.object.to_bytes().iter().copied());
    let mut length = 0;
    for (to, from) in text.iter_mut().zip(content) {
        *to = from;
        length += 1;
    }
    let _ = socket::send(sys, control, text.get(..length).unwrap_or_default());
}

fn wait_for_go<'p>(sys: &dyn Sys, prepared: &'p Prepared) -> Done<'p> {
    let mut word = [0u8; 1];
    match socket::receive(sys, prepared.control, &mut word) {
        Ok(1) => Ok(()),
        // The launcher gave up, or is gone.
        Ok(_) => Err(Errno::EPIPE).on(c"control socket"),
        Err(errno) => Err(errno).on(c"control socket"),
    }
}

/// Dies with the launcher. One that died before the signal was asked for has left a socket without a peer.
fn follow_launcher<'p>(sys: &dyn Sys, prepared: &'p Prepared) -> Done<'p> {
    prctl::set_parent_death_signal(sys, libc::SIGKILL).on(c"death signal")?;
    let mut interests = [socket::readable(prepared.control)];
    match socket::poll(sys, &mut interests, false).on(c"control socket")? {
        0 => Ok(()),
        _ => Err(Errno::EPIPE).on(c"control socket"),
    }
}

fn pass_descriptors<'p>(sys: &dyn Sys, prepared: &'p Prepared) -> Done<'p> {
    if let Some(slave) = prepared.terminal {
        for standard in 0..3 {
            file::duplicate_to(sys, slave, standard).on(c"terminal")?;
        }
    }
    file::close_at_exec_from(sys, 3).on(c"descriptors")?;
    // Not for the target: the init marks it again as it starts.
    file::keep_at_exec(sys, prepared.control).on(c"control socket")?;
    for fd in &prepared.keep {
        file::keep_at_exec(sys, *fd).on(c"passed descriptor")?;
    }
    Ok(())
}
