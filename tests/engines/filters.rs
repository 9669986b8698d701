//! Filters of the engines' own.

use crate::engine::{Options, text};
use crate::image::Image;
use crate::rules::Rules;
use std::fs;

/// Without no_new_privileges the inner runtime alone puts the filter on, so that what it is given must say all of it.
#[test]
fn a_profile_without_no_new_privileges_is_met_with_the_filter_of_each_engine() {
    needs_engines!();
    let image = Image::busybox();
    let rules = Rules::new(&[]);
    for engine in rules.engines("default: docker-default\n") {
        let name = engine.name();
        engine.load(&image);
        let container = engine
            .start("own", &image, &Options::default(), &["/bin/sleep", "600"])
            .unwrap_or_else(|output| panic!("{name}: {}", text(&output)));
        let status = fs::read_to_string(format!("/proc/{}/status", engine.pid(&container))).unwrap();
        for line in ["NoNewPrivs:\t0", "Seccomp_filters:\t1"] {
            assert!(status.contains(line), "{name}: {status}");
        }
        engine.remove(container);
    }
}
