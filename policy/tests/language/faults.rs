//! What a user reads when a profile is wrong.
//!
//! `INSTA_UPDATE=always cargo test -p stockade-policy --test language faults` writes the snapshots anew.

use super::world::{World, source};
use stockade_policy::diagnostic::{Severity, render};
use stockade_policy::parse::parse;
use stockade_policy::resolve::Mode;

/// The findings of several profiles as one text.
fn all(world: &World, cases: &[(&str, &str)]) -> String {
    let each = cases.iter().map(|(name, text)| format!("=== {name}\n{}", world.faults(text)));
    each.collect::<Vec<_>>().join("\n")
}

#[test]
fn faults_of_the_yaml() {
    let cases = [
        ("an unquoted group", "stockade: 1\nsyscalls:\n  allow:\n    - @file-io\n"),
        ("an unquoted group in brackets", "stockade: 1\nsyscalls: {allow: [read, @file-io]}\n"),
        (
            "a rule that YAML cuts at a brace",
            "stockade: 1\nsyscalls: {allow: [socket(domain in {AF_UNIX, AF_INET})]}\n",
        ),
        (
            "a rule that YAML cuts at a comma",
            "stockade: 1\nsyscalls: {allow: [clone(flags == 1, 2), read]}\n",
        ),
        (
            "a condition that YAML cuts",
            "stockade: 1\nsyscalls:\n  allow:\n    - {call: ioctl, when: request not in {TIOCSTI, TIOCLINUX}}\n",
        ),
        ("a tab", "stockade: 1\nfiles:\n\troot: read-only\n"),
        ("an anchor", "stockade: 1\nfiles:\n  read: &usr [/usr]\n  execute: *usr\n"),
        ("an alias of nothing", "stockade: 1\nfiles:\n  execute: *usr\n"),
        ("a merge key", "stockade: 1\nfiles: {<<: {read: [/usr]}}\n"),
        ("a tag", "stockade: 1\nname: !!str 5\n"),
        ("a directive", "%YAML 1.2\n---\nstockade: 1\n"),
        ("two documents", "stockade: 1\n---\nstockade: 1\n"),
        ("nothing", "# only a comment\n"),
        ("a list", "- stockade\n"),
        ("a key twice", "stockade: 1\nfiles:\n  read: [/usr]\n  write: [/run]\n  read: [/etc]\n"),
        ("a list as a key", "stockade: 1\n[a, b]: 5\n"),
        ("a text without an end", "stockade: 1\nname: \"web\n"),
        ("a bracket without an end", "stockade: 1\ncapabilities: [kill\nname: web\n"),
        ("too deep", "stockade: 1\nfiles: {a: [[[[[[[[[[[[[[[[[[5]]]]]]]]]]]]]]]]]]}\n"),
        ("the character NUL", "stockade: 1\nname: \"a\\0b\"\n"),
    ];
    insta::assert_snapshot!(all(&World::new(), &cases));
}

#[test]
fn faults_of_keys_and_values() {
    let cases = [
        ("no version", "name: web\n"),
        ("another version", "stockade: 2\n"),
        ("an unknown section", "stockade: 1\nsyscals: {allow: [read]}\n"),
        (
            "unknown keys, all of them",
            "stockade: 1\nprocess:\n  usr: 5\n  umask: 022\n  enviroment: [PATH]\nfiles: {raed: [/usr]}\n",
        ),
        ("a switch that is a word", "stockade: 1\nprocess: {no_new_privileges: yes}\n"),
        ("a switch in quotes", "stockade: 1\nprocess: {write_xor_execute: \"true\"}\n"),
        ("a list that is one word", "stockade: 1\ncapabilities: net_bind_service\n"),
        ("a list that is nothing", "stockade: 1\ncapabilities:\nname: web\n"),
        ("a section that is a list", "stockade: 1\nfiles: [/usr]\n"),
        ("a value that is a list", "stockade: 1\nname: [web]\n"),
        ("null", "stockade: 1\ndevices: [null]\n"),
        ("an unknown capability", "stockade: 1\ncapabilities: [net_bind_servce, CAP_KILL, sys_everything]\n"),
        ("bits where bytes belong", "stockade: 1\nresources: {memory: 512 Mbit}\n"),
        ("bytes where bits belong", "stockade: 1\nnetwork: {egress: {rate: 10 MB/s}}\n"),
        ("a size without a unit", "stockade: 1\nresources: {memory: 512}\n"),
        ("a unit of another tool", "stockade: 1\nresources: {memory: 512m}\n"),
        ("an amount where a rate belongs", "stockade: 1\nnetwork: {egress: {rate: 100 Mbit}}\n"),
        ("a rate where an amount belongs", "stockade: 1\ndisk: {size: 2 GiB/s}\n"),
        ("a number that does not fit", "stockade: 1\ndisk: {size: 99999999 TiB}\n"),
        ("no processor", "stockade: 1\nresources: {cpu: 0}\n"),
        ("a relative path", "stockade: 1\nfiles: {read: [usr, ~/x]}\n"),
        ("a path that climbs", "stockade: 1\nfiles: {read: [/usr/../etc]}\n"),
        ("a path with parts that say nothing", "stockade: 1\nfiles: {read: [/usr//lib/]}\n"),
        ("a path with a wildcard", "stockade: 1\nfiles: {read: [/etc/*.conf]}\n"),
        ("an unknown word", "stockade: 1\nfiles: {root: readonly}\n"),
        ("a pid namespace of the host", "stockade: 1\nnamespaces: {pid: host}\n"),
        ("a mount without its place", "stockade: 1\nmounts: [{from: /srv}]\n"),
        ("a device that is none", "stockade: 1\ndevices: [fuse, /etc/passwd]\n"),
        ("peers", "stockade: 1\nnetwork: {egress: {to: [10.0.0.1/8, any icmp, any tcp/99999, localhost]}}\n"),
        ("ingress keys in egress", "stockade: 1\nnetwork: {egress: {from: [any]}}\n"),
        ("users", "stockade: 1\nprocess: {user: \"a:b:c\", users: {only: [5]}, groups: [4294967295]}\n"),
        ("a variable with a value", "stockade: 1\nprocess: {environment: [LANG=C]}\n"),
        ("a sysctl of the host", "stockade: 1\nprocess: {sysctls: {kernel.panic: 1}}\n"),
        ("a mask", "stockade: 1\nprocess: {umask: 0888}\n"),
        ("both items and replace", "stockade: 1\ncapabilities: {items: [kill], replace: [kill]}\n"),
        ("a vocabulary of the future", "stockade: 1\ntable: v9.0\n"),
        ("terminal escapes", "stockade: 1\nfiles: {root: \"\\e[31mread-only\"}\n"),
    ];
    insta::assert_snapshot!(all(&World::new(), &cases));
}

#[test]
fn faults_of_system_calls() {
    let cases = [
        ("an unknown call", "stockade: 1\nsyscalls:\n  allow: [opneat]\n"),
        ("a group without its sign", "stockade: 1\nsyscalls:\n  allow: [process]\n"),
        ("an unknown group", "stockade: 1\nsyscalls:\n  allow: [\"@file_io\"]\n"),
        ("an unknown parameter", "stockade: 1\nsyscalls:\n  allow:\n    - socket(domian == AF_UNIX)\n"),
        (
            "an unknown constant",
            "stockade: 1\nsyscalls:\n  allow:\n    - socket(domain in {AF_UNIX, AF_INTE})\n",
        ),
        (
            "C",
            "stockade: 1\nsyscalls:\n  allow:\n    - clone((flags & NAMESPACE_FLAGS) == 0)\n    - socket(domain = 1)\n    - socket(domain == 1 && type == 1)\n",
        ),
        (
            "a value that does not fit",
            "stockade: 1\nsyscalls:\n  allow:\n    - socket(domain == 0x100000001)\n",
        ),
        (
            "a value outside its mask",
            "stockade: 1\nsyscalls:\n  allow:\n    - clone(flags & 0xff == 0x100)\n",
        ),
        (
            "a constant of one architecture",
            "stockade: 1\nsyscalls:\n  allow:\n    - mmap(flags & MAP_32BIT == 0)\n",
        ),
        (
            "a condition that ends too early",
            "stockade: 1\nsyscalls:\n  allow:\n    - call: ioctl\n      when: request not\n",
        ),
        ("a fault in quotes keeps its place", "stockade: 1\nsyscalls: {allow: [\"socket(domain == )\"]}\n"),
        ("a condition of a group", "stockade: 1\nsyscalls: {allow: [{call: \"@file-io\", when: fd == 1}]}\n"),
        ("a condition twice", "stockade: 1\nsyscalls: {allow: [{call: \"read(fd == 1)\", when: fd == 1}]}\n"),
        ("an answer in allow", "stockade: 1\nsyscalls:\n  allow:\n    - clone3: enosys\n"),
        ("allow in deny", "stockade: 1\nsyscalls:\n  deny:\n    - clone3: allow\n"),
        ("an unknown action", "stockade: 1\nsyscalls: {otherwise: eprem, unknown: kill}\n"),
        ("an errno that is success", "stockade: 1\nsyscalls: {otherwise: errno(0)}\n"),
        ("an unknown architecture", "stockade: 1\nsyscalls: {architectures: [amd64]}\n"),
        (
            "a condition without effect",
            "stockade: 1\nsyscalls:\n  allow:\n    - socket(domain == AF_UNIX)\n    - socket\n",
        ),
        (
            "a condition without effect under a parent",
            "stockade: 1\nsyscalls:\n  allow:\n    - read(fd == 0)\n",
        ),
        (
            "a reason that YAML cuts",
            "stockade: 1\nsyscalls:\n  allow:\n    - {call: read, because: it reads, and reads}\n",
        ),
        (
            "ways around",
            "stockade: 1\nsyscalls:\n  allow:\n    - \"@io-uring\"\n    - socket(domain == AF_UNIX)\n",
        ),
        (
            "a way around",
            "stockade: 1\nsyscalls:\n  allow:\n    - \"@clone\"\n    - clone(flags & NAMESPACE_FLAGS == 0)\n",
        ),
    ];
    insta::assert_snapshot!(all(&World::new(), &cases));
}

#[test]
fn faults_of_what_is_looked_up() {
    let world = World::new()
        .with("a", "stockade: 1\nextends: [b]\n")
        .with("b", "stockade: 1\nextends: [a]\n")
        .with("self", "stockade: 1\nextends: [self]\n")
        .with("faulty", "stockade: 1\nfiles: {raed: [/usr]}\n");
    let cases = [
        ("an unknown parent", "stockade: 1\nextends: [restrited]\n"),
        ("a parent that cannot be read", "stockade: 1\nextends: [restricted, unreadable]\n"),
        ("a circle", "stockade: 1\nextends: [a]\n"),
        ("a circle of one", "stockade: 1\nextends: [self]\n"),
        ("a faulty parent", "stockade: 1\nextends: [faulty]\n"),
        ("an unknown user", "stockade: 1\nprocess: {user: nginx}\n"),
        ("an unknown group", "stockade: 1\nprocess: {user: \"www-data:nginx\"}\n"),
        ("a passwd that cannot be read", "stockade: 1\nprocess: {user: broken}\n"),
        ("a user that is not admitted", "stockade: 1\nprocess:\n  user: 0\n  users: {not: root}\n"),
        ("no user at all", "stockade: 1\nprocess: {users: []}\n"),
        ("a host name for the host", "stockade: 1\nprocess: {hostname: web}\nnamespaces: {uts: host}\n"),
        (
            "a sysctl for the host",
            "stockade: 1\nprocess:\n  sysctls: {net.core.somaxconn: 5}\nnamespaces: {network: host}\n",
        ),
        ("a mount over the root", "stockade: 1\nmounts: [{from: /srv, at: /}]\n"),
        (
            "a mount of two minds",
            "stockade: 1\nmounts: [{from: /srv, at: /srv, options: [read-only, writable]}]\n",
        ),
        ("a quota of nothing", "stockade: 1\ndisk: {files: 0}\n"),
        ("operations with a burst", "stockade: 1\nresources: {io: {read_operations: 5/s burst 9}}\n"),
    ];
    insta::assert_snapshot!(all(&world, &cases));
}

#[test]
fn the_default_parent_must_be_there() {
    let faults = World::default().resolve("stockade: 1\n", Mode::Profile).unwrap_err();
    assert_eq!(faults[0].message, "unknown profile `restricted`");
}

#[test]
fn generations_and_ancestors_are_bounded() {
    let chain = (0..40).fold(World::new(), |world, number| {
        world.with(&format!("p{number}"), &format!("stockade: 1\nextends: [p{}]\n", number + 1))
    });
    let chain = chain.with("p40", "stockade: 1\n");
    let faults = chain.resolve("stockade: 1\nextends: [p0]\n", Mode::Profile).unwrap_err();
    assert_eq!(faults[0].message, "a profile has at most 16 generations of parents");

    let many = (0..80).fold(World::new(), |world, number| world.with(&format!("p{number}"), "stockade: 1\n"));
    let names = (0..80).map(|number| format!("p{number}")).collect::<Vec<_>>().join(", ");
    let faults = many.resolve(&format!("stockade: 1\nextends: [{names}]\n"), Mode::Profile).unwrap_err();
    assert_eq!(faults[0].message, "a profile has at most 64 ancestors");
}

#[test]
fn bad_utf_8_has_a_place() {
    let faults = parse(&source("test.yaml", b"stockade: 1\nname: w\xc3\xa9b\xff\n")).unwrap_err();
    let place = faults[0].place.as_ref().unwrap();
    assert_eq!((place.origin.line, place.origin.column), (2, 10));
    assert_eq!(faults[0].message, "the byte 0xff here is no UTF-8");
    assert!(
        render(&faults, false).starts_with("error: the byte 0xff here is no UTF-8\n --> test.yaml:2:10\n")
    );
}

#[test]
fn colour_is_asked_for() {
    let faults = parse(&source("test.yaml", "stockade: 2\n")).unwrap_err();
    assert!(faults.iter().all(|fault| fault.severity == Severity::Error));
    assert!(render(&faults, true).contains("\u{1b}["));
    assert!(!render(&faults, false).contains('\u{1b}'));
}
