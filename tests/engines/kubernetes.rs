//! What containerd says of a pod, and what kubelet keeps for one.

use crate::conformance::{PROFILE, WIDE};
use crate::engine::{Engine, Options, success, text};
use crate::image::Image;
use crate::rules::Rules;
use std::fs;
use std::path::Path;
use std::process::Command;

const NAMESPACE: &str = "io.kubernetes.cri.sandbox-namespace";
const LESS: &str = "CapBnd:\t0000000000000021";
const MORE: &str = "CapBnd:\t00000000a80425fb";

/// The capabilities that a container may have.
fn bounding(engine: &dyn Engine, name: &str, image: &Image, options: &Options) -> String {
    success(&engine.run(name, image, options, &["grep", "CapBnd", "/proc/self/status"]))
}

#[test]
fn what_only_the_engine_writes_may_give_more() {
    needs_engines!();
    let image = Image::busybox();
    let rules = Rules::new(&[("conformance", PROFILE), ("more", WIDE)]);
    let engines = rules.engines("default: ./conformance.yaml\n");
    let places: Vec<_> = engines.iter().map(|engine| engine.directory()).collect();
    let write = |rule: &str| {
        rules.write(&places, &format!("default: ./conformance.yaml\nrules:\n  - {rule}\n"));
    };
    let forged = [(NAMESPACE, "kube-system"), ("io.kubernetes.cri.forged", "yes")];
    let liar = Options { annotations: &forged, labels: &forged, ..Options::default() };
    for engine in &engines {
        engine.load(&image);
        let name = engine.name();
        write(&format!("{{when: {{annotations: {{{NAMESPACE}: kube-system}}}}, profile: ./more.yaml}}"));
        // The engine writes its own over what the pod says; with the others anybody may say it.
        assert_eq!(bounding(&**engine, "liar", &image, &liar), LESS, "{name}");
        if name == "containerd" {
            let honest = Options { namespace: Some("kube-system"), ..Options::default() };
            assert_eq!(bounding(&**engine, "honest", &image, &honest), MORE, "{name}");
        }
        // What the pod says does arrive, or nothing above would have been a lie.
        if name != "docker" {
            write("{when: {annotations: {io.kubernetes.cri.forged: yes}}, deny: it lies}");
            let output = engine.run("claims", &image, &liar, &["true"]);
            assert!(text(&output).contains("it lies"), "{name}: {}", text(&output));
        }
    }
}

#[test]
fn a_container_that_says_it_holds_a_pod_gets_no_pods_profile() {
    needs_engines!();
    let image = Image::busybox();
    let rules = Rules::new(&[("conformance", PROFILE)]);
    for engine in rules.engines("default: ./conformance.yaml\n") {
        engine.load(&image);
        let forged = [("io.kubernetes.cri.container-type", "sandbox")];
        let options = Options { annotations: &forged, ..Options::default() };
        assert_eq!(bounding(&*engine, "liar", &image, &options), LESS, "{}", engine.name());
    }
}

#[test]
fn volumes_that_kubelet_keeps_for_a_pod_are_its_own() {
    needs_engines!();
    let image = Image::busybox();
    let rules = Rules::new(&[]);
    let kubelet = rules.join("kubelet");
    let engines = rules.engines(&format!("default: docker-default\nkubelet: [{}]\n", kubelet.display()));
    let containerd = engines.iter().find(|engine| engine.name() == "containerd").unwrap();
    containerd.load(&image);
    let own = |pod: &str, path: &str| kubelet.join("pods").join(pod).join(path);
    let scratch = own("pod-a", "volumes/kubernetes.io~empty-dir/scratch");
    let hosts = own("pod-a", "etc-hosts");
    let disk = own("pod-a", "volume-subpaths/disk/web/0");
    for directory in [&scratch, &disk, &own("pod-b", "volumes")] {
        fs::create_dir_all(directory).unwrap();
    }
    fs::write(&hosts, "127.0.0.1 pod-a\n").unwrap();
    let run = |pod: &str, mounts: &[(&Path, &str, bool)]| {
        let options = Options { mounts, ..Options::default() };
        let script = "echo x > /scratch/x && cat /etc/hosts";
        containerd.run(pod, &image, &options, &["sh", "-c", script])
    };
    let mounts: [(&Path, &str, bool); 2] = [(&scratch, "/scratch", false), (&hosts, "/etc/hosts", true)];
    assert_eq!(success(&run("pod-a", &mounts)), "127.0.0.1 pod-a");
    assert!(scratch.join("x").exists());
    let refused = |pod: &str, source: &Path, why: &str| {
        let output = run(pod, &[(source, "/scratch", false)]);
        assert!(text(&output).contains(why), "{pod}, {}: {}", source.display(), text(&output));
    };
    // Another pod's, and kubelet's own.
    refused("pod-b", &scratch, "no rule admits it");
    refused("pod-a", &own("pod-a", ""), "no rule admits it");
    // A link that the pod has made in a volume of its own.
    std::os::unix::fs::symlink("/etc", scratch.join("link")).unwrap();
    refused("pod-a", &scratch.join("link"), "no rule admits it");
    // What kubelet was told to mount is not kubelet's.
    assert!(Command::new("mount").arg("--bind").args([Path::new("/etc"), &disk]).status().unwrap().success());
    let output = run("pod-a", &[(&disk, "/scratch", false)]);
    assert!(Command::new("umount").arg(&disk).status().unwrap().success());
    assert!(text(&output).contains("is mounted at"), "{}", text(&output));
}
