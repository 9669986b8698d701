//! A process that is looked at, in a mount namespace of its own. It ends with its test, however that ends.

use std::process::{Child, Command, Stdio};
use stockade_observe::Task;

pub(super) struct Asleep(Child);

impl Asleep {
    /// What `script` becomes, as soon as that is `name`, with this standard input.
    pub(super) fn new(script: &str, name: &str, input: impl Into<Stdio>) -> Asleep {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]).stdin(input).stdout(Stdio::null());
        let mut asleep = Asleep(command.spawn().unwrap());
        let task = asleep.task();
        while task.read("comm").unwrap() != format!("{name}\n").as_bytes() {
            assert!(asleep.0.try_wait().unwrap().is_none(), "{script}");
        }
        asleep
    }

    pub(super) fn task(&self) -> Task {
        Task::open(self.0.id()).unwrap()
    }
}

impl Drop for Asleep {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn it_ends_with_a_test_that_fails() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIP restored-asleep: a mount namespace takes root");
        return;
    }
    let task = std::sync::Mutex::new(None);
    let failed = std::panic::catch_unwind(|| {
        let asleep = Asleep::new("exec sleep 60", "sleep", Stdio::null());
        *task.lock().unwrap() = Some(asleep.task());
        std::panic::resume_unwind(Box::new(()));
    });
    assert!(failed.is_err());
    let task = task.lock().unwrap().take().unwrap();
    assert!(task.status().is_err(), "process {} is still there", task.pid());
}
