//! Environments installed for real: as root, as an ordinary user, interrupted, damaged, and with
//! what they need missing.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests prepare and look at the host directly, and say what they measured"
)]

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use pyro_core::testing::{Agent, EnvironmentError, EnvironmentStore, Installed};
use pyro_core::{AccelChoice, Config, InlineOutput, InstallStage, Progress};

const BASE: &str = "debian:12-base";
/// The name under which this binary runs itself as another process.
const HELPER: &str = "pulls_when_another_test_asks";
const AGENT: Agent<'static> = Agent { bytes: b"agent", digest: "00112233445566778899aabbccddeeff" };

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

fn debugfs(image: &Path, request: &str) -> String {
    let output =
        Command::new("/usr/sbin/debugfs").args(["-R", request]).arg(image).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Owners are those of Debian, there are no device nodes, and nothing of the host's apt is left.
fn assert_content(image: &Path) {
    let shadow = debugfs(image, "stat /etc/shadow");
    let words: Vec<_> = shadow.split_whitespace().collect();
    let after = |name: &str| words[words.iter().position(|word| *word == name).unwrap() + 1];
    assert_eq!((after("Mode:"), after("User:"), after("Group:")), ("0640", "0", "42"), "{shadow}");
    assert_eq!(
        debugfs(image, "ls -p /dev")
            .split_whitespace()
            .filter(|line| line.starts_with('/'))
            .count(),
        2
    );
    assert!(debugfs(image, "cat /etc/apt/sources.list").starts_with("deb http"));
    assert!(debugfs(image, "stat /etc/apt/apt.conf.d/99mmdebstrap").is_empty());
    assert!(debugfs(image, "stat /etc/dpkg/dpkg.cfg.d/99mmdebstrap").is_empty());
    assert!(debugfs(image, "cat /etc/machine-id").is_empty());
}

/// This binary as another process that pulls; it prints `stage …` lines and at last `ok …` or
/// `error …`.
struct Helper {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Helper {
    fn start(wrapper: &[&str], cache: &Path, ballast: bool) -> Self {
        let mut command = Command::new(wrapper[0]);
        command
            .args(&wrapper[1..])
            .args(["--exact", HELPER, "--nocapture"])
            .env("PYRO_TEST_CACHE", cache);
        if ballast {
            command.env("PYRO_TEST_BALLAST", "1");
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Read on until a line begins with `start`.
    fn until(&mut self, start: &str) -> String {
        let mut seen = Vec::new();
        for line in &mut self.lines {
            let line = line.unwrap();
            if line.starts_with(start) {
                return line;
            }
            seen.push(line);
        }
        panic!("no {start:?} in {seen:#?}");
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn this_binary() -> String {
    std::env::current_exe().unwrap().into_os_string().into_string().unwrap()
}

/// Not a test of its own: what [`Helper`] runs. Without its variable it does nothing.
#[test]
fn pulls_when_another_test_asks() {
    let Some(cache) = std::env::var_os("PYRO_TEST_CACHE").map(PathBuf::from) else { return };
    let ballast = std::env::var_os("PYRO_TEST_BALLAST").is_some();
    let mut fetched = 0;
    println!();
    let mut progress = |progress: Progress| match progress {
        Progress::Stage(stage) => {
            println!("stage {stage:?}");
            if ballast && stage == InstallStage::Packages && !cache.join("ballast").exists() {
                fill(&cache, 100 << 20);
            }
        }
        Progress::Line(line) if line.starts_with("Get:") && !line.contains("Packages") => {
            fetched += 1
        }
        _ => {}
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match runtime.block_on(store(&cache).pull(BASE, &mut progress)) {
        Ok(_) => println!("ok {fetched}"),
        Err(error) => println!("error {error:?} left={:?}", names(&cache)),
    }
}

/// Fill a small file system until only `keep` bytes are free.
fn fill(cache: &Path, keep: u64) {
    let mut file = std::fs::File::create(cache.join("ballast")).unwrap();
    while nix::sys::statvfs::statvfs(cache)
        .map(|stat| stat.blocks_available() * stat.fragment_size())
        .unwrap()
        > keep
    {
        file.write_all(&vec![1; 1 << 20]).unwrap();
    }
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

fn assert_installed(store: &EnvironmentStore, installed: &Installed, cache: &Path) {
    assert_content(&installed.image);
    let meta = std::fs::metadata(&installed.image).unwrap();
    assert_eq!(meta.len(), 8 << 30);
    assert!(meta.blocks() * 512 < 400 << 20, "the image takes {} bytes", meta.blocks() * 512);
    let check =
        Command::new("/usr/sbin/e2fsck").args(["-f", "-n"]).arg(&installed.image).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    let chain = Command::new("/usr/bin/qemu-img")
        .args(["info", "--backing-chain"])
        .arg(&installed.blank)
        .output();
    assert!(
        String::from_utf8(chain.unwrap().stdout)
            .unwrap()
            .contains(installed.image.to_str().unwrap())
    );
    assert!(std::fs::read(&installed.kernel.vmlinux).unwrap().starts_with(b"\x7fELF"));
    let modules =
        installed.kernel.modules.iter().map(|path| path.file_stem().unwrap().to_str().unwrap());
    let modules: Vec<_> = modules.collect();
    let at = |name: &str| modules.iter().position(|module| *module == name).unwrap();
    assert!(at("virtio_ring") < at("virtio") && at("virtio") < at("virtio_mmio"), "{modules:?}");
    assert!(at("virtio_blk").max(at("virtio_console")) < modules.len());
    let info = store.inspect(BASE).unwrap();
    assert!(info.installed && info.install_manifest.unwrap().is_file());
    assert!(
        info.install_dir.join("rootfs.ext4").is_file()
            && info.install_dir.join("vmlinux").is_file()
    );
    assert_eq!(store.list().unwrap().iter().filter(|info| info.installed).count(), 1);
    assert!(names(cache).iter().all(|name| !name.starts_with('.')), "{:?}", names(cache));
    let started = Instant::now();
    for _ in 0..100 {
        store.open(BASE).unwrap();
    }
    println!("open: {:?}", started.elapsed() / 100);
    assert_no_processes(cache);
}

/// Alter a byte of a file and put it back: found, and fine in the end.
fn damage(store: &EnvironmentStore, file: &Path, name: &str) {
    std::fs::set_permissions(file, PermissionsExt::from_mode(0o600)).unwrap();
    let handle = std::fs::OpenOptions::new().read(true).write(true).open(file).unwrap();
    let (mut byte, place) = ([0], 1 << 20);
    handle.read_exact_at(&mut byte, place).unwrap();
    handle.write_all_at(&[!byte[0]], place).unwrap();
    match store.open(BASE) {
        Err(EnvironmentError::Corrupt { name: environment, path }) if environment == BASE => {
            assert!(path.ends_with(name), "{}", path.display());
        }
        other => panic!("an altered {name} gives {other:?}"),
    }
    handle.write_all_at(&byte, place).unwrap();
    let started = Instant::now();
    store.open(BASE).unwrap();
    println!("open with a new stamp of {name}: {:?}", started.elapsed());
    let took = (0..5).map(|_| {
        let started = Instant::now();
        store.open(BASE).unwrap();
        started.elapsed()
    });
    assert!(
        took.min().unwrap() < Duration::from_millis(200),
        "the new stamp of {name} was not remembered"
    );
}

/// Alter the empty layer (made again at once), a module, and the image.
fn damage_for_good(store: &EnvironmentStore, installed: &Installed) {
    std::fs::write(&installed.blank, "altered").unwrap();
    store.open(BASE).unwrap();
    assert!(std::fs::read(&installed.blank).unwrap().starts_with(b"QFI\xfb"));
    let archive = store.initramfs(&installed.kernel, &AGENT).unwrap();
    std::fs::write(&installed.kernel.modules[0], "altered").unwrap();
    std::fs::remove_file(archive).unwrap();
    let error = store.initramfs(&installed.kernel, &AGENT).unwrap_err();
    assert!(matches!(error, EnvironmentError::CorruptKernel { .. }), "{error}");
    std::fs::OpenOptions::new().write(true).open(&installed.image).unwrap().set_len(4096).unwrap();
    let error = store.open(BASE).unwrap_err();
    assert!(matches!(&error, EnvironmentError::Corrupt { name, .. } if name == BASE), "{error}");
}

fn pruned(store: &EnvironmentStore, in_use: &[String]) -> Vec<String> {
    store.prune(|| Ok::<_, EnvironmentError>(in_use.to_vec())).unwrap()
}

fn assert_pruned(store: &EnvironmentStore, old: &Installed, new: &Installed, cache: &Path) {
    let platform = cache.join("linux-x86_64");
    for dir in ["debian_11-1.0.0", "debian_12-0.9.0", "debian_12-1.0.0"] {
        std::fs::create_dir_all(platform.join(dir)).unwrap();
    }
    std::fs::create_dir(cache.join(".partial-old")).unwrap();
    let expected =
        [".partial-old", "debian_11-1.0.0", "debian_12-0.9.0", "debian_12-1.0.0", "downloads"];
    assert_eq!(pruned(store, std::slice::from_ref(&old.image_digest)), expected);
    assert!(old.image.is_file(), "an image in use was pruned");
    assert_eq!(pruned(store, &[]), [format!("images/{}", &old.image_digest[..16])]);
    assert!(pruned(store, &[]).is_empty());
    store.open(BASE).unwrap();
    assert!(new.image.is_file() && new.kernel.vmlinux.is_file());
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

/// A user of the host for one test.
struct User {
    name: String,
}

impl User {
    fn create(name: String) -> Self {
        let run = |program: &str, words: &[&str]| {
            assert!(
                Command::new(program).args(words).arg(&name).status().unwrap().success(),
                "{program}"
            );
        };
        run("/usr/sbin/useradd", &["--system", "--no-create-home", "--user-group"]);
        let range = "1900000000-1900065535";
        run("/usr/sbin/usermod", &["--add-subuids", range, "--add-subgids", range]);
        Self { name }
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let _ = Command::new("/usr/sbin/userdel").arg(&self.name).status();
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
