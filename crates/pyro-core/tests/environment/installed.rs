//! What an installed environment holds, and what becomes of a damaged one and of old ones.

use crate::{BASE, assert_no_processes, names};
use pyro_core::testing::{Agent, EnvironmentError, EnvironmentStore, Installed};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const AGENT: Agent<'static> =
    Agent { executable: || Ok(b"agent".to_vec()), digest: "00112233445566778899aabbccddeeff" };

fn debugfs(image: &Path, request: &str) -> String {
    let output =
        Command::new("/usr/sbin/debugfs").args(["-R", request]).arg(image).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Owners are those of Debian, there are no device nodes, and nothing of the host's apt is left.
pub fn assert_content(image: &Path) {
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

pub fn assert_installed(store: &EnvironmentStore, installed: &Installed, cache: &Path) {
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
pub fn damage(store: &EnvironmentStore, file: &Path, name: &str) {
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
pub fn damage_for_good(store: &EnvironmentStore, installed: &Installed) {
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

pub fn pruned(store: &EnvironmentStore, in_use: &[String]) -> Vec<String> {
    store.prune(|| Ok::<_, EnvironmentError>(in_use.to_vec())).unwrap()
}

pub fn assert_pruned(store: &EnvironmentStore, old: &Installed, new: &Installed, cache: &Path) {
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
