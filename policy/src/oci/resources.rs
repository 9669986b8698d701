//! `linux.resources` but for devices: limits of the cgroup. config-linux.md, "Control groups".

use super::{Bounds, Cut, Document, OciError, Refusal, fields};
use crate::compile::cgroup::PERIOD;
use crate::origin::Ruled;
use crate::policy::Resource;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The smallest quota that the kernel takes, microseconds.
const MIN_QUOTA: u64 = 1_000;

/// Throttles by the limit that they are. config-linux.md, "Block IO".
const THROTTLES: [(Resource, &str); 4] = [
    (Resource::IoRead, "throttleReadBpsDevice"),
    (Resource::IoWrite, "throttleWriteBpsDevice"),
    (Resource::IoReadOperations, "throttleReadIOPSDevice"),
    (Resource::IoWriteOperations, "throttleWriteIOPSDevice"),
];

/// Files of cgroup v2 that hold a limit of a policy.
const UNIFIED: [(&str, &[Resource]); 5] = [
    ("memory.max", &[Resource::Memory]),
    ("memory.swap.max", &[Resource::Swap]),
    ("cpu.max", &[Resource::CpuMillis]),
    ("pids.max", &[Resource::Processes]),
    (
        "io.max",
        &[Resource::IoRead, Resource::IoWrite, Resource::IoReadOperations, Resource::IoWriteOperations],
    ),
];

/// What a field says that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// No limit, as when a container is made.
    Unlimited,
    /// The limit that is there, as in an update.
    Unchanged,
}

/// The limits that a bundle sets, in a policy's terms.
pub(super) fn read(resources: &Document) -> BTreeMap<Resource, Ruled<u64>> {
    let limit = |path: &[&str]| positive(resources.get(path));
    let mut limits = BTreeMap::new();
    let memory = limit(&["memory", "limit"]);
    let swap = limit(&["memory", "swap"]).zip(memory).map(|(both, memory)| both.saturating_sub(memory));
    let period = limit(&["cpu", "period"]).unwrap_or(PERIOD);
    let cpu = limit(&["cpu", "quota"]).map(|quota| quota.saturating_mul(1000).div_ceil(period.max(1)));
    let found = [
        (Resource::Memory, memory),
        (Resource::Swap, swap),
        (Resource::CpuMillis, cpu),
        (Resource::Processes, limit(&["pids", "limit"])),
    ];
    limits.extend(found.into_iter().filter_map(|(kind, limit)| Some((kind, Ruled::unwritten(limit?)))));
    limits
}

/// A limit: what is not above 0 is none.
fn positive(value: Option<&Value>) -> Option<u64> {
    value.and_then(Value::as_u64).filter(|limit| *limit > 0)
}

impl Bounds {
    /// The resources of an `update`, as the engine gives them in a file of their own.
    pub fn updated(
        &self,
        resources: &mut Document,
        block_devices: &BTreeSet<String>,
    ) -> Result<Vec<Cut>, OciError> {
        let refusals = fields::check_part(resources.tree(), "linux.resources");
        if !refusals.is_empty() {
            return Err(OciError::Refused(refusals));
        }
        // The rules about devices were met when the container was made, and no engine updates them.
        if resources.get(&["devices"]).is_some() {
            let why = "an update cannot change the devices";
            return Err(OciError::Refused(vec![Refusal::plain("linux.resources.devices", why)]));
        }
        self.limit(resources, Absent::Unchanged, block_devices).map_err(OciError::Refused)
    }

    /// Makes `linux.resources` keep to the bounds.
    pub(super) fn limit(
        &self,
        resources: &mut Document,
        absent: Absent,
        block_devices: &BTreeSet<String>,
    ) -> Result<Vec<Cut>, Vec<Refusal>> {
        let mut meeting = Meeting { bounds: self, resources, absent, cuts: Vec::new() };
        let refusals = meeting.refusals();
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let memory = meeting.most(Resource::Memory, &["memory", "limit"], absent, |limit| limit);
        meeting.swap(memory);
        meeting.cpu();
        meeting.most(Resource::Processes, &["pids", "limit"], absent, |limit| limit);
        meeting.throttles(block_devices);
        meeting.oom_killer();
        Ok(meeting.cuts)
    }
}

struct Meeting<'a> {
    bounds: &'a Bounds,
    resources: &'a mut Document,
    absent: Absent,
    cuts: Vec<Cut>,
}

impl Meeting<'_> {
    fn refusals(&self) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        for key in ["realtimeRuntime", "realtimePeriod"] {
            if positive(self.resources.get(&["cpu", key])).is_some() {
                let why = "real-time scheduling can take the processors from everyone else";
                refusals.push(Refusal::plain(format!("linux.resources.cpu.{key}"), why));
            }
        }
        let unified = self.resources.get(&["unified"]).and_then(Value::as_object);
        for key in unified.iter().flat_map(|map| map.keys()) {
            let limited = UNIFIED.iter().find(|(file, _)| file == key);
            let asked = limited.and_then(|(_, kinds)| kinds.iter().find_map(|kind| self.asked(*kind)));
            if let Some(asked) = asked {
                // It is written behind the limit, and may be stricter than that or looser.
                let (field, origins) = (format!("linux.resources.unified.{key}"), asked.origins.clone());
                let why = "the policy has a limit for it: set the field of that limit".to_owned();
                refusals.push(Refusal { field, why, origins });
            }
            if key.starts_with("cgroup.") || key.contains('/') {
                let why = "it changes the cgroup and not a limit";
                refusals.push(Refusal::plain(format!("linux.resources.unified.{key}"), why));
            }
        }
        let memory = self.resources.get(&["memory", "limit"]);
        let known =
            memory.is_some() && (positive(memory).is_some() || self.asked(Resource::Memory).is_some());
        if let Some(asked) = self.asked(Resource::Swap)
            && self.absent == Absent::Unlimited
            && positive(memory).or(self.asked(Resource::Memory).map(|limit| limit.value)).is_none()
        {
            let why =
                "the policy limits swap, which a bundle can only say beside a limit of memory".to_owned();
            let field = "linux.resources.memory.swap".to_owned();
            refusals.push(Refusal { field, why, origins: asked.origins.clone() });
        }
        let swap = self.resources.get(&["memory", "swap"]).filter(|swap| swap.as_u64() != Some(0));
        if let Some(asked) = swap.and(self.asked(Resource::Swap))
            && self.absent == Absent::Unchanged
            && !known
        {
            let why = "it counts memory and swap together: name `memory.limit` beside it".to_owned();
            let field = "linux.resources.memory.swap".to_owned();
            refusals.push(Refusal { field, why, origins: asked.origins.clone() });
        }
        refusals
    }

    fn asked(&self, kind: Resource) -> Option<&Ruled<u64>> {
        self.bounds.resources.get(&kind).filter(|limit| limit.value != u64::MAX)
    }

    /// Sets a limit to at most what the policy says, and returns what it is then.
    fn most(
        &mut self,
        kind: Resource,
        path: &[&str],
        absent: Absent,
        unit: impl Fn(u64) -> u64,
    ) -> Option<u64> {
        let written = self.resources.get(path).cloned();
        let before = positive(written.as_ref());
        let Some(asked) = self.asked(kind).cloned() else { return before };
        if written.is_none() && absent == Absent::Unchanged {
            return None;
        }
        let most = unit(asked.value);
        if before.is_some_and(|before| before <= most) {
            return before;
        }
        self.resources.set(path, most);
        self.cuts.push(Cut {
            field: format!("linux.resources.{}", path.join(".")),
            change: format!("at most {most}"),
            origins: asked.origins,
        });
        Some(most)
    }

    /// A bundle counts memory and swap together: what less memory leaves of the sum would be more swap.
    fn swap(&mut self, memory: Option<u64>) {
        let Some(memory) = memory else { return };
        let sum = |swap| memory.saturating_add(swap);
        self.most(Resource::Swap, &["memory", "swap"], Absent::Unlimited, sum);
    }

    /// A share is the quota by the period: one of them alone changes it, whatever the other is.
    fn cpu(&mut self) {
        let Some(millis) = self.asked(Resource::CpuMillis).map(|asked| asked.value) else { return };
        let period = positive(self.resources.get(&["cpu", "period"]));
        let share = |length: u64| millis.saturating_mul(length) / 1000;
        // Of a shorter period the smallest quota is more than the share.
        let length = period.filter(|length| share(*length) >= MIN_QUOTA).unwrap_or(PERIOD);
        let absent = if period.is_some() { Absent::Unlimited } else { self.absent };
        let cut = self.cuts.len();
        self.most(Resource::CpuMillis, &["cpu", "quota"], absent, |_| share(length).max(MIN_QUOTA));
        let changed = self.cuts.len() > cut
            || self.absent == Absent::Unchanged && self.resources.get(&["cpu", "quota"]).is_some();
        if changed || period.is_some_and(|period| period != length) {
            self.resources.set(&["cpu", "period"], length);
        }
        self.resources.remove(&["cpu", "burst"]);
    }

    fn throttles(&mut self, block_devices: &BTreeSet<String>) {
        for (kind, field) in THROTTLES {
            let Some(asked) = self.asked(kind).cloned() else { continue };
            let path = ["blockIO", field];
            if self.absent == Absent::Unchanged && self.resources.get(&path).is_none() {
                continue;
            }
            let mut entries = self.resources.list(&path).to_vec();
            let mut lowered = false;
            for (major, minor) in block_devices.iter().filter_map(|device| device.split_once(':')) {
                let (Ok(major), Ok(minor)) = (major.parse::<u64>(), minor.parse::<u64>()) else { continue };
                let number = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_u64);
                let same = |entry: &Value| {
                    number(entry, "major") == Some(major) && number(entry, "minor") == Some(minor)
                };
                let rate = entries
                    .iter()
                    .filter(|entry| same(entry))
                    .filter_map(|entry| positive(entry.get("rate")))
                    .min();
                lowered |= rate.is_none_or(|rate| rate > asked.value);
                let rate = rate.unwrap_or(u64::MAX).min(asked.value);
                entries.retain(|entry| !same(entry));
                entries.push(json!({"major": major, "minor": minor, "rate": rate}));
            }
            self.resources.set(&path, entries);
            if lowered {
                self.cuts.push(Cut {
                    field: format!("linux.resources.blockIO.{field}"),
                    change: format!("at most {} on every disk", asked.value),
                    origins: asked.origins,
                });
            }
        }
    }

    fn oom_killer(&mut self) {
        if self.resources.get(&["memory", "disableOOMKiller"]) == Some(&Value::Bool(true)) {
            self.resources.set(&["memory", "disableOOMKiller"], false);
            self.cuts.push(Cut {
                field: "linux.resources.memory.disableOOMKiller".to_owned(),
                change:
                    "false: a container that is not ended when its memory runs out hangs with what it holds"
                        .to_owned(),
                origins: crate::origin::Origins::new(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    /// What becomes of an update under half a processor, 100 bytes of memory and 10 of swap.
    fn updated(text: &str) -> Result<String, String> {
        let limits = [(Resource::Memory, 100), (Resource::Swap, 10), (Resource::CpuMillis, 500)];
        let mut policy = Policy::unconstrained("test");
        policy.resources = limits.map(|(kind, limit)| (kind, Ruled::unwritten(limit))).into();
        let mut asked = Document::parse(text.as_bytes()).unwrap();
        let done = Bounds::of(&policy, None).updated(&mut asked, &BTreeSet::new());
        done.map(|_| asked.text().trim().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_update_is_met_with_what_belongs_to_it() {
        for (asked, expected) in [
            (r#"{"memory":{"limit":50}}"#, r#"{"memory":{"limit":50,"swap":60}}"#),
            (r#"{"memory":{"limit":-1,"swap":-1}}"#, r#"{"memory":{"limit":100,"swap":110}}"#),
            (r#"{"memory":{"limit":0,"swap":-1}}"#, r#"{"memory":{"limit":100,"swap":110}}"#),
            (r#"{"cpu":{"quota":-1}}"#, r#"{"cpu":{"period":100000,"quota":50000}}"#),
            (r#"{"cpu":{"quota":5000}}"#, r#"{"cpu":{"period":100000,"quota":5000}}"#),
            (r#"{"cpu":{"period":10000}}"#, r#"{"cpu":{"period":10000,"quota":5000}}"#),
            (r#"{"cpu":{"period":10000,"quota":9000}}"#, r#"{"cpu":{"period":10000,"quota":5000}}"#),
            // The smallest quota of so short a period would be the whole of it.
            (r#"{"cpu":{"period":1000,"quota":1000}}"#, r#"{"cpu":{"period":100000,"quota":1000}}"#),
            (r#"{"cpu":{"shares":5}}"#, r#"{"cpu":{"shares":5}}"#),
        ] {
            assert_eq!(updated(asked).as_deref(), Ok(expected), "{asked}");
        }
        for asked in [r#"{"memory":{"swap":-1}}"#, r#"{"memory":{"swap":50}}"#] {
            assert!(updated(asked).unwrap_err().contains("name `memory.limit` beside it"), "{asked}");
        }
    }
}
