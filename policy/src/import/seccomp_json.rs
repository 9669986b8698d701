//! Docker's seccomp JSON and the OCI runtime's, as written: every value with its place.
//!
//! Docker's: github.com/moby/profiles, seccomp/seccomp.go. The OCI runtime's: runtime-spec, config-linux.md,
//! "Seccomp". Docker makes the second from the first for one container.

use crate::diagnostic::{Diagnostic, Flaw};
use crate::lattice::action::Action;
use crate::origin::{At, Origin};
use crate::parse::read::{scalar, unknown};
use crate::parse::record::Fields;
use crate::parse::report::Report;
use crate::parse::tree::{Content, Node};
use crate::vocab::Arch;

/// Whose JSON it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Docker,
    Oci,
}

impl Dialect {
    pub(super) fn name(self) -> &'static str {
        match self {
            Dialect::Docker => "Docker's seccomp JSON",
            Dialect::Oci => "an OCI runtime's seccomp JSON",
        }
    }
}

/// An interface as named; `None` is one of another machine than the vocabulary's.
pub(super) type Interface = At<Option<Arch>>;

/// The whole of it.
#[derive(Debug)]
pub(super) struct SeccompJson {
    pub(super) dialect: Dialect,
    pub(super) default: At<Action>,
    /// Interfaces whatever the host.
    pub(super) architectures: Vec<Interface>,
    /// Interfaces by the host's own.
    pub(super) by_host: Vec<(Interface, Vec<Interface>)>,
    /// `None` where they are not written, which is not the same as none.
    pub(super) flags: Option<Vec<At<String>>>,
    pub(super) rules: Vec<Rule>,
}

/// An entry of `syscalls`.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) origin: Origin,
    pub(super) names: Vec<At<String>>,
    pub(super) action: Action,
    pub(super) comparisons: Vec<Comparison>,
    pub(super) includes: Filter,
    pub(super) excludes: Filter,
    pub(super) comment: Option<String>,
}

/// For which containers a rule is there.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub(super) capabilities: Vec<At<String>>,
    pub(super) architectures: Vec<At<String>>,
    pub(super) least_kernel: Option<At<(u32, u32)>>,
}

/// An entry of `args`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) argument: u8,
    pub(super) operator: Operator,
    /// The value; of `SCMP_CMP_MASKED_EQ` the mask.
    pub(super) value: u64,
    /// Of `SCMP_CMP_MASKED_EQ` the value.
    pub(super) value_two: u64,
}

/// seccomp_rule_add(3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Plain(crate::condition::Operator),
    MaskedEqual,
}

const OPERATORS: [(&str, Operator); 7] = {
    use crate::condition::Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    [
        ("SCMP_CMP_NE", Operator::Plain(NotEqual)),
        ("SCMP_CMP_LT", Operator::Plain(Less)),
        ("SCMP_CMP_LE", Operator::Plain(LessOrEqual)),
        ("SCMP_CMP_EQ", Operator::Plain(Equal)),
        ("SCMP_CMP_GE", Operator::Plain(GreaterOrEqual)),
        ("SCMP_CMP_GT", Operator::Plain(Greater)),
        ("SCMP_CMP_MASKED_EQ", Operator::MaskedEqual),
    ]
};

/// An action from its `errnoRet`.
type Answer = fn(u16) -> Action;

/// What an `errnoRet` means beside them: runc, libcontainer/seccomp/seccomp_linux.go, getAction.
const ACTIONS: [(&str, Answer); 9] = [
    ("SCMP_ACT_KILL", |_| Action::KillThread),
    ("SCMP_ACT_KILL_THREAD", |_| Action::KillThread),
    ("SCMP_ACT_KILL_PROCESS", |_| Action::KillProcess),
    ("SCMP_ACT_TRAP", |_| Action::Trap(0)),
    ("SCMP_ACT_ERRNO", Action::Errno),
    ("SCMP_ACT_TRACE", Action::Trace),
    ("SCMP_ACT_ALLOW", |_| Action::Allow),
    ("SCMP_ACT_LOG", |_| Action::Log),
    ("SCMP_ACT_NOTIFY", |_| Action::Notify),
];

/// What runc answers where no `errnoRet` is written: EPERM.
const ERRNO: u16 = 1;

/// Names of interfaces; those of other machines than the vocabulary's are known and nothing more.
/// seccomp_arch_add(3), runtime-spec.
const INTERFACES: [(&str, Option<Arch>); 24] = [
    ("SCMP_ARCH_X86_64", Some(Arch::X86_64)),
    ("SCMP_ARCH_X86", Some(Arch::I386)),
    ("SCMP_ARCH_X32", Some(Arch::X32)),
    ("SCMP_ARCH_AARCH64", Some(Arch::Aarch64)),
    ("SCMP_ARCH_ARM", Some(Arch::Arm)),
    ("SCMP_ARCH_MIPS", None),
    ("SCMP_ARCH_MIPS64", None),
    ("SCMP_ARCH_MIPS64N32", None),
    ("SCMP_ARCH_MIPSEL", None),
    ("SCMP_ARCH_MIPSEL64", None),
    ("SCMP_ARCH_MIPSEL64N32", None),
    ("SCMP_ARCH_PPC", None),
    ("SCMP_ARCH_PPC64", None),
    ("SCMP_ARCH_PPC64LE", None),
    ("SCMP_ARCH_S390", None),
    ("SCMP_ARCH_S390X", None),
    ("SCMP_ARCH_PARISC", None),
    ("SCMP_ARCH_PARISC64", None),
    ("SCMP_ARCH_RISCV64", None),
    ("SCMP_ARCH_LOONGARCH64", None),
    ("SCMP_ARCH_M68K", None),
    ("SCMP_ARCH_SH", None),
    ("SCMP_ARCH_SHEB", None),
    ("SCMP_ARCH_NATIVE", None),
];

/// The name of an interface in JSON.
pub(crate) fn interface_name(arch: Arch) -> &'static str {
    INTERFACES.iter().find(|(_, known)| *known == Some(arch)).map_or("SCMP_ARCH_NATIVE", |(name, _)| name)
}

const DOCUMENT: &[&str] =
    &["defaultAction", "defaultErrnoRet", "architectures", "archMap", "flags", "syscalls"];
const OCI_DOCUMENT: &[&str] = &[
    "defaultAction",
    "defaultErrnoRet",
    "architectures",
    "flags",
    "listenerPath",
    "listenerMetadata",
    "syscalls",
];
const RULE: &[&str] =
    &["name", "names", "action", "errnoRet", "errno", "args", "comment", "includes", "excludes"];
const OCI_RULE: &[&str] = &["names", "action", "errnoRet", "args"];

/// Reads either dialect; faults are reported.
pub(super) fn read(node: &Node, report: &mut Report) -> Option<SeccompJson> {
    let Content::Mapping(entries) = &node.content else {
        let diagnostic =
            Diagnostic::error(format!("an object is expected, not {}", node.kind())).help(SHAPES);
        report.push(diagnostic, &node.origin);
        return None;
    };
    let entry = |name: &str| entries.iter().find(|(key, _)| key.scalar.text == name).map(|(_, node)| node);
    if entry("ociVersion").is_some() || entry("linux").is_some() {
        let inside = entry("linux").and_then(|linux| member(linux, "seccomp"));
        let Some(seccomp) = inside.filter(|seccomp| !is_null(seccomp)) else {
            let diagnostic =
                Diagnostic::error("this OCI configuration has no `linux.seccomp`: it filters nothing");
            report.push(diagnostic.help("the profile `unconfined` filters nothing either"), &node.origin);
            return None;
        };
        return object(seccomp, Dialect::Oci, report);
    }
    if entry("defaultAction").is_none() {
        let mut diagnostic = Diagnostic::error("there is no `defaultAction`").help(SHAPES);
        let keys = entries.iter().map(|(key, _)| key.scalar.text.as_str()).filter(|key| key.len() < 64);
        if let Some(near) = crate::vocab::nearest::nearest("defaultAction", keys) {
            diagnostic = diagnostic.help(format!("`{near}` is written `defaultAction`"));
        }
        report.push(diagnostic, &node.origin);
        return None;
    }
    let oci = entry("listenerPath").is_some() || entry("listenerMetadata").is_some();
    let docker = entry("archMap").is_some() || entry("syscalls").is_some_and(has_docker_rule);
    object(node, if docker || !oci { Dialect::Docker } else { Dialect::Oci }, report)
}

const SHAPES: &str = "Docker's is `{\"defaultAction\": …, \"archMap\": […], \"syscalls\": […]}`, an OCI \
                      configuration has it as `linux.seccomp`";

fn member<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let Content::Mapping(entries) = &node.content else { return None };
    entries.iter().find(|(key, _)| key.scalar.text == name).map(|(_, node)| node)
}

fn is_null(node: &Node) -> bool {
    matches!(&node.content, Content::Scalar(scalar) if scalar.is_null())
}

/// Whether a rule has what only Docker's have.
fn has_docker_rule(rules: &Node) -> bool {
    let Content::Sequence(rules) = &rules.content else { return false };
    let own = RULE.iter().filter(|key| !OCI_RULE.contains(key));
    own.into_iter().any(|key| rules.iter().any(|rule| member(rule, key).is_some()))
}

fn object(node: &Node, dialect: Dialect, report: &mut Report) -> Option<SeccompJson> {
    let valid = if dialect == Dialect::Docker { DOCUMENT } else { OCI_DOCUMENT };
    let fields = Fields::new(node, "the seccomp object", valid, report)?;
    fields.require("defaultAction", "the seccomp object", node, report);
    let default_errno = number(&fields, "defaultErrnoRet", u64::from(u16::MAX), report);
    let default = action(&fields, "defaultAction", default_errno, report);
    let architectures = list(&fields, "architectures", report).iter();
    let architectures: Vec<Interface> = architectures.filter_map(|node| interface(node, report)).collect();
    let maps = list(&fields, "archMap", report);
    let by_host: Vec<_> = maps.iter().filter_map(|node| arch_map(node, report)).collect();
    if !architectures.is_empty() && !by_host.is_empty() {
        let diagnostic = Diagnostic::error("`architectures` and `archMap` are both written: use one");
        report.push(diagnostic, &node.origin);
    }
    let flags = fields.node("flags").filter(|node| !is_null(node)).map(|_| texts(&fields, "flags", report));
    for key in ["listenerPath", "listenerMetadata"] {
        if let Some(node) = fields.node(key).filter(|node| !is_null(node)) {
            let diagnostic =
                Diagnostic::error(format!("`{key}`: a profile cannot name who answers notifications"));
            report.push(diagnostic.help("take it out and decide those calls otherwise"), &node.origin);
        }
    }
    let rules = list(&fields, "syscalls", report);
    let rules = rules.iter().filter_map(|node| rule(node, dialect, report)).collect();
    Some(SeccompJson { dialect, default: default?, architectures, by_host, flags, rules })
}

fn arch_map(node: &Node, report: &mut Report) -> Option<(Interface, Vec<Interface>)> {
    let fields = Fields::new(node, "an entry of `archMap`", &["architecture", "subArchitectures"], report)?;
    fields.require("architecture", "an entry of `archMap`", node, report);
    let own = fields.node("architecture").and_then(|node| interface(node, report));
    let more = list(&fields, "subArchitectures", report);
    let more = more.iter().filter_map(|node| interface(node, report)).collect();
    Some((own?, more))
}

fn rule(node: &Node, dialect: Dialect, report: &mut Report) -> Option<Rule> {
    let valid = if dialect == Dialect::Docker { RULE } else { OCI_RULE };
    let what = "an entry of `syscalls`";
    let fields = Fields::new(node, what, valid, report)?;
    fields.require("action", what, node, report);
    let mut names = texts(&fields, "names", report);
    match fields.node("name").filter(|node| !is_null(node)) {
        Some(node) if !names.is_empty() => {
            report.push(Diagnostic::error("`name` and `names` are both written: use one"), &node.origin);
        }
        Some(node) => names.extend(text(node, "the name of a call", report)),
        None => {}
    }
    if names.is_empty() {
        report.push(Diagnostic::error(format!("{what} lacks `names`")), &node.origin);
    }
    let errno = number(&fields, "errnoRet", u64::from(u16::MAX), report)
        .or_else(|| number(&fields, "errno", u64::from(u16::MAX), report));
    let action = action(&fields, "action", errno, report);
    let comparisons = list(&fields, "args", report);
    let comparisons = comparisons.iter().filter_map(|node| comparison(node, report)).collect();
    let comment = fields.node("comment").filter(|node| !is_null(node));
    let comment = comment.and_then(|node| text(node, "text", report)).map(|comment| comment.value);
    Some(Rule {
        origin: node.origin.clone(),
        names,
        action: action?.value,
        comparisons,
        includes: filter(&fields, "includes", report),
        excludes: filter(&fields, "excludes", report),
        comment: comment.filter(|comment| !comment.trim().is_empty()),
    })
}

fn filter(fields: &Fields<'_>, key: &str, report: &mut Report) -> Filter {
    let Some(node) = fields.node(key).filter(|node| !is_null(node)) else { return Filter::default() };
    let what = format!("`{key}`");
    let Some(fields) = Fields::new(node, &what, &["caps", "arches", "minKernel"], report) else {
        return Filter::default();
    };
    let least = fields.node("minKernel").filter(|node| !is_null(node));
    let least = least.and_then(|node| text(node, "a kernel version", report)).and_then(|written| {
        let version = super::selection::kernel(&written.value);
        if version.is_none() {
            let diagnostic = Diagnostic::error(format!("`{}` is no kernel version", written.value));
            report.push(diagnostic.help("versions are written `4.8`"), &written.origin);
        }
        version.map(|value| At { value, origin: written.origin })
    });
    Filter {
        capabilities: texts(&fields, "caps", report),
        architectures: texts(&fields, "arches", report),
        least_kernel: least,
    }
}

fn comparison(node: &Node, report: &mut Report) -> Option<Comparison> {
    let what = "an entry of `args`";
    let fields = Fields::new(node, what, &["index", "value", "valueTwo", "op"], report)?;
    for key in ["index", "value", "op"] {
        fields.require(key, what, node, report);
    }
    // Left out, the comparison would let the rule hold for more than it says.
    for key in ["index", "value"] {
        if let Some(null) = fields.node(key).filter(|node| is_null(node)) {
            report.push(Diagnostic::error(format!("`{key}` of {what} is null")), &null.origin);
        }
    }
    let argument = number(&fields, "index", 5, report);
    let value = number(&fields, "value", u64::MAX, report);
    let value_two = number(&fields, "valueTwo", u64::MAX, report).unwrap_or(0);
    let operator = text(fields.node("op")?, "an operator", report)?;
    let found = OPERATORS.iter().find(|(name, _)| *name == operator.value);
    if found.is_none() {
        report.push(unknown("operator", &operator.value, &OPERATORS.map(|(name, _)| name)), &operator.origin);
    }
    let argument = u8::try_from(argument?).ok()?;
    Some(Comparison { argument, operator: found?.1, value: value?, value_two })
}

fn action(fields: &Fields<'_>, key: &str, errno: Option<u64>, report: &mut Report) -> Option<At<Action>> {
    let written = text(fields.node(key)?, "an action", report)?;
    let Some((_, action)) = ACTIONS.iter().find(|(name, _)| *name == written.value) else {
        report.push(unknown("action", &written.value, &ACTIONS.map(|(name, _)| name)), &written.origin);
        return None;
    };
    let errno = errno.and_then(|errno| u16::try_from(errno).ok()).unwrap_or(ERRNO);
    Some(At { value: action(errno), origin: written.origin })
}

fn interface(node: &Node, report: &mut Report) -> Option<Interface> {
    let written = text(node, "an architecture", report)?;
    match INTERFACES.iter().find(|(name, _)| *name == written.value) {
        Some((_, arch)) => Some(At { value: *arch, origin: written.origin }),
        None => {
            report.push(
                unknown("architecture", &written.value, &INTERFACES.map(|(name, _)| name)),
                &written.origin,
            );
            None
        }
    }
}

/// The items of a list; none where it is not written or `null`.
fn list<'a>(fields: &Fields<'a>, key: &str, report: &mut Report) -> &'a [Node] {
    match fields.node(key) {
        None => &[],
        Some(node) => match &node.content {
            Content::Sequence(items) => items,
            Content::Scalar(scalar) if scalar.is_null() => &[],
            _ => {
                report
                    .push(Diagnostic::error(format!("`{key}` is a list, not {}", node.kind())), &node.origin);
                &[]
            }
        },
    }
}

fn texts(fields: &Fields<'_>, key: &str, report: &mut Report) -> Vec<At<String>> {
    list(fields, key, report).iter().filter_map(|node| text(node, "text", report)).collect()
}

/// A JSON string.
fn text(node: &Node, what: &str, report: &mut Report) -> Option<At<String>> {
    let found = scalar(node, what, report)?;
    if found.plain {
        report.push(Flaw::new(format!("{what} is expected in quotes, not `{}`", found.text)), &node.origin);
        return None;
    }
    Some(At { value: found.text.clone(), origin: node.origin.clone() })
}

/// A JSON number from 0 to `most`; `None` also where it is not written or `null`.
fn number(fields: &Fields<'_>, key: &str, most: u64, report: &mut Report) -> Option<u64> {
    let node = fields.node(key).filter(|node| !is_null(node))?;
    let found = scalar(node, "a number", report)?;
    let value = found.text.parse().ok().filter(|value| *value <= most && found.plain);
    if value.is_none() {
        let message = format!("`{key}` is a whole number from 0 to {most}, not `{}`", found.text);
        report.push(Diagnostic::error(message), &node.origin);
    }
    value
}

impl SeccompJson {
    /// The first rule that names a call.
    pub(super) fn place_of(&self, call: &str) -> Option<Origin> {
        let names = self.rules.iter().flat_map(|rule| &rule.names);
        names.into_iter().find(|name| name.value == call).map(|name| name.origin.clone())
    }
}
