//! `stockade verify --all --watch`.

use crate::engine::{Engine, Options, Runtime, every};
use crate::image::Image;
use crate::patience::PATIENCE;
use crate::record::{State, plan_of};
use crate::verify::verify;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// A watch, with what it prints.
struct Watch {
    child: Child,
    lines: Receiver<Value>,
}

impl Watch {
    fn start(engine: &dyn Engine, state: &State) -> Self {
        let mut child = verify(engine, state, &["--all", "--watch"]).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if send.send(serde_json::from_str(&line).unwrap()).is_err() {
                    break;
                }
            }
        });
        Watch { child, lines }
    }

    /// The next that is said of a container.
    fn next(&self, id: &str) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{id}: {error}"));
            if line["id"] == id {
                return line;
            }
        }
    }

    /// Its exit code after a signal.
    fn told(&mut self, signal: &str) -> Option<i32> {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_starts_and_ends_is_said_once() {
    needs_engines!();
    let image = Image::busybox();
    for (engine, signal) in every(&Runtime::runc()).into_iter().zip(["-INT", "-TERM", "-INT"]) {
        eprintln!("{}", engine.name());
        engine.load(&image);
        let state = State::new();
        let start = |name: &str| engine.start(name, &image, &Options::default(), &["sleep", "600"]).unwrap();
        let before = start("before");
        state.keep(&before.id, &plan_of(engine.pid(&before)));
        let mut watch = Watch::start(&*engine, &state);
        assert_eq!(watch.next(&before.id)["state"], "verified");
        let after = start("after");
        let id = after.id.clone();
        let line = watch.next(&id);
        assert_eq!(line["state"], "not_under_stockade", "{line}");
        assert_eq!(line["kind"], "container-status");
        engine.remove(after);
        assert_eq!(watch.next(&id)["state"], "ended");
        assert_eq!(watch.told(signal), Some(0));
    }
}
