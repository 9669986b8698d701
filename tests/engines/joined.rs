//! `--network container:OTHER`.

use crate::conformance::{PROFILE, wait_for_init};
use crate::engine::{Options, success, text};
use crate::image::Image;
use crate::rules::Rules;
use std::fs;

#[test]
fn the_network_of_another_container_is_joined_where_the_rules_say_so() {
    needs_engines!();
    let image = Image::busybox();
    let rules = Rules::new(&[("conformance", PROFILE)]);
    let plain = "default: ./conformance.yaml\n";
    let engines = rules.engines(plain);
    let places: Vec<_> = engines.iter().map(|engine| engine.directory()).collect();
    for engine in engines.iter().filter(|engine| engine.name() != "containerd") {
        let name = engine.name();
        engine.load(&image);
        // Nothing of the other but what comes with its network.
        rules.write_bare(&places, plain);
        let start = |what: &str, network: &str| {
            let options = Options { network: Some(network), ..Options::default() };
            engine.start(what, &image, &options, &["/bin/sleep", "600"])
        };
        let first = start("first", "none").unwrap_or_else(|output| panic!("{name}: {}", text(&output)));
        match start("second", "container:first") {
            Ok(_) => panic!("{name}: started"),
            Err(output) => {
                let said = text(&output);
                assert!(said.contains("network namespace of another container"), "{name}: {said}");
                assert!(said.contains("joins: [network]"), "{name}: {said}");
            }
        }
        rules.write_bare(&places, &format!("{plain}joins: [network]\n"));
        let second =
            start("second", "container:first").unwrap_or_else(|output| panic!("{name}: {}", text(&output)));
        let (one, two) = (wait_for_init(&**engine, &first), wait_for_init(&**engine, &second));
        for kind in ["net", "mnt", "pid", "ipc"] {
            let of = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap();
            assert_eq!(of(one) == of(two), kind == "net", "{name}: {kind}");
        }
        // podman (4.3) gives one without a network of its own its own file.
        let whose = if name == "docker" { &first.id } else { &second.id };
        let hosts = success(&engine.exec(&second, &["/bin/grep", " /etc/hosts ", "/proc/self/mountinfo"]));
        assert!(hosts.contains(whose.as_str()), "{name}: {hosts}");
        engine.remove(second);
        engine.remove(first);
    }
}
