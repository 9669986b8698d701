//! Flags that change a profile for one run. Each is a small profile of its own that extends those before
//! it, so that what a flag decides is checked like everything else and has its flag as the origin.

use std::sync::Arc;
use stockade_policy::lookup::Source;

/// Flags of `run` that change the profile. They may loosen, as a profile that extends another may; a
/// floor may not be left.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Overrides")]
pub(crate) struct Overrides {
    /// Any part of a profile, as YAML: --set 'files: {tmp: 64 MiB}'
    #[arg(long, value_name = "YAML")]
    pub(crate) set: Vec<String>,
    /// The user it runs as: 101, 101:101, www-data
    #[arg(long, value_name = "USER[:GROUP]")]
    pub(crate) user: Option<String>,
    /// A path it may read
    #[arg(long, value_name = "PATH")]
    pub(crate) read: Vec<String>,
    /// A path it may write
    #[arg(long, value_name = "PATH")]
    pub(crate) write: Vec<String>,
    /// A program it may execute, or a directory of them
    #[arg(long, value_name = "PATH")]
    pub(crate) execute: Vec<String>,
    /// An environment variable passed on, or set to VALUE
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,
    /// The working directory inside the root
    #[arg(long, value_name = "PATH")]
    pub(crate) workdir: Option<String>,
    /// The host name inside
    #[arg(long, value_name = "NAME")]
    pub(crate) hostname: Option<String>,
    /// Memory, as `512 MiB`
    #[arg(long, value_name = "BYTES")]
    pub(crate) memory: Option<String>,
    /// Processors, as `1.5`
    #[arg(long, value_name = "NUMBER")]
    pub(crate) cpu: Option<String>,
    /// Processes and threads at once
    #[arg(long, value_name = "NUMBER")]
    pub(crate) processes: Option<String>,
    /// Whose network it sees
    #[arg(long, value_name = "private|host")]
    pub(crate) network: Option<String>,
}

impl Overrides {
    /// The flags as profiles on top of `base`, the last one the outermost; with the name by which the
    /// outermost is looked up. Without flags that is `base`.
    pub(crate) fn layer(&self, base: &str) -> (String, Vec<Source>) {
        let mut below = vec![base.to_owned()];
        let mut layers = Vec::new();
        let sugar = self.sugar().into_iter().map(|(flag, body)| (format!("--{flag}"), body));
        let several = self.set.len() > 1;
        let set = self.set.iter().enumerate().map(|(index, yaml)| {
            let flag = if several { format!("--set#{}", index + 1) } else { "--set".to_owned() };
            (flag, yaml.clone())
        });
        for (flag, body) in sugar.chain(set) {
            // All of them and not only the last: a chain would soon have more generations than a profile may.
            let text = extend(&body, base, &below);
            layers.push(Source { file: Arc::from(flag.as_str()), text: text.into_bytes() });
            below.push(flag);
        }
        (below.pop().unwrap_or_default(), layers)
    }

    /// Each flag that was given, with what it stands for.
    fn sugar(&self) -> Vec<(&'static str, String)> {
        let one = |flag, path: [&str; 2], value: &Option<String>| {
            value.as_ref().map(|value| (flag, format!("{}: {{{}: {}}}", path[0], path[1], quoted(value))))
        };
        let many = |flag, path: [&str; 2], values: &[String]| {
            let list: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            (!list.is_empty()).then(|| (flag, format!("{}: {{{}: [{}]}}", path[0], path[1], list.join(", "))))
        };
        let names: Vec<String> = self.env.iter().map(|entry| name(entry).to_owned()).collect();
        [
            one("user", ["process", "user"], &self.user),
            one("workdir", ["process", "workdir"], &self.workdir),
            one("hostname", ["process", "hostname"], &self.hostname),
            many("env", ["process", "environment"], &names),
            many("read", ["files", "read"], &self.read),
            many("write", ["files", "write"], &self.write),
            many("execute", ["files", "execute"], &self.execute),
            one("memory", ["resources", "memory"], &self.memory),
            one("cpu", ["resources", "cpu"], &self.cpu),
            one("processes", ["resources", "processes"], &self.processes),
            one("network", ["namespaces", "network"], &self.network),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Variables that the flags give a value, which wins over the caller's.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.env.iter().filter_map(|entry| entry.split_once('='))
    }
}

/// The name in `NAME` or `NAME=VALUE`.
fn name(entry: &str) -> &str {
    entry.split_once('=').map_or(entry, |(name, _)| name)
}

/// A YAML scalar that is this text whatever it holds: a JSON string is one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `body` as a profile that extends `parents`. What is added stands behind a block mapping, and in front
/// of the first key of a flow mapping, so that the caller's lines keep their numbers.
fn extend(body: &str, base: &str, parents: &[String]) -> String {
    let name = base.rsplit('/').next().unwrap_or(base).trim_end_matches(".yaml");
    let parents: Vec<String> = parents.iter().map(|parent| quoted(parent)).collect();
    let parents = format!("[{}]", parents.join(", "));
    let head = [("stockade", "1".to_owned()), ("name", quoted(name)), ("extends", parents)];
    match body.trim_start().strip_prefix('{') {
        Some(rest) => {
            let head: Vec<String> = head.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            format!("{{{}, {rest}", head.join(", "))
        }
        None => {
            let head: Vec<String> = head.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
            format!("{body}\n{}", head.concat())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flag_leaves_the_profile_alone() {
        let (top, layers) = Overrides::default().layer("web");
        assert_eq!(top, "web");
        assert!(layers.is_empty());
    }

    #[test]
    fn each_flag_extends_those_before() {
        let overrides = Overrides {
            memory: Some("512 MiB".into()),
            env: vec!["LANG".into(), "A=b=c".into()],
            set: vec!["files: {tmp: 1 MiB}".into()],
            ..Overrides::default()
        };
        let (top, layers) = overrides.layer("web");
        assert_eq!(top, "--set");
        let text: Vec<(&str, &str)> =
            layers.iter().map(|source| (&*source.file, std::str::from_utf8(&source.text).unwrap())).collect();
        assert_eq!(
            text,
            [
                (
                    "--env",
                    "process: {environment: [\"LANG\", \"A\"]}\nstockade: 1\nname: \"web\"\nextends: [\"web\"]\n"
                ),
                (
                    "--memory",
                    "resources: {memory: \"512 MiB\"}\nstockade: 1\nname: \"web\"\nextends: [\"web\", \"--env\"]\n"
                ),
                (
                    "--set",
                    "files: {tmp: 1 MiB}\nstockade: 1\nname: \"web\"\nextends: [\"web\", \"--env\", \"--memory\"]\n"
                ),
            ]
        );
        assert_eq!(overrides.values().collect::<Vec<_>>(), [("A", "b=c")]);
    }

    #[test]
    fn a_value_cannot_break_out_of_its_place() {
        let overrides = Overrides { hostname: Some("a\"}\nsyscalls: {x".into()), ..Overrides::default() };
        let (_, layers) = overrides.layer("web");
        let text = String::from_utf8(layers[0].text.clone()).unwrap();
        assert!(text.starts_with("process: {hostname: \"a\\\"}\\nsyscalls: {x\"}\n"), "{text}");
    }

    #[test]
    fn a_flow_mapping_is_extended_inside() {
        assert_eq!(
            extend("{files: {tmp: 1}}", "./x/web.yaml", &["p".to_owned()]),
            "{stockade: 1, name: \"web\", extends: [\"p\"], files: {tmp: 1}}"
        );
    }
}
