//! What the target has been given, as the kernel shows it.

use crate::fixture::*;

pub(crate) fn as_planned() {
    let root = Root::new();
    let plan = root.strict();
    let text = root.shell(&plan, "cat /proc/self/status; id; ls -la / /dev; cat /proc/self/mountinfo; env; ls -l /proc/self/fd; ls /proc; ip link");
    println!("{text}");
}
