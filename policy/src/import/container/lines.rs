//! The sections of an imported container as text.

use super::{EITHER, Sections};
use crate::export::yaml;
use crate::vocab::{Cap, CapSet};
use serde_json::{Map, Value, json};

impl Sections {
    /// The YAML of all sections but the system calls.
    pub(in crate::import) fn lines(&self) -> Vec<String> {
        let sections = [
            ("process", Value::Object(self.process())),
            ("capabilities", self.capabilities()),
            ("files", Value::Object(self.files())),
            ("mounts", self.mounts.iter().map(mount).collect()),
            ("devices", self.devices()),
            ("namespaces", Value::Object(self.namespaces())),
            (
                "resources",
                self.resources.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect(),
            ),
            ("lsm", self.lsm()),
        ];
        let mut lines = Vec::new();
        for (name, value) in sections {
            let empty = match &value {
                Value::Array(items) => items.is_empty(),
                Value::Object(entries) => entries.is_empty(),
                _ => false,
            };
            if !empty {
                lines.extend(yaml::text(&json!({name: value})).lines().map(str::to_owned));
            }
        }
        lines
    }

    fn process(&self) -> Map<String, Value> {
        let mut process = Map::new();
        let mut set = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                process.insert(key.to_owned(), value);
            }
        };
        set("user", self.user.as_ref().map(|user| json!(user)));
        set("groups", (!self.groups.is_empty()).then(|| json!(self.groups)));
        set("umask", self.umask.map(|umask| json!(format!("{umask:03o}"))));
        set("no_new_privileges", Some(json!(self.no_new_privileges)));
        set("environment", Some(json!({"replace": self.environment})));
        set("workdir", self.workdir.as_ref().map(|path| json!(path)));
        set("hostname", self.hostname.as_ref().map(|name| json!(name)));
        set("sysctls", (!self.sysctls.is_empty()).then(|| json!(self.sysctls)));
        set("limits", (!self.limits.is_empty()).then(|| json!(self.limits)));
        process
    }

    fn capabilities(&self) -> Value {
        if self.capabilities == CapSet::ALL {
            return json!("all");
        }
        let names: Vec<&str> = self.capabilities.iter().map(Cap::name).collect();
        json!({"replace": names})
    }

    fn files(&self) -> Map<String, Value> {
        let mut files = Map::new();
        if self.read_only_root {
            files.insert("root".to_owned(), json!("read-only"));
            files.insert("write".to_owned(), json!({"replace": self.write}));
        }
        if !self.hide.is_empty() {
            files.insert("hide".to_owned(), json!(self.hide));
        }
        let tmp = self.tmp.map_or_else(|| "none".to_owned(), |bytes| format!("{bytes} B"));
        files.insert("tmp".to_owned(), json!(tmp));
        files.insert("proc".to_owned(), json!(self.proc));
        files
    }

    fn devices(&self) -> Value {
        self.devices.as_ref().map_or_else(|| json!("all"), |devices| json!({"replace": devices}))
    }

    fn namespaces(&self) -> Map<String, Value> {
        let mode = |kind| if self.private.contains(kind) { "private" } else { "host" };
        let mut namespaces: Map<String, Value> =
            EITHER.iter().map(|kind| (kind.name().to_owned(), json!(mode(kind)))).collect();
        if let Some(path) = &self.network {
            namespaces.insert("network".to_owned(), json!({"join": path}));
        }
        namespaces
    }

    fn lsm(&self) -> Value {
        let labels = [("apparmor", &self.apparmor), ("selinux", &self.selinux)];
        let written =
            labels.into_iter().filter_map(|(key, label)| Some((key.to_owned(), json!(label.as_ref()?))));
        Value::Object(written.collect())
    }
}

fn mount((at, (from, options)): (&String, &(String, Vec<&'static str>))) -> Value {
    let mut mount = json!({"from": from, "at": at});
    if !options.is_empty() {
        mount["options"] = json!(options);
    }
    mount
}
