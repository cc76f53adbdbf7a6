//! What is installed is what boots: an altered file is found before a guest sees it.

use crate::home::{ENVIRONMENT, Home, environments, stderr, stdout};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A cache of the test's own that holds copies of the installed files, and nothing that other
/// tests' vms change meanwhile, such as templates.
fn copied_cache(home: &Home) -> PathBuf {
    let cache = home.path().join("environments");
    std::fs::create_dir(&cache).unwrap();
    let parts = ["images", "kernels", "linux-x86_64"].map(|part| environments().join(part));
    let mut copy = Command::new("cp");
    copy.args(["-a", "--sparse=always"]).args(parts).arg(&cache);
    // A file that another test's first start makes beside its place may go while it is copied.
    assert!((0..3).any(|_| copy.status().unwrap().success()));
    cache
}

/// The file that the environment's directory names so.
fn file_of(cache: &Path, name: &str) -> PathBuf {
    let link = cache.join("linux-x86_64/debian_12-1.1.0").join(name);
    let file = link.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", link.display()));
    assert!(file.starts_with(cache), "{} leads out of the copy", file.display());
    file
}

#[test]
fn an_altered_or_truncated_file_is_found_before_the_boot() {
    let home = Home::tcg();
    let cache = copied_cache(&home);
    let run = |words: &[&str]| {
        home.run_command(&[], words).env("PYRO_ENVIRONMENT_CACHE_DIR", &cache).output().unwrap()
    };
    // Copies have other times: they are read again, found equal, and used.
    assert_eq!(stdout(&run(&["echo up"])), "up\n");
    for name in ["rootfs.ext4", "vmlinux"] {
        let path = file_of(&cache, name);
        let file = std::fs::File::options().read(true).write(true).open(&path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, 1024 * 1024).unwrap();
        file.write_all_at(&[byte[0] ^ 1], 1024 * 1024).unwrap();
        let output = run(&["true"]);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(125), "{told}");
        assert!(told.contains(name) && told.contains("pyro env pull"), "{told}");
        file.write_all_at(&byte, 1024 * 1024).unwrap();
        assert_eq!(stdout(&run(&["echo up"])), "up\n");
    }
    let kernel = file_of(&cache, "vmlinux");
    let file = std::fs::File::options().write(true).open(&kernel).unwrap();
    file.set_len(1000).unwrap();
    let output = run(&["true"]);
    assert_eq!(output.status.code(), Some(125), "{}", stderr(&output));
}

#[test]
fn the_catalog_is_told_in_both_forms() {
    let home = Home::tcg();
    let listed = stdout(&home.pyro(&["env", "list"]).output().unwrap());
    let json: serde_json::Value =
        serde_json::from_slice(&home.pyro(&["env", "list", "--json"]).output().unwrap().stdout)
            .unwrap();
    for environment in json["environments"].as_array().unwrap() {
        let (name, about) =
            (environment["name"].as_str().unwrap(), environment["description"].as_str().unwrap());
        let installed =
            if environment["installed"] == true { "installed" } else { "not installed" };
        assert!(listed.contains(&format!("\n{name} [{installed}] {about}\n")), "{listed}");
        assert_eq!(environment["platform"], "linux-x86_64");
    }
    assert!(
        listed.starts_with(&format!(
            "Catalog version: {}\n",
            json["catalog_version"].as_str().unwrap()
        )),
        "{listed}"
    );
    let inspected = home.pyro(&["env", "inspect", ENVIRONMENT, "--json"]).output().unwrap();
    let environment: serde_json::Value = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!(
        (&environment["name"], &environment["installed"]),
        (&ENVIRONMENT.into(), &true.into())
    );
    let unknown = home.pyro(&["env", "inspect", "nothing"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(1), "{}", stderr(&unknown));
}

#[test]
fn doctor_tells_what_is_missing_and_the_command_that_mends_it() {
    let home = Home::tcg();
    let healthy = home.pyro(&["doctor", "--quick", "--json"]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&healthy.stdout).unwrap();
    assert_eq!(
        (healthy.status.code(), &report["runtime_ok"]),
        (Some(0), &true.into()),
        "{report:#}"
    );
    assert!(report["runtime"]["component_versions"]["qemu"].is_string(), "{report:#}");
    let broken =
        home.pyro(&["doctor"]).env("PATH", home.path()).env_remove("PYRO_QEMU").output().unwrap();
    assert_eq!(broken.status.code(), Some(1));
    assert!(stdout(&broken).contains("apt-get install"), "{}", stdout(&broken));
}
