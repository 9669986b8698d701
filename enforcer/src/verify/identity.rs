//! User, groups and id maps.

use super::Read;
use crate::status::Verdict;
use stockade_observe::Task;
use stockade_observe::status::{IdMapLine, Status};
use stockade_policy::plan::{IdMap, Identity};

/// All four ids of either kind, the groups, and the maps that give them their meaning.
pub(super) fn verify(plan: &Identity, task: &Task, status: &Status) -> Read {
    let maps = plan.user_namespace.as_ref();
    let outside = |maps: Option<&[IdMap]>, inside: u32| match maps {
        None => Some(inside),
        Some(maps) => maps.iter().find_map(|map| {
            let offset = inside.checked_sub(map.inside).filter(|offset| *offset < map.count)?;
            map.outside.checked_add(offset)
        }),
    };
    let uid = outside(maps.map(|maps| maps.uids.as_slice()), plan.uid);
    let gids = maps.map(|maps| maps.gids.as_slice());
    let gid = outside(gids, plan.gid);
    let mut verdict =
        all_four("uid", plan.uid, uid, status.uids).and(all_four("gid", plan.gid, gid, status.gids));

    let planned: Vec<_> = plan.groups.iter().filter_map(|group| outside(gids, *group)).collect();
    let more: Vec<_> = status.groups.iter().filter(|group| !planned.contains(group)).collect();
    let fewer: Vec<_> = planned.iter().filter(|group| !status.groups.contains(group)).collect();
    let mut detail = format!("uid {}, gid {}, groups {:?}", status.uids[0], status.gids[0], status.groups);
    if !more.is_empty() {
        if maps.is_some_and(|maps| maps.deny_setgroups) {
            // Without privilege the kernel lets nobody drop a group: it may stand for a denial.
            detail.push_str(", the caller's own among them: without privilege they cannot be left");
        } else if more.iter().any(|group| Some(**group) != gid) {
            verdict = verdict.and(Verdict::looser(format!("in the groups {more:?} too")));
        }
    }
    if !fewer.is_empty() {
        verdict = verdict.and(Verdict::stricter(format!("not in the groups {fewer:?}")));
    }
    if let Some(maps) = maps {
        verdict = verdict.and(map("uid_map", &maps.uids, &task.uid_map()?));
        verdict = verdict.and(map("gid_map", &maps.gids, &task.gid_map()?));
        if maps.deny_setgroups && task.read("setgroups")?.trim_ascii() != b"deny" {
            verdict = verdict.and(Verdict::looser("setgroups is allowed in its user namespace"));
        }
    }
    Ok((verdict, detail))
}

fn all_four(what: &str, inside: u32, outside: Option<u32>, actual: [u32; 4]) -> Verdict {
    const NAMES: [&str; 4] = ["real", "effective", "saved", "file system"];
    let Some(outside) = outside else {
        return Verdict::looser(format!("{what} {inside} is not in the plan's own map; is {}", actual[1]));
    };
    let wrong = NAMES.iter().zip(actual).filter(|(_, actual)| *actual != outside);
    wrong
        .map(|(name, actual)| Verdict::looser(format!("{name} {what} is {actual}, planned {outside}")))
        .fold(Verdict::Exact, Verdict::and)
}

/// A map is stricter where it maps less, and looser where it maps anything else.
fn map(file: &str, planned: &[IdMap], actual: &[IdMapLine]) -> Verdict {
    let lines: Vec<_> = actual
        .iter()
        .map(|line| IdMap { inside: line.inside, outside: line.outside, count: line.count })
        .collect();
    let within = |line: &IdMap| {
        planned.iter().any(|map| {
            let offset = u64::from(line.inside).checked_sub(u64::from(map.inside));
            offset.is_some_and(|offset| {
                u64::from(map.outside) + offset == u64::from(line.outside)
                    && offset + u64::from(line.count) <= u64::from(map.count)
            })
        })
    };
    if lines.len() == planned.len() && planned.iter().all(|map| lines.contains(map)) {
        Verdict::Exact
    } else if lines.iter().all(within) {
        Verdict::stricter(format!("{file} maps {lines:?} only"))
    } else {
        Verdict::looser(format!("{file} maps {lines:?}, planned {planned:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_ordered_by_what_they_map() {
        let map_of = |inside, outside, count| IdMap { inside, outside, count };
        let line = |inside, outside, count| IdMapLine { inside, outside, count };
        let planned = [map_of(0, 1000, 10), map_of(100, 5000, 1)];
        let exact = [line(0, 1000, 10), line(100, 5000, 1)];
        assert_eq!(map("uid_map", &planned, &exact), Verdict::Exact);
        assert!(matches!(map("uid_map", &planned, &[line(3, 1003, 7)]), Verdict::Stricter { .. }));
        assert!(matches!(map("uid_map", &planned, &[]), Verdict::Stricter { .. }));
        for wrong in [line(0, 0, 10), line(3, 1003, 8), line(3, 1002, 1), line(0, 1000, u32::MAX)] {
            assert!(matches!(map("uid_map", &planned, &[wrong]), Verdict::Looser { .. }), "{wrong:?}");
        }
    }
}
