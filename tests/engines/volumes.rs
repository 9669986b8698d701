//! Volumes of directories that others than root can change.

use crate::conformance::WIDE;
use crate::engine::{Options, success, text};
use crate::image::Image;
use crate::rules::Rules;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[test]
fn a_volume_that_others_could_swap_is_there_at_every_start() {
    needs_engines!();
    let image = Image::busybox();
    let rules = Rules::new(&[("wide", WIDE)]);
    let shared = rules.join("shared");
    fs::create_dir_all(shared.join("data")).unwrap();
    fs::set_permissions(&shared, Permissions::from_mode(0o777)).unwrap();
    let data = shared.join("data");
    fs::write(data.join("word"), "first\n").unwrap();
    let (kept, text_of_rules) = (rules.join("state/sources"), "default: ./wide.yaml\n");
    let engines = rules.engines(text_of_rules);
    let places: Vec<_> = engines.iter().map(|engine| engine.directory()).chain([shared.as_path()]).collect();
    rules.write(&places, text_of_rules);
    for engine in &engines {
        engine.load(&image);
        let name = engine.name();
        let mounts: [(&Path, &str, bool); 1] = [(&data, "/data", false)];
        let options = Options { mounts: &mounts, ..Options::default() };
        let mut container = engine
            .start("volume", &image, &options, &["/bin/sleep", "600"])
            .unwrap_or_else(|output| panic!("{name}: {}", text(&output)));
        let read = ["/bin/cat", "/data/word"];
        assert_eq!(success(&engine.exec(&container, &read)), "first", "{name}");
        fs::write(data.join("word"), "second\n").unwrap();
        engine.restart(&mut container);
        assert_eq!(success(&engine.exec(&container, &read)), "second", "{name}");
        success(&engine.exec(&container, &["/bin/sh", "-c", "echo first > /data/word"]));
        assert_eq!(fs::read_to_string(data.join("word")).unwrap(), "first\n", "{name}");
        engine.remove(container);
    }
    assert_eq!(fs::read_dir(kept).unwrap().count(), 0);
}
