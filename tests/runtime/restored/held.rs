//! What a checkpoint brings itself to go on by: nothing of it runs before it was looked at.

use super::{KEPT, RULES, Scene};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Writes a byte each time that it runs, and wakes itself by what would let a stopped process go on.
const WAKES: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

int main(void) {
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGCONT};
    int ran = open("/ran", O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (ran < 0) return 1;
    /* One that is due when it is stopped is lost with its signal. Every five milliseconds another is. */
    for (int index = 0; index < 40; index++) {
        struct itimerspec often = {{0, 200000000}, {0, 5000000 * (index + 1)}};
        timer_t timer;
        if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &often, 0)) return 1;
    }
    for (;;) {
        if (write(ran, ".", 1) != 1) return 2;
        usleep(1000);
    }
}
"#;

/// A checkpoint of a program that wakes itself, and the file that it writes to.
fn waking() -> Option<(Scene, PathBuf)> {
    let scene = Scene::of(RULES, |_, bundle, config| {
        build(WAKES, &bundle.path.join("rootfs/bin/wakes"));
        config["process"]["args"] = json!(["/bin/wakes"]);
    })?;
    let ran = scene.bundle.path.join("rootfs/ran");
    Some((scene, ran))
}

/// Sends a descriptor to itself, and never receives it.
const SENDS: &str = r#"
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    int ends[2];
    char byte = 'x', control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends)) return 1;
    memcpy(CMSG_DATA(rights), &ends[1], sizeof(int));
    if (sendmsg(ends[0], &message, 0) != 1) return 2;
    for (;;) pause();
}
"#;

#[test]
fn descriptors_on_their_way_are_refused() {
    needs!("runtime", "runc", "busybox", "gcc");
    let scene = Scene::of(RULES, |_, bundle, config| {
        build(SENDS, &bundle.path.join("rootfs/bin/sends"));
        config["process"]["args"] = json!(["/bin/sends"]);
    });
    let Some(scene) = scene else { return };
    scene.restore(&["--detach"]).refused("in which descriptors are on their way");
    assert_eq!(scene.left(), "");
}

fn build(source: &str, program: &Path) {
    let file = program.with_extension("c");
    fs::write(&file, source).unwrap();
    assert!(
        Command::new("gcc").args(["-Os", "-static", "-o"]).args([program, &file]).status().unwrap().success()
    );
    fs::remove_file(&file).unwrap();
}

fn size(file: &Path) -> u64 {
    fs::metadata(file).unwrap().len()
}

#[test]
fn no_timer_lets_it_go_on() {
    needs!("runtime", "runc", "busybox", "gcc");
    let Some((scene, ran)) = waking() else { return };
    let before = size(&ran);
    assert!(before > 0);
    scene.bench.profile("kept", &KEPT.replace("umask: \"027\"", "umask: \"077\""));
    let original = scene.bundle.read();
    scene.restore(&["--detach"]).refused("umask is looser");
    assert_eq!(size(&ran), before);
    scene.bundle.write(&original);
    scene.bench.profile("kept", KEPT);
    scene.restore(&["--detach"]).success();
    crate::patience::patiently("a program that runs", || (size(&ran) > before).then_some(()));
}

/// What criu starts is replaced as criu is started: at the last step it dies itself, or takes criu with it.
#[test]
fn whoever_of_its_keepers_is_killed_it_is_ended() {
    needs!("runtime", "runc", "busybox", "gcc", "/bin/bash");
    let Some((mut scene, _)) = waking() else { return };
    let original = scene.bundle.read();
    let places = scene.bench.join("state/containers").display().to_string();
    let (criu, hold, real) = (scene.bench.join("criu"), scene.bench.join("hold"), scene.criu.clone());
    let swap = format!(
        "#!/bin/bash\nfor at in {places}/*/stockade-hold; do cp --remove-destination {} \"$at\"; done\nexec {real} \"$@\"\n",
        hold.display()
    );
    program(&criu, &swap);
    scene.criu = criu.display().to_string();
    // Without criu it is runc that says so, which reads from it.
    for (dies, words) in [("$$", "criu did not have it frozen"), ("$PPID $$", "read unixpacket")] {
        let stockade = env!("CARGO_BIN_EXE_stockade");
        let killed = format!(
            "[ \"$CRTOOLS_SCRIPT_ACTION\" != pre-resume ] || kill -9 {dies}\nexec -a \"$0\" {stockade}\n"
        );
        program(&hold, &format!("#!/bin/bash\n{killed}"));
        let ended = scene.restore(&["--detach"]);
        assert_ne!(ended.code, Some(0), "{dies}: {ended:?}");
        assert!(ended.stderr.contains(words), "{dies}: {ended:?}");
        assert!(scene.bench.state("x").is_none(), "{dies}");
        assert_eq!(scene.left(), "", "{dies}");
        scene.bundle.write(&original);
    }
}

fn program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
}
