//! Who it runs as.

use super::Resolver;
use crate::diagnostic::Diagnostic;
use crate::lattice::intervals::IntervalSet;
use crate::origin::{At, Origin, Ruled};
use crate::policy::Users;
use crate::profile::{IdRange, Principal, Process, UserChosen, UserSet};

impl Resolver<'_> {
    /// Fills in the users; without a word about them every one is admitted, and the caller runs.
    pub(super) fn users(&mut self, process: Option<&Process>, users: &mut Users) {
        let Some(process) = process else { return };
        if let Some(set) = &process.users {
            users.uids = self.user_set(set);
        }
        if let Some(chosen) = &process.user {
            self.chosen_user(chosen, process.users.as_ref(), users);
        }
        let groups = process.groups.as_ref().map(|list| list.items.as_slice()).unwrap_or_default();
        for group in groups {
            if let Some(gid) = self.group(&group.value, &group.origin) {
                users.groups.push(Ruled::at(gid, group.origin.clone()));
            }
        }
        // Groups are a set to the kernel.
        users.groups.sort_by_key(|group| group.value);
        users.groups.dedup_by_key(|group| group.value);
    }

    fn chosen_user(&mut self, chosen: &At<UserChosen>, set: Option<&UserSet>, users: &mut Users) {
        let Some((uid, primary)) = self.user(&chosen.value.user, &chosen.origin) else { return };
        let gid = match &chosen.value.group {
            Some(group) => self.group(group, &chosen.origin),
            None => primary,
        };
        users.gid = gid.map(|gid| Ruled::at(gid, chosen.origin.clone()));
        if !users.uids.value.contains(uid) {
            let diagnostic =
                Diagnostic::error(format!("user {uid} is not among the users that are admitted"));
            let related = set.map(|set| (self.report.place(&set.origin), "admitted here".to_owned()));
            let diagnostic = Diagnostic { related: related.into_iter().collect(), ..diagnostic };
            return self.fault(&chosen.origin, diagnostic);
        }
        users.uids.value = IntervalSet::single(uid);
        users.uids.origins.insert(chosen.origin.clone());
    }

    fn user_set(&mut self, set: &UserSet) -> Ruled<IntervalSet<u32>> {
        let mut ids = IntervalSet::empty();
        for user in &set.users {
            let range = match &user.value {
                IdRange::Range(first, last) => Some(IntervalSet::range(*first, *last)),
                IdRange::One(one) => self.user(one, &user.origin).map(|(uid, _)| IntervalSet::single(uid)),
            };
            ids = range.map_or_else(|| ids.clone(), |range| ids.union(&range));
        }
        let ids = if set.not { ids.complement() } else { ids };
        if ids.is_empty() && !self.report.has_errors() {
            self.fault(&set.origin, Diagnostic::error("this admits no user at all"));
        }
        Ruled::at(ids, set.origin.clone())
    }

    /// A user's id, and its primary group where the root's passwd was asked.
    fn user(&mut self, user: &Principal, origin: &Origin) -> Option<(u32, Option<u32>)> {
        let name = match user {
            Principal::Id(id) => return Some((*id, None)),
            // Id 0 is root to the kernel, whatever a passwd says.
            Principal::Name(name) if name == "root" => return Some((0, Some(0))),
            Principal::Name(name) => name,
        };
        match self.lookup.user(name) {
            Ok(Some((uid, gid))) => Some((uid, Some(gid))),
            Ok(None) => self.nobody("user", "/etc/passwd", name, origin),
            Err(why) => self.unreadable("user", name, &why, origin),
        }
    }

    fn group(&mut self, group: &Principal, origin: &Origin) -> Option<u32> {
        let name = match group {
            Principal::Id(id) => return Some(*id),
            Principal::Name(name) if name == "root" => return Some(0),
            Principal::Name(name) => name,
        };
        match self.lookup.group(name) {
            Ok(Some(gid)) => Some(gid),
            Ok(None) => self.nobody("group", "/etc/group", name, origin),
            Err(why) => self.unreadable("group", name, &why, origin),
        }
    }

    fn nobody<T>(&mut self, what: &str, file: &str, name: &str, origin: &Origin) -> Option<T> {
        let diagnostic = Diagnostic::error(format!("the root's {file} has no {what} `{name}`"))
            .help(format!("write the {what}'s number, or add it to the root"));
        self.fault(origin, diagnostic);
        None
    }

    fn unreadable<T>(&mut self, what: &str, name: &str, why: &str, origin: &Origin) -> Option<T> {
        let diagnostic = Diagnostic::error(format!("the {what} `{name}` cannot be looked up: {why}"))
            .help(format!("write the {what}'s number"));
        self.fault(origin, diagnostic);
        None
    }
}
