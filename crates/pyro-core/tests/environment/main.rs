//! Environments installed for real: as root, as an ordinary user, interrupted, damaged, and with
//! what they need missing.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "tests prepare and look at the host directly, and say what they measured"
)]

mod helper;
mod installed;
mod user;

use helper::{Helper, this_binary};
use installed::{assert_content, assert_installed, assert_pruned, damage, damage_for_good, pruned};
use pyro_core::testing::{EnvironmentError, EnvironmentStore, Installed};
use pyro_core::{AccelChoice, Config, InlineOutput, InstallStage, Progress};
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use user::User;

const BASE: &str = "debian:12-base";
/// Whether a test can run here; where not, say why, or fail where nothing may be skipped.
fn can(what: &str, here: bool) -> bool {
    if !here {
        assert!(
            std::env::var_os("PYRO_TEST_STRICT").is_none_or(|strict| strict != "1"),
            "cannot run: {what}"
        );
        println!("skipped: {what}");
    }
    here
}

fn can_install() -> bool {
    let found = |name: &str| Path::new("/usr/bin").join(name).exists();
    can("mmdebstrap and qemu-img are needed", found("mmdebstrap") && found("qemu-img"))
        && can("only root can prepare this", nix::unistd::geteuid().is_root())
}

fn config(cache: &Path, mirror: Option<&str>) -> Config {
    Config {
        data_dir: cache.join("unused-data"),
        runtime_dir: cache.join("unused-run"),
        environment_cache_dir: cache.to_owned(),
        program: "/nonexistent/pyro".into(),
        accel: AccelChoice::Auto,
        kernel_dir: None,
        qemu: None,
        mirror: mirror.map(str::to_owned),
        trace_supervisors: false,
        templates: false,
        max_active_vms: None,
        workspace_retention_seconds: 600,
        path: OsString::from("/usr/bin:/bin"),
        inline: InlineOutput::default(),
    }
}

fn store(cache: &Path) -> EnvironmentStore {
    EnvironmentStore::new(&config(cache, None))
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// How many installations were begun and not ended in `cache`.
fn partial(cache: &Path) -> usize {
    names(cache).iter().filter(|name| name.starts_with(".partial-")).count()
}

/// Nothing of an installation is left but what makes the next one quicker.
fn assert_clean(cache: &Path) {
    let left: Vec<_> = names(cache)
        .into_iter()
        .filter(|name| name != "install.lock" && name != "downloads")
        .collect();
    assert!(left.is_empty(), "left in the cache: {left:?}");
}

/// Wait until the lock that a build's processes hold is free and none of them is left; then no
/// mount is either.
fn assert_no_processes(cache: &Path) {
    let lock = cache.join("install.lock");
    assert!(
        Command::new("/usr/bin/flock")
            .args(["-w", "120"])
            .arg(lock)
            .arg("true")
            .status()
            .unwrap()
            .success()
    );
    let cache = cache.to_str().unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    // By command line, by environment (all that the build starts inherits PYRO_WORK) and by changed
    // root.
    let alive = || -> Vec<String> {
        let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
        let traces = processes.map(|process| {
            let text = |name: &str| std::fs::read(process.join(name)).unwrap_or_default();
            let root = std::fs::read_link(process.join("root")).unwrap_or_default();
            let all =
                [text("cmdline"), text("environ"), root.into_os_string().into_encoded_bytes()]
                    .join(&b' ');
            String::from_utf8_lossy(&all).replace('\0', " ")
        });
        traces.filter(|trace| trace.contains(cache)).collect()
    };
    while !alive().is_empty() {
        assert!(Instant::now() < deadline, "still running: {:?}", alive());
        std::thread::yield_now();
    }
    assert!(!std::fs::read_to_string("/proc/self/mountinfo").unwrap().contains(cache));
}

async fn pull(cache: &Path) -> (Result<Installed, EnvironmentError>, Vec<InstallStage>) {
    let mut stages = Vec::new();
    let mut progress = |progress| {
        if let Progress::Stage(stage) = progress {
            stages.push(stage);
        }
    };
    let result = store(cache).pull(BASE, &mut progress).await;
    (result, stages)
}

#[tokio::test]
async fn two_pulls_install_once_and_damage_is_found_and_mended() {
    if !can_install() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path();
    let store = store(cache);
    assert!(
        matches!(store.open(BASE), Err(EnvironmentError::NotInstalled { name }) if name == BASE)
    );
    assert!(matches!(store.open("debian:13"), Err(EnvironmentError::Unknown { .. })));
    let started = Instant::now();
    let ((first, one), (second, other)) = tokio::join!(pull(cache), pull(cache));
    println!("pull as root: {:?}", started.elapsed());
    let installed = first.unwrap();
    assert_eq!(installed.image, second.unwrap().image);
    assert_eq!(
        (one.last(), other.as_slice()),
        (Some(&InstallStage::Done), &[InstallStage::Waiting][..])
    );
    assert_installed(&store, &installed, cache);

    damage(&store, &installed.kernel.vmlinux, "vmlinux");
    damage(&store, &installed.image, "rootfs.ext4");
    damage_for_good(&store, &installed);
    let started = Instant::now();
    let (mended, _) = pull(cache).await;
    println!("pull again: {:?}", started.elapsed());
    let mended = mended.unwrap();
    assert_ne!(mended.image, installed.image, "an image that a vm may use was changed in place");
    assert_installed(&store, &mended, cache);
    assert_pruned(&store, &installed, &mended, cache);
}

#[tokio::test]
async fn an_unreachable_mirror_is_told_in_seconds_and_leaves_nothing() {
    if !can_install() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for (mirror, reason) in [
        ("http://127.0.0.1:9/debian", "refused"),
        ("http://mirror.invalid/debian", "mirror.invalid"),
    ] {
        let store = EnvironmentStore::new(&config(dir.path(), Some(mirror)));
        let started = Instant::now();
        let error = store.pull(BASE, &mut |_| {}).await.unwrap_err();
        assert!(matches!(error, EnvironmentError::MirrorUnreachable { .. }), "{error}");
        assert!(
            error.to_string().contains(mirror) && error.to_string().contains(reason),
            "{error}"
        );
        assert!(started.elapsed() < Duration::from_secs(160), "it took {:?}", started.elapsed());
        assert_clean(dir.path());
        assert!(store.check_host().await.is_err());
    }
    let store = EnvironmentStore::new(&config(dir.path(), Some("not a mirror")));
    assert!(matches!(
        store.pull(BASE, &mut |_| {}).await,
        Err(EnvironmentError::InvalidMirror { .. })
    ));
}

#[tokio::test]
async fn missing_programs_are_named_with_their_packages() {
    let dir = tempfile::tempdir().unwrap();
    let store =
        EnvironmentStore::new(&Config { path: "/nonexistent".into(), ..config(dir.path(), None) });
    let error = store.pull(BASE, &mut |_| {}).await.unwrap_err();
    assert!(
        error.packages().contains(&"mmdebstrap") && error.packages().contains(&"qemu-utils"),
        "{error}"
    );
    assert_clean(dir.path());
}

#[test]
fn killed_as_root_nothing_runs_on_and_prune_tells_it_from_one_in_progress() {
    if !can_install() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut helper = Helper::start(&[&this_binary()], dir.path(), false);
    helper.until("stage RootFilesystem");
    assert!(pruned(&store(dir.path()), &[]).is_empty(), "an installation in progress was pruned");
    assert_eq!(partial(dir.path()), 1);
    helper.kill();
    assert_no_processes(dir.path());
    let removed = pruned(&store(dir.path()), &[]);
    assert!(removed[0].starts_with(".partial-") && removed[1] == "downloads", "{removed:?}");
    assert_clean(dir.path());
}

#[tokio::test]
async fn a_dropped_pull_leaves_no_process_and_no_directory() {
    if !can_install() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (begun, wait) = tokio::sync::oneshot::channel();
    let mut begun = Some(begun);
    let mut progress = |progress: Progress| {
        if matches!(progress, Progress::Line(line) if line.starts_with("Unpacking "))
            && let Some(begun) = begun.take()
        {
            begun.send(()).unwrap();
        }
    };
    let store = store(dir.path());
    tokio::select! {
        result = store.pull(BASE, &mut progress) => panic!("it ended: {result:?}"),
        _ = wait => {}
    }
    assert_clean(dir.path());
    assert_no_processes(dir.path());
}

#[test]
fn a_full_disk_leaves_nothing() {
    if !can_install() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for (size, ballast, expected) in
        [("300m", false, "error TooLittleSpace"), ("720m", true, "error DiskFull")]
    {
        let mount =
            format!("mount -t tmpfs -o size={size} tmpfs {} && exec \"$@\"", dir.path().display());
        let wrapper =
            ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", &mount, "sh", &this_binary()];
        let mut helper = Helper::start(&wrapper, dir.path(), ballast);
        let line = helper.until("error");
        assert!(line.starts_with(expected), "{line}");
        let left = line.split_once("left=").unwrap().1;
        let expected = if ballast {
            r#"["ballast", "downloads", "install.lock"]"#
        } else {
            r#"["install.lock"]"#
        };
        assert_eq!(left, expected);
        assert!(helper.child.wait().unwrap().success());
    }
}

#[test]
fn an_ordinary_user_installs_and_goes_on_after_a_kill() {
    if !can_install() {
        return;
    }
    let user = User::create(format!("pyrotest{}", std::process::id()));
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    // The user must be able to run this binary, wherever it was built.
    let binary = dir.path().join("binary");
    std::fs::copy(this_binary(), &binary).unwrap();
    let cache = dir.path().join("cache");
    std::fs::create_dir(&cache).unwrap();
    assert!(Command::new("/usr/bin/chown").arg(&user.name).arg(&cache).status().unwrap().success());
    let become_user =
        ["/usr/bin/setpriv", "--reuid", &user.name, "--regid", &user.name, "--clear-groups"];
    let wrapper: Vec<_> = become_user.into_iter().chain([binary.to_str().unwrap()]).collect();

    let mut helper = Helper::start(&wrapper, &cache, false);
    helper.until("stage RootFilesystem");
    helper.kill();
    assert_no_processes(&cache);
    assert_eq!(partial(&cache), 1);

    let started = Instant::now();
    let mut helper = Helper::start(&wrapper, &cache, false);
    let ended = helper.until("ok");
    println!("pull as a user, after a kill: {:?}", started.elapsed());
    // The essential packages are there; lists, the few others and the kernel come over the network.
    let fetched: u32 = ended.trim_start_matches("ok ").parse().unwrap();
    assert!(fetched < 45, "{fetched} files were fetched again");
    assert!(helper.child.wait().unwrap().success());
    assert_eq!(partial(&cache), 0);
    assert_no_processes(&cache);
    assert_content(&store(&cache).open(BASE).unwrap().image);
}
