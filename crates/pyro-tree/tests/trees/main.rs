//! Real trees through the stream and back: what is kept, what is refused, and that nothing else is
//! touched.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs, reason = "this is a test")]

mod shape;

use proptest::prelude::*;
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Batch, Kind, Meta, Record, Records};
use pyro_tree::{Odd, Placed, Placer, Placing, TreeError, Walk, WalkOptions, node, pack};
use rustix::fs::{CWD, Mode, OFlags};
use shape::{build, name, shape};
use std::convert::Infallible;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;

fn placing() -> Placing {
    let umask = pyro_tree::place::umask();
    Placing {
        owners: false,
        special_bits: true,
        keep_going: false,
        umask,
        max_entries: u64::MAX,
        max_bytes: u64::MAX,
    }
}

fn open(path: &Path) -> OwnedFd {
    rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())
        .unwrap()
}

fn packed(root: &Path) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut walk = Walk::new(open(root), WalkOptions::default()).unwrap();
    pack(&mut walk, |batch| {
        batches.push(batch);
        Ok::<(), Infallible>(())
    })
    .unwrap();
    batches
}

fn put_all(placer: &mut Placer, batches: &[Batch]) -> Result<(), TreeError> {
    for batch in batches {
        for record in Records::new(batch.payload()) {
            placer.put(&record?)?;
        }
    }
    Ok(())
}

fn place(batches: &[Batch], into: &Path, placing: Placing) -> Result<Placed, TreeError> {
    let mut placer = Placer::into_directory(open_dir(into), placing);
    put_all(&mut placer, batches)?;
    placer.finish()
}

fn open_dir(path: &Path) -> OwnedFd {
    rustix::fs::open(path, node::DIRECTORY, Mode::empty()).unwrap()
}

/// All that must be equal of two trees: path, kind, mode, time, size, target, content, and which
/// names share a file.
type Seen = (TreePath, Kind, u32, i128, u64, Vec<u8>, Vec<u8>, Option<TreePath>);

fn seen(root: &Path) -> Vec<Seen> {
    let mut walk = Walk::new(open(root), WalkOptions::default()).unwrap();
    let mut firsts = std::collections::HashMap::new();
    let mut all = Vec::new();
    while let Some((meta, target)) = walk.next_node() {
        assert_eq!(meta.errno, 0);
        let path = TreePath::parse(walk.path()).unwrap();
        let on_disk = root.join(OsStr::from_bytes(path.as_bytes()));
        let mut content = Vec::new();
        if meta.kind == Kind::File && meta.size < 1 << 24 {
            content = fs::read(&on_disk).unwrap();
        }
        let first = (meta.nlink > 1 && meta.kind == Kind::File)
            .then(|| firsts.entry(meta.ino).or_insert_with(|| path.clone()).clone());
        let size = if meta.kind == Kind::File { meta.size } else { 0 };
        all.push((
            path,
            meta.kind,
            meta.mode,
            meta.mtime.as_nanoseconds(),
            size,
            target,
            content,
            first,
        ));
    }
    all
}

/// Give back the rights to remove it.
struct Scratch(tempfile::TempDir);

impl Drop for Scratch {
    fn drop(&mut self) {
        for name in fs::read_dir(self.0.path()).unwrap().flatten() {
            node::remove(open_dir(self.0.path()).as_fd(), name.file_name().as_bytes()).unwrap();
        }
    }
}

fn scratch() -> Scratch {
    Scratch(tempfile::tempdir().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn a_tree_comes_back_as_it_was(nodes in proptest::collection::vec((name(), shape()), 0..10)) {
        let from = scratch();
        let into = scratch();
        build(from.0.path(), &nodes, &mut None, &mut 1_600_000_000_000_000_000);
        let placed = place(&packed(from.0.path()), into.0.path(), placing()).unwrap();
        prop_assert_eq!(placed.odd, vec![]);
        prop_assert_eq!(seen(from.0.path()), seen(into.0.path()));
        prop_assert!(placed.bytes < 1 << 30, "a hole was carried: {} bytes", placed.bytes);
    }

    #[test]
    fn a_listing_in_pages_is_the_listing(
        nodes in proptest::collection::vec((name(), shape()), 0..10), page in 1usize..7,
    ) {
        let from = scratch();
        build(from.0.path(), &nodes, &mut None, &mut 1_600_000_000_000_000_000);
        let whole: Vec<TreePath> = seen(from.0.path()).into_iter().map(|seen| seen.0).collect();
        prop_assert!(whole.is_sorted());
        let mut paged: Vec<TreePath> = Vec::new();
        loop {
            let mut walk = Walk::new(open(from.0.path()), WalkOptions::default()).unwrap();
            if let Some(last) = paged.last() {
                walk.resume(last).unwrap();
            }
            let before = paged.len();
            while paged.len() < before + page && walk.next_node().is_some() {
                paged.push(TreePath::parse(walk.path()).unwrap());
            }
            if paged.len() == before {
                break;
            }
        }
        prop_assert_eq!(paged, whole);
    }
}

fn batch(records: &[Record<'_>]) -> Vec<Batch> {
    let mut batch = Batch::default();
    records.iter().for_each(|record| batch.record(record));
    vec![batch]
}

fn entry<'a>(path: &'a [u8], kind: Kind, target: &'a [u8]) -> Record<'a> {
    Record::Entry { path, meta: Meta::new(kind, 0o644), target }
}

const END: Record<'_> = Record::End { size: 0, changed: false, errno: 0 };

#[test]
fn hostile_streams_reach_nothing_outside_and_are_named() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "s").unwrap();
    let out = outside.path().as_os_str().as_bytes();
    let data = Record::Data { offset: 0, bytes: b"x" };
    let cases: Vec<(Vec<Record<'_>>, &str)> = vec![
        (
            vec![entry(b"l", Kind::Symlink, out), entry(b"l/f", Kind::File, b""), END],
            "l/f lies beyond a link",
        ),
        (
            vec![entry(b"l", Kind::Symlink, b".."), entry(b"l/d", Kind::Directory, b"")],
            "l/d lies beyond a link",
        ),
        (
            vec![entry(b"l", Kind::Symlink, out), entry(b"l", Kind::Directory, b"")],
            "l is there already",
        ),
        (
            vec![entry(b"l", Kind::Symlink, out), entry(b"h", Kind::HardLink, b"l/secret")],
            "l/secret lies beyond",
        ),
        (
            vec![entry(b"l", Kind::Symlink, b"secret"), entry(b"h", Kind::HardLink, b"l")],
            "l lies beyond",
        ),
        (vec![entry(b"h", Kind::HardLink, b"nope")], "cannot link to nope"),
        (
            vec![entry(b"f", Kind::File, b""), END, entry(b"f/g", Kind::File, b"")],
            "f/g lies beyond",
        ),
        (
            vec![entry(b"f", Kind::File, b""), END, entry(b"f", Kind::Directory, b"")],
            "f is there already",
        ),
        (vec![entry(b"dev", Kind::BlockDevice, b"")], "dev is a block device"),
        (vec![entry(b"p", Kind::Fifo, b"")], "p is a named pipe"),
        (vec![entry(b"", Kind::File, b"")], ". lies beyond"),
        (vec![entry(b"f", Kind::File, b""), entry(b"g", Kind::File, b"")], "out of order after f"),
        (vec![data.clone()], "out of order"),
        (
            vec![
                entry(b"f", Kind::File, b""),
                Record::Data { offset: 5, bytes: b"x" },
                data.clone(),
            ],
            "out of order after f",
        ),
        (vec![entry(b"f", Kind::File, b""), data.clone(), END], "out of order after f"),
        (vec![Record::Path(b"f")], "out of order"),
        (vec![entry(b"f", Kind::File, b"")], "out of order after f"),
    ];
    for (records, words) in cases {
        let into = tempfile::tempdir().unwrap();
        let error = place(&batch(&records), into.path(), placing()).unwrap_err().to_string();
        assert!(error.contains(words), "{error:?} should say {words:?}");
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(outside.path().join("secret")).unwrap(), "s");
}

#[test]
fn what_cannot_be_carried_is_told_and_the_rest_is_kept() {
    let from = tempfile::tempdir().unwrap();
    fs::write(from.path().join("a"), "a").unwrap();
    rustix::fs::mknodat(CWD, from.path().join("pipe"), rustix::fs::FileType::Fifo, Mode::RUSR, 0)
        .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(from.path().join("socket")).unwrap();
    fs::write(from.path().join("z"), "z").unwrap();
    fs::set_permissions(from.path().join("z"), fs::Permissions::from_mode(0o4755)).unwrap();
    let into = tempfile::tempdir().unwrap();
    let placed = place(
        &packed(from.path()),
        into.path(),
        Placing { keep_going: true, special_bits: false, ..placing() },
    )
    .unwrap();
    let odd: Vec<_> =
        placed.odd.iter().map(|(path, odd)| (path.to_string(), odd.clone())).collect();
    let expected = [
        ("pipe".into(), Odd::Special(Kind::Fifo)),
        ("socket".into(), Odd::Special(Kind::Socket)),
        ("z".into(), Odd::Bits(0o4000)),
    ];
    assert_eq!(odd, expected);
    assert_eq!(placed.entries, 3, "the root, a and z");
    assert_eq!(fs::read_to_string(into.path().join("z")).unwrap(), "z");
    assert_eq!(fs::metadata(into.path().join("z")).unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn a_sparse_terabyte_takes_no_room_and_no_stream() {
    let from = tempfile::tempdir().unwrap();
    let file = fs::File::create(from.path().join("sparse")).unwrap();
    file.write_all_at(b"end", (1 << 40) - 3).unwrap();
    file.write_all_at(b"middle", 1 << 39).unwrap();
    let batches = packed(from.path());
    assert!(batches.iter().map(|batch| batch.payload().len()).sum::<usize>() < 1 << 20);
    let into = tempfile::tempdir().unwrap();
    place(&batches, into.path(), placing()).unwrap();
    let made = fs::File::open(into.path().join("sparse")).unwrap();
    assert_eq!(made.metadata().unwrap().len(), 1 << 40);
    assert!(made.metadata().unwrap().blocks() * 512 < 1 << 20);
    let mut six = [0; 6];
    made.read_exact_at(&mut six, 1 << 39).unwrap();
    assert_eq!(&six, b"middle");
}

#[test]
fn a_file_that_shrinks_or_grows_while_it_is_read_never_breaks_the_stream() {
    for (len, told) in [(100_000, 100_000), (3_000_000, 2_000_000)] {
        let from = tempfile::tempdir().unwrap();
        let path = from.path().join("f");
        fs::write(&path, vec![7; 2_000_000]).unwrap();
        fs::write(from.path().join("g"), "g").unwrap();
        let mut walk = Walk::new(open(from.path()), WalkOptions::default()).unwrap();
        let mut batches = Vec::new();
        pack(&mut walk, |batch| {
            // After the first batch has left, the file is another one.
            if batches.is_empty() {
                fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(len).unwrap();
            }
            batches.push(batch);
            Ok::<(), Infallible>(())
        })
        .unwrap();
        let into = tempfile::tempdir().unwrap();
        let placed = place(&batches, into.path(), placing()).unwrap();
        assert_eq!(placed.odd, [(TreePath::parse(b"f").unwrap(), Odd::Changed)]);
        let made = fs::metadata(into.path().join("f")).unwrap().len();
        assert!(made >= told.min(100_000) && made <= 2_000_000, "{made}");
        assert_eq!(fs::read_to_string(into.path().join("g")).unwrap(), "g");
    }
}

#[test]
fn of_a_name_that_comes_twice_the_later_one_is_kept() {
    let mut batch = Batch::default();
    let mut file = |path: &[u8], text: &[u8]| {
        batch.entry(path, &Meta { size: text.len() as u64, ..Meta::new(Kind::File, 0o644) }, b"");
        batch.data(0, text);
        batch.end(text.len() as u64, false, 0);
    };
    file(b"a", b"first and long");
    file(b"a", b"second");
    file(b"b", b"b");
    batch.entry(b"b", &Meta::new(Kind::Symlink, 0o777), b"/etc/passwd");
    batch.entry(b"c", &Meta::new(Kind::Symlink, 0o777), b"a");
    batch.entry(b"c", &Meta { size: 1, ..Meta::new(Kind::File, 0o600) }, b"");
    batch.data(0, b"c");
    batch.end(1, false, 0);
    batch.entry(b"d", &Meta::new(Kind::Directory, 0o755), b"");
    let into = tempfile::tempdir().unwrap();
    place(std::slice::from_ref(&batch), into.path(), placing()).unwrap();
    assert_eq!(fs::read_to_string(into.path().join("a")).unwrap(), "second");
    assert_eq!(fs::read_link(into.path().join("b")).unwrap().to_str(), Some("/etc/passwd"));
    assert!(fs::symlink_metadata(into.path().join("c")).unwrap().is_file());
    // A file takes no directory's place.
    batch.entry(b"d", &Meta::new(Kind::Symlink, 0o777), b"a");
    let into = tempfile::tempdir().unwrap();
    assert!(matches!(place(&[batch], into.path(), placing()), Err(TreeError::Exists { .. })));
}

#[test]
fn limits_hold() {
    let from = tempfile::tempdir().unwrap();
    for name in 0..10 {
        fs::write(from.path().join(name.to_string()), "0123456789").unwrap();
    }
    let batches = packed(from.path());
    for (placing, words) in [
        (Placing { max_entries: 5, ..placing() }, "larger than 5 files"),
        (Placing { max_bytes: 99, ..placing() }, "larger than 99 bytes"),
    ] {
        let into = tempfile::tempdir().unwrap();
        let error = place(&batches, into.path(), placing).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_single_file_or_link_is_a_tree_too() {
    let from = tempfile::tempdir().unwrap();
    fs::write(from.path().join("f"), "hello").unwrap();
    std::os::unix::fs::symlink("../nowhere", from.path().join("l")).unwrap();
    let into = tempfile::tempdir().unwrap();
    for name in ["f", "l"] {
        let mut placer = Placer::as_name(open_dir(into.path()), b"x", placing());
        put_all(&mut placer, &packed(&from.path().join(name))).unwrap();
        placer.finish().unwrap();
        fs::rename(into.path().join("x"), into.path().join(name)).unwrap();
    }
    assert_eq!(fs::read_to_string(into.path().join("f")).unwrap(), "hello");
    assert_eq!(
        fs::read_link(into.path().join("l")).unwrap().into_os_string().into_vec(),
        b"../nowhere"
    );
    let mut placer = Placer::as_name(open_dir(into.path()), b"dir", placing());
    put_all(&mut placer, &packed(from.path())).unwrap();
    placer.finish().unwrap();
    assert_eq!(seen(&into.path().join("dir")), seen(from.path()));
    assert!(fs::symlink_metadata(into.path().join("dir/f")).unwrap().is_file());
}

#[test]
fn removal_is_whole_and_stays_inside() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("kept"), "").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("t/a/b/c");
    fs::create_dir_all(&deep).unwrap();
    std::os::unix::fs::symlink(outside.path(), deep.join("l")).unwrap();
    fs::set_permissions(&deep, fs::Permissions::from_mode(0o0)).unwrap();
    node::remove(open_dir(dir.path()).as_fd(), b"t").unwrap();
    node::remove(open_dir(dir.path()).as_fd(), b"t").unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    assert!(outside.path().join("kept").exists());
}
