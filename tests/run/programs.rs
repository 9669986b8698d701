//! Every built-in profile with a real program of its kind, doing its work.

use crate::harness::{Port, Scratch, Server, run, status_field, stockade, target_of};
use std::fs;
use std::process::Command;

/// The one user of the profiles that name none.
const NONROOT: u32 = 65532;

/// Runs a program of the host outside any profile: the client side of a test.
fn client(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A mount of `directory` at `at`, as an override.
fn mounted(directory: &str, at: &str, options: &str) -> String {
    format!(r#"{{mounts: [{{from: "{directory}", at: {at}, options: [{options}]}}]}}"#)
}

/// What the kernel says of a target under any of the strict profiles.
fn confined(pid: u32, capabilities: &str) {
    assert_eq!(status_field(pid, "NoNewPrivs"), "1");
    assert_eq!(status_field(pid, "Seccomp"), "2");
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(status_field(pid, set), capabilities, "{set}");
    }
}

/// nginx below `web`, serving `page` on a free port.
fn nginx(scratch: &Scratch, page: &str) -> (Server, Port) {
    let port = Port::claim();
    let site = scratch.directory_of("site", NONROOT);
    fs::write(scratch.join("site/index.html"), page).unwrap();
    scratch.file(
        "site/nginx.conf",
        &format!(
            "daemon off; pid /tmp/pid; error_log stderr;\nevents {{}}\nhttp {{ access_log off;\n\
             client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f;\n\
             uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s; include /etc/nginx/mime.types; sendfile on;\n\
             server {{ listen 127.0.0.1:{}; root /srv; }} }}\n",
            port.number
        ),
    );
    let mount = mounted(&site, "/srv", "read-only");
    let server = Server::start(
        stockade(&["run", "--profile", "web", "--set", &mount, "--", "/usr/sbin/nginx", "-e", "stderr"])
            .args(["-c", "/srv/nginx.conf"]),
    );
    (server.listening(port.number), port)
}

#[test]
fn web_serves_a_file_with_nginx_and_restricted_fetches_nothing() {
    needs!("run", "nginx", "curl");
    let scratch = Scratch::new();
    let (server, port) = nginx(&scratch, "served from inside\n");
    let url = format!("http://127.0.0.1:{}/index.html", port.number);
    assert_eq!(client("curl", &["-sS", &url]), "served from inside\n");
    // net_bind_service alone.
    confined(target_of(server.pid()), "0000000000000400");
    // A client of its own profile reaches it; one with a private network does not.
    let fetched = run(&["run", "--profile", "worker", "--", "/usr/bin/curl", "-sS", &url]).success();
    assert_eq!(fetched, "served from inside\n");
    let refused = run(&["run", "--profile", "offline", "--", "/usr/bin/curl", "-sS", &url]);
    assert_eq!(refused.code, Some(7), "curl's code for a connection that fails: {refused:?}");
}

#[test]
fn database_runs_redis_under_load() {
    needs!("run", "redis-server", "redis-benchmark", "redis-cli");
    let scratch = Scratch::new();
    let claimed = Port::claim();
    let port = claimed.number.to_string();
    let data = scratch.directory_of("data", NONROOT);
    let mount = mounted(&data, "/srv", "writable");
    let server =
        Server::start(
            stockade(&["run", "--profile", "database", "--set", &mount, "--", "/usr/bin/redis-server"])
                .args(["--port", &port, "--bind", "127.0.0.1", "--dir", "/srv", "--appendonly", "yes"]),
        )
        .listening(claimed.number);
    let report = client("redis-benchmark", &["-p", &port, "-n", "2000", "-t", "set,get,lpush", "--csv"]);
    assert!(report.lines().filter(|line| line.starts_with('"')).count() >= 3, "{report}");
    assert_eq!(client("redis-cli", &["-p", &port, "set", "key", "kept"]).trim(), "OK");
    assert_eq!(client("redis-cli", &["-p", &port, "save"]).trim(), "OK");
    assert!(fs::metadata(scratch.join("data/dump.rdb")).unwrap().len() > 0);
    confined(target_of(server.pid()), "0000000000000000");
}

/// The newest PostgreSQL of the distribution.
fn postgres_directory() -> String {
    let mut versions: Vec<_> =
        fs::read_dir("/usr/lib/postgresql").unwrap().map(|entry| entry.unwrap().path()).collect();
    versions.sort();
    versions.pop().unwrap().join("bin").display().to_string()
}

#[test]
fn database_runs_postgresql_and_its_benchmark() {
    needs!("run", "psql");
    let scratch = Scratch::new();
    let claimed = Port::claim();
    let port = claimed.number.to_string();
    let uid: u32 = client("id", &["-u", "postgres"]).trim().parse().unwrap();
    let data = scratch.directory_of("data", uid);
    let mount = mounted(&data, "/srv", "writable");
    let binaries = postgres_directory();
    let database = ["run", "--profile", "database", "--user", "postgres", "--set", mount.as_str(), "--"];
    let initdb = format!("{binaries}/initdb");
    let mut arguments = database.to_vec();
    arguments.extend([initdb.as_str(), "-D", "/srv/db", "-N", "--auth", "trust"]);
    run(&arguments).success();
    let server = Server::start(stockade(&database).arg(format!("{binaries}/postgres")).args([
        "-D",
        "/srv/db",
        "-p",
        &port,
        "-k",
        "",
        "-h",
        "127.0.0.1",
        "-F",
    ]))
    .listening(claimed.number);
    let connection = ["-h", "127.0.0.1", "-p", port.as_str(), "-U", "postgres"];
    let pgbench = format!("{binaries}/pgbench");
    client(&pgbench, &[&connection[..], &["-i", "-q", "postgres"]].concat());
    let report = client(&pgbench, &[&connection[..], &["-c", "2", "-t", "50", "postgres"]].concat());
    assert!(report.contains("100/100"), "{report}");
    confined(target_of(server.pid()), "0000000000000000");
}

#[test]
fn batch_and_restricted_run_python() {
    needs!("run", "python3");
    let work = "import json, os, sqlite3, subprocess, tempfile, threading\n\
                with tempfile.NamedTemporaryFile() as f:\n \
                    c = sqlite3.connect(f.name); c.execute('create table t(n)')\n \
                    c.executemany('insert into t values(?)', [(n,) for n in range(100)])\n \
                    s = c.execute('select sum(n) from t').fetchone()[0]\n\
                t = threading.Thread(target=lambda: None); t.start(); t.join()\n\
                e = subprocess.run(['/bin/echo', 'child'], capture_output=True, text=True).stdout.strip()\n\
                print(json.dumps([s, e, os.getuid()]))\n";
    for profile in ["restricted", "batch", "baseline"] {
        let printed = run(&["run", "--profile", profile, "--", "/usr/bin/python3", "-c", work]).success();
        assert_eq!(printed.trim(), format!("[4950, \"child\", {NONROOT}]"), "{profile}");
    }
}

#[test]
fn builder_compiles_a_project_and_git_keeps_it() {
    needs!("run", "gcc", "make", "git");
    let scratch = Scratch::new();
    let project = scratch.directory_of("project", NONROOT);
    for (name, text) in [
        ("answer.c", "int answer(void) { return 42; }\n"),
        (
            "main.c",
            "#include <stdio.h>\nint answer(void);\nint main(void) { printf(\"%d\\n\", answer()); }\n",
        ),
        ("Makefile", "answer: main.o answer.o\n\t$(CC) -o $@ $^\n"),
    ] {
        scratch.file(&format!("project/{name}"), text);
    }
    let mount = mounted(&project, "/srv", "writable, exec");
    let script = "cd /srv && export HOME=/tmp && make -s -j2 CC=gcc && ./answer && git init -q && git add . \
                  && git -c user.name=n -c user.email=e@example.org commit -qm first && git log --format=%s \
                  && git gc -q && git clone -q . /tmp/copy && ls /tmp/copy";
    let printed =
        run(&["run", "--profile", "builder", "--set", &mount, "--", "/bin/sh", "-c", script]).success();
    assert_eq!(printed, "42\nfirst\nMakefile\nanswer\nanswer.c\nanswer.o\nmain.c\nmain.o\n");
}

#[test]
fn worker_clones_with_git_over_the_network_and_docker_default_runs_a_shell() {
    needs!("run", "git", "nginx");
    let scratch = Scratch::new();
    let repository = scratch.join("site");
    fs::create_dir(&repository).unwrap();
    let at = repository.to_str().unwrap();
    client("git", &["-C", at, "init", "-q"]);
    fs::write(repository.join("file"), "content\n").unwrap();
    client("git", &["-C", at, "add", "."]);
    client(
        "git",
        &["-C", at, "-c", "user.name=n", "-c", "user.email=e@example.org", "commit", "-qm", "first"],
    );
    client("git", &["-C", at, "update-server-info"]);
    let (_server, port) = nginx(&scratch, "page");
    let script =
        format!("git clone -q http://127.0.0.1:{}/.git /tmp/copy && cat /tmp/copy/file", port.number);
    let printed = run(&[
        "run",
        "--profile",
        "worker",
        "--set",
        "{process: {environment: [HOME]}}",
        "--",
        "/bin/sh",
        "-c",
    ]
    .iter()
    .copied()
    .chain([script.as_str()])
    .collect::<Vec<_>>())
    .success();
    assert_eq!(printed, "content\n");
    let printed =
        run(&["run", "--profile", "docker-default", "--", "/bin/sh", "-c", "id -u; echo $((6 * 7))"])
            .success();
    assert_eq!(printed, "0\n42\n");
}

#[test]
fn unconfined_must_be_named_and_runs_as_the_caller() {
    needs!("run");
    let printed = run(&["run", "--profile", "unconfined", "--", "/usr/bin/id", "-u"]).success();
    assert_eq!(printed, "0\n");
    let printed = run(&["run", "--", "/usr/bin/id", "-u"]).success();
    assert_eq!(printed, format!("{NONROOT}\n"), "without a name it is restricted");
}

#[test]
fn restricted_works_without_root() {
    needs!("run");
    let printed = Command::new("setpriv")
        .args(["--reuid", "1000", "--regid", "1000", "--clear-groups", env!("CARGO_BIN_EXE_stockade")])
        .args(["run", "--profile", "restricted", "--", "/bin/sh", "-c"])
        .arg("id -u; cat /proc/self/uid_map; ! cat /etc/shadow; ! touch /usr/x")
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(printed.status.success(), "{text}{}", String::from_utf8_lossy(&printed.stderr));
    let words: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(words, [&NONROOT.to_string(), &NONROOT.to_string(), "1000", "1"], "own id, one id mapped");
}
