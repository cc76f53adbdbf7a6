//! Disks as guests leave them, good and bad, read by what asks no guest.

use super::error::DiskError;
use super::fault::DiskFault;
use super::offline::OfflineDisk;
use super::page::PageQuery;
use super::part::PartQuery;
use super::{DiskAnswer, DiskQuery, export};
use proptest::prelude::*;
use pyro_protocol::TreePath;
use pyro_protocol::tree::Kind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio_util::sync::CancellationToken;

fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A disk with odd names, changed by commands of debugfs.
fn disk(changes: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let tree = home.path().join("tree/workspace");
    std::fs::create_dir_all(tree.join("a b/deep")).unwrap();
    std::fs::write(tree.join("a b/deep/file"), "four").unwrap();
    let odd = std::ffi::OsStr::from_bytes(b"odd\xff");
    std::fs::write(tree.join(odd), "x").unwrap();
    let far = "t/".repeat(400);
    std::os::unix::fs::symlink(&far, tree.join("far")).unwrap();
    std::os::unix::fs::symlink("/workspace/a b/deep", tree.join("link")).unwrap();
    std::os::unix::fs::symlink("loop", tree.join("loop")).unwrap();
    let large = std::fs::File::create(tree.join("large")).unwrap();
    large.set_len(10 << 30).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&large, b"far end", (10 << 30) - 7).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&large, b"middle", (5 << 30) - 3).unwrap();
    let image = home.path().join("image");
    let (tree, path) = (home.path().join("tree"), image.to_str().unwrap());
    let tree = tree.to_str().unwrap();
    run("mke2fs", &["-q", "-t", "ext4", "-O", "^metadata_csum", "-d", tree, path, "16M"]);
    for change in changes {
        run("debugfs", &["-w", "-R", change, path]);
    }
    (home, image)
}

fn page(path: &str) -> PageQuery {
    PageQuery { path: path.into(), follow: false, recursive: true, after: None, limit: 1000 }
}

fn part(path: &str, offset: u64, len: u64) -> PartQuery {
    PartQuery { path: path.into(), offset, len }
}

fn fault(result: Result<impl std::fmt::Debug, DiskError>) -> DiskFault {
    match result {
        Err(DiskError::Fault(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_disk_is_listed_page_by_page_in_the_order_of_a_walk() {
    let (_home, image) = disk(&[]);
    let disk = OfflineDisk::open(&image, &[]).unwrap();
    let whole = disk.page(&page("/workspace")).unwrap();
    let names = |nodes: &[super::Node]| -> Vec<Vec<u8>> {
        nodes.iter().map(|node| node.path.as_bytes().to_vec()).collect()
    };
    let expected: [&[u8]; 8] =
        [b"a b", b"a b/deep", b"a b/deep/file", b"far", b"large", b"link", b"loop", b"odd\xff"];
    assert_eq!(names(&whole.nodes), expected);
    assert!(!whole.more && whole.nodes[3].target == "t/".repeat(400).as_bytes());
    assert_eq!((whole.nodes[4].size, whole.nodes[4].kind()), (10 << 30, Kind::File));
    // Any page is followed by the rest.
    for limit in 1..8 {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = disk.page(&PageQuery { limit, after, ..page("/workspace") }).unwrap();
            assert!(page.nodes.len() <= limit);
            all.extend(page.nodes.iter().cloned());
            if !page.more {
                break;
            }
            after = all.last().map(|last| last.path.clone());
        }
        assert_eq!(all, whole.nodes, "{limit}");
    }
    let flat = disk.page(&PageQuery { recursive: false, ..page("/") }).unwrap();
    assert_eq!(names(&flat.nodes), [&b"lost+found"[..], b"workspace"]);
    let itself = disk.page(&page("/workspace/link")).unwrap();
    assert_eq!(itself.nodes[0].path, TreePath::root());
    assert_eq!(names(&disk.page(&page("/workspace/link/.")).unwrap().nodes), [b"file"]);
}

#[test]
fn a_file_is_read_from_anywhere_in_it() {
    let (_home, image) = disk(&[]);
    let disk = OfflineDisk::open(&image, &[]).unwrap();
    for (path, offset, len, expected) in [
        ("/workspace/a b/deep/file", 0, 10, &b"four"[..]),
        ("/workspace/link/file", 1, 2, b"ou"),
        ("/workspace/../workspace/link/../deep/file", 3, 9, b"r"),
        ("/workspace/a b/deep/file", 4, 9, b""),
        ("/workspace/large", (10 << 30) - 9, 100, b"\0\0far end"),
        ("/workspace/large", (5 << 30) - 5, 10, b"\0\0middle\0\0"),
        ("/workspace/large", u64::MAX, 10, b""),
    ] {
        let read = disk.part(&part(path, offset, len)).unwrap();
        assert_eq!(read.bytes, expected, "{path} at {offset}");
    }
    let linked = disk.part(&part("/workspace/link/file", 0, 1)).unwrap();
    assert_eq!(linked.path, b"/workspace/a b/deep/file");
    let failed = |path: &str| fault(disk.part(&part(path, 0, 1)));
    assert!(matches!(failed("/workspace/nothing"), DiskFault::NotFound(_)));
    assert!(matches!(failed("/workspace/a b/deep/file/x"), DiskFault::NotDirectory(_)));
    assert!(matches!(failed("/workspace"), DiskFault::NotFile { .. }));
    assert!(matches!(failed("/workspace/loop"), DiskFault::Links(_)));
}

#[test]
fn what_a_guest_claims_takes_neither_memory_nor_time() {
    // Directories that hold each other, a link and a directory of a terabyte, a file whose map ends
    // before it does, links as directories.
    let (_home, image) = disk(&[
        "link /workspace /workspace/a",
        "set_inode_field /workspace/far size 0xffffffffff",
        "set_inode_field /workspace/link size 0",
        "set_inode_field /workspace/large flags 0",
        "set_inode_field \"/workspace/a b\" size 0xffffffffff",
    ]);
    let disk = OfflineDisk::open(&image, &[]).unwrap();
    assert_eq!(fault(disk.page(&page("/workspace/a/a/a b"))), DiskFault::Directories);
    let deep = PageQuery { limit: 100_000, ..page("/workspace/a") };
    assert_eq!(fault(disk.page(&deep)), DiskFault::Directories);
    assert!(disk.part(&part("/workspace/far/x", 0, 1)).is_err());
    assert!(disk.part(&part("/workspace/link", 0, 1)).is_err());
    assert!(disk.part(&part("/workspace/large", 10 << 30, 9)).unwrap().bytes.is_empty());
    let _ = disk.part(&part("/workspace/large", (10 << 30) - 10, 9));
    let flat = disk.page(&PageQuery { recursive: false, ..page("/workspace") }).unwrap();
    assert_eq!(flat.nodes.len(), 7);
    let listed = disk.list(b"/workspace", |_| true);
    assert_eq!(fault(listed), DiskFault::Directories);
}

#[test]
fn a_filesystem_that_says_too_much_of_itself_is_not_read() {
    let (_home, image) = disk(&[]);
    let whole = std::fs::read(&image).unwrap();
    // Block size, blocks, blocks of a group, magic number: each made larger than it can be.
    for (at, bytes) in [
        (0x18, &[20_u8, 0, 0, 0][..]),
        (0x4, &[0xff; 4]),
        (0x20, &[0; 4]),
        (0x20, &[1, 0, 0, 0]),
        (0x38, &[0, 0]),
    ] {
        let mut broken = whole.clone();
        broken[1024 + at..1024 + at + bytes.len()].copy_from_slice(bytes);
        std::fs::write(&image, &broken).unwrap();
        let opened = OfflineDisk::open(&image, &[]);
        // 16 MiB have few groups, whatever their size.
        assert!(bytes == [1, 0, 0, 0] || opened.is_err(), "{at:#x}");
    }
    // One that was not unmounted, with a journal that the reader does not know.
    let mut broken = whole;
    broken[1024 + 0x60] |= 4;
    std::fs::write(&image, &broken).unwrap();
    assert_eq!(fault(OfflineDisk::open(&image, &[])), DiskFault::Journal);
    std::fs::write(&image, b"short").unwrap();
    assert!(OfflineDisk::open(&image, &[]).is_err());
}

/// What is written to each layer: at which cluster, and with what; none for zeros.
type Writes = [(u64, Option<u8>)];

fn layer(path: &Path, size: u64, writes: &Writes) {
    let text = path.to_str().unwrap();
    run("qemu-img", &["create", "-q", "-f", "qcow2", text, &size.to_string()]);
    let mut args = vec!["-f".to_owned(), "qcow2".to_owned()];
    for (at, what) in writes {
        let at = at << 16;
        let what = what.map_or("-z".to_owned(), |byte| format!("-P {byte}"));
        args.extend(["-c".to_owned(), format!("write -q {what} {at} 65536")]);
    }
    args.push(text.to_owned());
    run("qemu-io", &args.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn a_disk_is_exported_as_what_image_and_layers_hold_together() {
    let (home, image) = disk(&[]);
    let size = image.metadata().unwrap().len();
    let path = |name: &str| home.path().join(name);
    layer(&path("lower"), size, &[(100, Some(1)), (101, Some(1)), (102, Some(1)), (103, None)]);
    layer(&path("upper"), size, &[(101, Some(2)), (102, None), (120, Some(3))]);
    let layers = [path("lower"), path("upper")];
    let exported = |name: &str, format| {
        let to = std::fs::File::create_new(path(name)).unwrap();
        let to = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(path(name))
            .map(|file| (to, file));
        let cancel = CancellationToken::new();
        export::export(&image, &layers, &to.unwrap().1, format, &cancel).unwrap()
    };
    let told = exported("raw", export::DiskFormat::Ext4);
    assert_eq!((told.size, told.needs_recovery), (size, false));
    let mut expected = std::fs::read(&image).unwrap();
    for (at, byte) in [(100, 1), (101, 2), (102, 0), (103, 0), (120, 3)] {
        expected[at << 16..(at + 1) << 16].fill(byte);
    }
    assert!(std::fs::read(path("raw")).unwrap() == expected);
    let blocks = std::os::unix::fs::MetadataExt::blocks(&path("raw").metadata().unwrap());
    assert!(blocks * 512 < size / 2, "{blocks} blocks of {size} bytes");
    exported("other", export::DiskFormat::Qcow2);
    let (qcow2, back) = (path("other"), path("back"));
    let check = run("qemu-img", &["check", "-f", "qcow2", qcow2.to_str().unwrap()]);
    assert!(check.contains("No errors"), "{check}");
    let names = [qcow2.to_str().unwrap(), back.to_str().unwrap()];
    run("qemu-img", &["convert", "-f", "qcow2", "-O", "raw", names[0], names[1]]);
    assert!(std::fs::read(&back).unwrap() == expected);
    // Nobody waits for it any more.
    let to = std::fs::File::create(path("none")).unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let ended = export::export(&image, &layers, &to, export::DiskFormat::Ext4, &cancel);
    assert!(matches!(ended, Err(DiskError::Cancelled)), "{ended:?}");
}

#[test]
fn questions_and_answers_cross_as_they_are() {
    let query = DiskQuery::Page(PageQuery {
        path: b"/a\xff".to_vec(),
        after: Some(TreePath::parse(b"b\xfe").unwrap()),
        ..page("/")
    });
    let text = serde_json::to_string(&query).unwrap();
    assert_eq!(
        format!("{:?}", serde_json::from_str::<DiskQuery>(&text).unwrap()),
        format!("{query:?}")
    );
    let (_home, image) = disk(&[]);
    let disk = OfflineDisk::open(&image, &[]).unwrap();
    let listed = disk.page(&page("/workspace")).unwrap();
    let text = serde_json::to_vec(&DiskAnswer::Page(listed)).unwrap();
    let DiskAnswer::Page(again) = serde_json::from_slice(&text).unwrap() else { panic!() };
    assert_eq!(again.nodes, disk.page(&page("/workspace")).unwrap().nodes);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever is changed of what a filesystem says of itself: it is read or it is not, and
    /// nothing else happens.
    #[test]
    fn broken_filesystems_are_errors(
        changes in prop::collection::vec((0.0..1.0_f64, any::<u8>()), 1..64),
    ) {
        thread_local! {
            static DISK: (tempfile::TempDir, Vec<u8>, Vec<usize>) = {
                let (home, image) = disk(&[]);
                let whole = std::fs::read(image).unwrap();
                // Only where there is something: superblock, groups, inodes, directories.
                let used = (1024..whole.len()).filter(|at| whole[*at] != 0).collect();
                (home, whole, used)
            };
        }
        DISK.with(|(home, whole, used)| {
            let mut broken = whole.clone();
            for (at, byte) in &changes {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "an index")]
                let at = used[(at * used.len() as f64) as usize];
                broken[at] = *byte;
            }
            let image = home.path().join("broken");
            std::fs::write(&image, &broken).unwrap();
            let Ok(disk) = OfflineDisk::open(&image, &[]) else { return };
            let nodes = disk.page(&PageQuery { limit: 2000, ..page("/") });
            for node in nodes.map(|page| page.nodes).unwrap_or_default() {
                let path = [b"/", node.path.as_bytes()].concat();
                let _ = disk.part(&PartQuery { path, offset: node.size / 2, len: 4096 });
            }
            let mut count = 0;
            let _ = disk.list(b"/", |_| {
                count += 1;
                count < 2000
            });
        });
    }
}
