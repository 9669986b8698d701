//! Quotas as a user sets them, on real file systems and every kernel that there is a guest of.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]
#![forbid(unsafe_code)]

mod area;
mod collected;
mod held;
mod killed;
mod refused;

use area::{Area, KINDS};
use std::error::Error;
use stockade_vm::{Disk, Guest, KERNELS, test};

/// Where the binary stands in a guest.
const STOCKADE: &str = "/usr/local/bin/stockade";

fn equip(guest: Guest) -> Result<Guest, Box<dyn Error>> {
    let guest = guest.built(env!("CARGO_BIN_EXE_stockade"), STOCKADE).memory(768);
    let guest =
        ["xfs", "ext4", "quota_v2", "btrfs", "overlay"].iter().fold(guest, |guest, name| guest.module(name));
    let guest = ["btrfs", "xfs_quota", "setpriv", "strace", "lsattr"]
        .iter()
        .fold(guest, |guest, name| guest.program(name));
    Ok(guest.disk(Disk::xfs(300)?).disk(Disk::ext4(128)?).disk(Disk::btrfs(256)?).disk(Disk::blank(128)?))
}

/// What is tried on a file system.
type Case = fn(&Area);

/// All that is tried on each, in an area of its own.
const CASES: [(&str, Case); 13] = [
    ("what is full stays whole, and space comes back", held::full),
    ("files are counted", held::files),
    ("what was there is counted", held::before),
    ("limits are changed and taken away", held::changed),
    ("directories are limited together", held::together),
    ("what shares extents is given back", held::shared),
    ("however deep it is", held::deep),
    ("less than there is changes nothing", refused::too_little),
    ("what lies there and is somebody else's is refused", refused::others_inside),
    ("what cannot be limited is refused", refused::elsewhere),
    ("what is gone is given back", collected::gone),
    ("what somebody else changed is repaired", collected::drift),
    ("where nothing is enforced nothing is given back", collected::not_enforced),
];

#[test]
fn quotas_hold_and_are_told_true_on_every_file_system() {
    test(KERNELS, equip, || {
        for kind in &KINDS {
            for (what, case) in CASES {
                eprintln!("{}: {what}", kind.name);
                case(&Area::new(kind));
            }
        }
        refused::not_enforced();
        refused::other_file_systems();
        collected::copy();
    });
}

#[test]
fn a_quota_is_whole_or_not_there_whenever_it_is_killed() {
    test(&["6.12"], equip, || {
        let kinds: Vec<_> = KINDS.iter().filter(|kind| kind.by_directory).collect();
        // Every other call on each, so that each is on one of them: all on all take six minutes of emulation.
        let kills =
            kinds.iter().zip([1, 2, 1]).map(|(kind, first)| killed::everywhere(&Area::new(kind), first, 2));
        let kills: usize = kills.sum();
        eprintln!("{kills} kills");
        // Fewer would not be all of the calls that one operation makes.
        assert!(kills >= 80, "{kills}");
    });
}
