//! The engines themselves, with plain runc: what the other tests stand on.

use crate::engine::{Engine, Options, Runtime, every, success, text};
use crate::image::Image;
use std::fs;

fn each(test: impl Fn(&dyn Engine, &Image)) {
    let image = Image::busybox();
    for engine in every(&Runtime::runc()) {
        eprintln!("{}", engine.name());
        engine.load(&image);
        test(&*engine, &image);
    }
}

#[test]
fn containers_run_and_end_with_their_code() {
    needs_engines!();
    each(|engine, image| {
        let command = ["sh", "-c", "echo out; echo err >&2; exit 7"];
        let output = engine.run("ends", image, &Options::default(), &command);
        assert_eq!(output.status.code(), Some(7), "{}", text(&output));
        assert_eq!(output.stdout, b"out\n");
        assert_eq!(output.stderr, b"err\n");
        let missing = engine.run("missing", image, &Options::default(), &["/no/such/program"]);
        assert!(!missing.status.success());
        assert!(text(&missing).contains("/no/such/program"), "{}", text(&missing));
    });
}

#[test]
fn running_ones_are_entered_paused_and_restarted() {
    needs_engines!();
    each(|engine, image| {
        let mut container = engine.start("runs", image, &Options::default(), &["sleep", "600"]).unwrap();
        let pid = engine.pid(&container);
        let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
        assert_eq!(comm, "sleep\n");
        assert_eq!(success(&engine.exec(&container, &["cat", "/proc/1/comm"])), "sleep");
        assert_eq!(engine.exec(&container, &["sh", "-c", "exit 9"]).status.code(), Some(9));
        if let Some(output) = engine.exec_as(&container, 101, &["id", "-u"]) {
            assert_eq!(success(&output), "101");
        }
        if engine.pause(&container, true) {
            engine.pause(&container, false);
        }
        engine.restart(&mut container);
        assert_ne!(engine.pid(&container), pid);
        assert_eq!(success(&engine.exec(&container, &["cat", "/proc/1/comm"])), "sleep");
        engine.remove(container);
    });
}

#[test]
fn options_reach_the_container() {
    needs_engines!();
    each(|engine, image| {
        let options = Options {
            user: Some((101, 101)),
            read_only: true,
            environment: &[("GREETING", "hello")],
            health: Some("test -e /etc/passwd"),
            ..Options::default()
        };
        let script = "echo $GREETING $(id -u) $(id -g); touch /new 2>/dev/null || echo read-only";
        let output = engine.run("options", image, &options, &["sh", "-c", script]);
        assert_eq!(success(&output), "hello 101 101\nread-only");
        let container = engine.start("health", image, &options, &["sleep", "600"]).unwrap();
        assert_ne!(engine.healthy(&container), Some(false));
        engine.remove(container);
        let capabilities = |options: &Options| {
            let output = engine.run("capabilities", image, options, &["grep", "CapEff", "/proc/self/status"]);
            success(&output)
        };
        let plain = capabilities(&Options::default());
        assert_ne!(plain, capabilities(&Options { add_capabilities: &["NET_ADMIN"], ..Options::default() }));
    });
}

#[test]
fn an_image_with_nothing_in_it_runs() {
    needs_engines!();
    let image = Image::scratch();
    for engine in every(&Runtime::runc()) {
        engine.load(&image);
        let container = engine.start("nothing", &image, &Options::default(), &[]).unwrap();
        let comm = fs::read_to_string(format!("/proc/{}/comm", engine.pid(&container))).unwrap();
        assert_eq!(comm, "sleep\n", "{}", engine.name());
        engine.remove(container);
    }
}
