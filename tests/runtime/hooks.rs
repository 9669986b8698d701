//! Hooks that the rules admit.

use crate::bench::{Bench, ended};
use crate::swapped::runtime;
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

#[test]
fn a_hook_is_what_the_rules_were_asked_about() {
    needs!("runtime", "runc", "busybox", "touch");
    let bench = Bench::new();
    let (link, seen) = (bench.join("link"), bench.join("seen"));
    let touch = fs::canonicalize("/usr/bin/touch").unwrap();
    symlink(&touch, &link).unwrap();
    let runtime = runtime(&bench, "runc", &format!("ln -sfn /bin/false {}", link.display()));
    bench.rules(&format!("default: ./tight.yaml\nruntime: {runtime}\nhooks: [{}]\n", touch.display()));
    let bundle = bench.bundle("x");
    bundle.edit(|config| {
        config["process"]["args"] = json!(["/bin/true"]);
        config["hooks"] = json!({"prestart": [{"path": link, "args": ["another-name", seen]}]});
    });
    ended(&mut bench.stockade(&["run", "--bundle", bundle.text(), "x"])).success();
    assert!(seen.exists());
    let hooks = json!([{"path": touch, "args": ["another-name", seen]}]);
    assert_eq!(bundle.read()["hooks"]["prestart"], hooks);
}

#[test]
fn a_hook_that_others_could_change_is_refused() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let shared = bench.join("shared");
    fs::create_dir(&shared).unwrap();
    let hook = shared.join("hook");
    fs::copy("/bin/busybox", &hook).unwrap();
    bench.rules(&format!("default: ./tight.yaml\nhooks: [{}]\n", hook.display()));
    let bundle = bench.bundle("x");
    bundle.edit(|config| config["hooks"] = json!({"poststop": [{"path": hook, "args": ["true"]}]}));
    for (path, mode) in [(&shared, 0o777), (&hook, 0o775)] {
        let before = fs::metadata(path).unwrap().permissions();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        bench.create(&bundle).refused(&format!("others than root can change {}", path.display()));
        fs::set_permissions(path, before).unwrap();
    }
    bench.create(&bundle).success();
}
