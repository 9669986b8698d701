//! `annotations` that a runtime takes orders from.

use super::{Cut, Document};
use crate::origin::Origins;

/// Where crun takes a filter as a program, in base64. crun(1), "EXTENSIONS".
pub(super) const PROGRAM: &str = "run.oci.seccomp_bpf_data";

/// Where runc takes a file with options for criu. runc-restore(8); docs/checkpoint-restore in runc's sources,
/// `configureCriuOptions` in libcontainer/criu_linux.go.
pub const CRIU: &str = "org.criu.config";

/// Beginnings of names by which crun, criu and systemd are told what no field says: crun(1), "EXTENSIONS";
/// runc's docs/systemd.md.
const ORDERS: [&str; 3] = ["run.oci.", "org.criu.", "org.systemd.property."];

/// Takes those away that no rule of the administrator names, and a filter in any case: it would stand in the place of
/// the one that is put on.
pub(super) fn strip(document: &mut Document, admitted: &[String]) -> Vec<Cut> {
    let is_order = |name: &str| ORDERS.iter().any(|order| name.starts_with(order));
    let is_admitted = |name: &str| name != PROGRAM && admitted.iter().any(|admitted| admitted == name);
    if document.get(&["annotations"]).is_none() {
        return Vec::new();
    }
    let annotations = document.object(&["annotations"]);
    let left: Vec<String> =
        annotations.keys().filter(|name| is_order(name) && !is_admitted(name)).cloned().collect();
    left.iter()
        .map(|name| {
            annotations.remove(name);
            Cut {
                field: format!("annotations.{name}"),
                change: "taken away: the inner runtime takes orders from it".to_owned(),
                origins: Origins::new(),
            }
        })
        .collect()
}
