//! What is read back of a container, as `stockade verify` reads it where an engine says which process is its first.

use crate::bench::Bench;
use stockade_enforcer::freeze::Stood;
use stockade_enforcer::oci::record::State;
pub(crate) use stockade_enforcer::status::Layer;
use stockade_enforcer::status::{Status, Verdict};
use stockade_enforcer::verify;

/// The processes of a container against what was kept of it.
pub(crate) fn verified(bench: &Bench, id: &str) -> (Status, Stood) {
    let kept = State::existing(&bench.join("state")).of(id).unwrap().expect("a record");
    verify::standing(&kept.plan, bench.pid(id)).unwrap()
}

/// What is read back of one layer.
pub(crate) fn verdict(bench: &Bench, id: &str, layer: Layer) -> String {
    let (status, _) = verified(bench, id);
    let found = status.layers.iter().find(|one| one.layer == layer);
    found.unwrap_or_else(|| panic!("no {layer}: {status:#?}")).verdict.to_string()
}

/// Nothing is looser, and nothing is unknown. Stricter is the outer filter beside the plan's; what no kernel shows is the init's
/// word.
pub(crate) fn holds(bench: &Bench, id: &str, what: &str) -> Stood {
    let (status, stood) = verified(bench, id);
    for layer in &status.layers {
        let is_other = matches!(layer.verdict, Verdict::NotVisible { .. } | Verdict::Looser { .. });
        assert!(!is_other, "{what}: {}: {}", layer.layer, layer.verdict);
    }
    stood
}

#[test]
fn what_was_made_is_what_is_read_back() {
    needs!("runtime", "runc", "busybox");
    // Of every path that the profile makes read-only, also below a /proc that is mounted without noexec: `runc spec`'s.
    let bench = Bench::with("default: ./wide.yaml\n");
    bench.profile("wide", "stockade: 1\nextends: [docker-default]\nprocess: {no_new_privileges: true}\n");
    bench.start(&bench.bundle("x"));
    assert_eq!(holds(&bench, "x", "wide"), Stood::Frozen);
}
