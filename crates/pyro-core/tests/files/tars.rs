//! Tar files both ways, against the system's own `tar`.

use crate::site::{build, seen};
use pyro_core::testing::tar::{Sent, TarError, TarWriter};
use pyro_core::testing::{Allowance, HostTreeError, Output, Receiver, host_tree, tar as archive};
use pyro_protocol::tree::{Batch, Records};
use pyro_tree::TreeError;
use std::fs;
use std::path::Path;
use std::process::Command;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0}")]
    Tar(#[from] TarError),
    #[error("{0}")]
    Host(#[from] HostTreeError),
    #[error("{0}")]
    Tree(#[from] TreeError),
}

fn run(program: &str, args: &[&str]) {
    let out = Command::new(program).args(args).output().unwrap();
    assert!(out.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
}

fn unpack(file: &Path, dest: &Path) -> Result<Sent, Error> {
    let allowance = Allowance { max_entries: 1000, max_bytes: 1 << 30, overwrite: false };
    let mut receiver = Receiver::new(Output::prepare(&dest.into(), true).unwrap(), allowance)?;
    let sent = archive::send(fs::File::open(file).unwrap(), |batch: Batch| {
        for record in Records::new(batch.payload()) {
            receiver.put(&record.map_err(HostTreeError::from)?)?;
        }
        Ok::<(), Error>(())
    })?;
    receiver.finish()?;
    Ok(sent)
}

#[test]
fn archives_of_the_systems_tar_are_read_in_every_compression() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from");
    build(&from);
    let base = from.to_str().unwrap();
    for (name, options) in [
        ("pax.tar", &["--format=pax"][..]),
        ("sparse.tar", &["--format=gnu", "--sparse"]),
        ("sparse-0.0.tar", &["--format=pax", "--sparse", "--sparse-version=0.0"]),
        ("sparse-0.1.tar", &["--format=pax", "--sparse", "--sparse-version=0.1"]),
        ("sparse-1.0.tar", &["--format=pax", "--sparse", "--sparse-version=1.0"]),
        ("a.tar.gz", &["--format=pax", "-z"]),
        ("a.tar.zst", &["--format=pax", "--zstd"]),
        ("a.tar.bz2", &["--format=pax", "-j"]),
        ("a.tar.xz", &["--format=pax", "-J"]),
    ] {
        let file = dir.path().join(name);
        let args = [&["-cf", file.to_str().unwrap()], options, &["-C", base, "."]].concat();
        run("tar", &args);
        let dest = dir.path().join(format!("{name}.out"));
        unpack(&file, &dest).unwrap();
        let (made, expected) = (seen(&dest), seen(&from));
        if name == "sparse.tar" {
            // The GNU format has no nanoseconds.
            let paths = |seen: &[crate::site::Seen]| {
                seen.iter().map(|seen| seen.path.clone()).collect::<Vec<_>>()
            };
            assert_eq!(paths(&made), paths(&expected));
            assert_eq!(
                fs::read(dest.join("sparse")).unwrap(),
                fs::read(from.join("sparse")).unwrap()
            );
        } else {
            assert_eq!(made, expected, "{name}");
        }
        let blocks =
            std::os::unix::fs::MetadataExt::blocks(&fs::metadata(dest.join("sparse")).unwrap());
        assert!(blocks < 2048, "{name}: the holes are gone: {blocks}");
    }
}

#[test]
fn the_systems_tar_reads_our_archives() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from");
    build(&from);
    let file = dir.path().join("ours.tar");
    let mut writer = TarWriter::new(fs::File::create(&file).unwrap(), 1 << 30);
    host_tree::send(&from, None, |batch| {
        for record in Records::new(batch.payload()) {
            writer.put::<Error>(&record.map_err(HostTreeError::from)?)?;
        }
        Ok::<(), Error>(())
    })
    .unwrap();
    let (_, odd) = writer.finish::<Error>().unwrap();
    assert_eq!(odd, vec![]);
    let dest = dir.path().join("dest");
    fs::create_dir(&dest).unwrap();
    run("tar", &["-xpf", file.to_str().unwrap(), "-C", dest.to_str().unwrap()]);
    assert_eq!(seen(&dest), seen(&from));
}

/// An archive that no tar program would write.
fn forged(entries: &[(&str, tar::EntryType, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, target) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_mtime(1);
        header.set_size(0);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        builder.append(&header, std::io::empty()).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn hostile_archives_are_refused_by_name_and_leave_nothing() {
    use tar::EntryType;
    let outside = tempfile::tempdir().unwrap();
    let out = outside.path().to_str().unwrap();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (forged(&[("../evil", EntryType::Regular, "")]), "../evil cannot be unpacked"),
        (forged(&[("/etc/evil", EntryType::Regular, "")]), "/etc/evil cannot be unpacked"),
        (forged(&[("a/../../evil", EntryType::Regular, "")]), "cannot be unpacked"),
        (
            forged(&[("l", EntryType::Symlink, out), ("l/evil", EntryType::Regular, "")]),
            "l/evil lies beyond a link",
        ),
        (forged(&[("h", EntryType::Link, "/etc/shadow")]), "/etc/shadow cannot be unpacked"),
        (forged(&[("h", EntryType::Link, "../x")]), "../x cannot be unpacked"),
        (forged(&[("l", EntryType::Symlink, out), ("h", EntryType::Link, "l")]), "l lies beyond"),
        (
            forged(&[("a", EntryType::Directory, ""), ("a", EntryType::Regular, "")]),
            "a is there already",
        ),
        (
            b"this is no archive at all, but it is long enough to look like one".repeat(20),
            "cannot read the archive",
        ),
        (vec![0x1f, 0x8b, 1, 2, 3], "the archive is incomplete"),
        (vec![0x28, 0xb5, 0x2f, 0xfd, 9, 9, 9, 9], "cannot read the archive"),
    ];
    for (bytes, words) in cases {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("evil.tar");
        fs::write(&file, bytes).unwrap();
        let error = unpack(&file, &dir.path().join("dest")).unwrap_err().to_string();
        assert!(error.contains(words), "{error:?} should say {words:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "{words}: something is left");
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

/// Three files, as `tar` archives them; each fills two blocks.
fn three(dir: &Path) -> Vec<u8> {
    let from = dir.join("three");
    fs::create_dir(&from).unwrap();
    for name in ["f1", "f2", "f3"] {
        fs::write(from.join(name), name).unwrap();
    }
    let file = dir.join("three.tar");
    run("tar", &["-cf", file.to_str().unwrap(), "-C", from.to_str().unwrap(), "f1", "f2", "f3"]);
    fs::read(file).unwrap()
}

fn sent(bytes: &[u8]) -> Result<Sent, TarError> {
    archive::send(bytes, |_| Ok::<(), TarError>(()))
}

#[test]
fn an_archive_without_its_end_is_refused_wherever_it_was_cut() {
    let dir = tempfile::tempdir().unwrap();
    let whole = three(dir.path());
    let members = 6 * 512;
    for len in (0..members).step_by(256).chain([members, members + 512, members + 1000]) {
        let error = sent(&whole[..len]).unwrap_err();
        assert!(matches!(error, TarError::Truncated), "{len}: {error:?}");
    }
    // Two blocks are the end, however much fills the last record up.
    for len in [members + 1024, members + 1024 + 100, whole.len()] {
        sent(&whole[..len]).unwrap_or_else(|error| panic!("{len}: {error:?}"));
    }
    let mut padded = whole.clone();
    padded.resize(whole.len() + (1 << 20), 0);
    sent(&padded).unwrap();
    padded.push(b'x');
    assert!(matches!(sent(&padded), Err(TarError::Trailing(_))));
    // Another archive behind it.
    let twice = [&whole[..], &whole[..]].concat();
    assert!(matches!(sent(&twice), Err(TarError::Trailing(_))));
    let endless = std::io::Read::chain(&whole[..], std::io::repeat(0));
    let error = archive::send(endless, |_| Ok::<(), TarError>(())).unwrap_err();
    assert!(matches!(error, TarError::Trailing(_)), "{error:?}");
    // Nothing in it is a tar file too.
    sent(&[0; 1024]).unwrap();
}

#[test]
fn a_compressed_archive_that_was_cut_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let whole = three(dir.path());
    let plain = dir.path().join("three.tar");
    for program in ["gzip", "bzip2", "xz", "zstd"] {
        let output = Command::new(program).arg("-c").arg(&plain).output().unwrap();
        let packed = output.stdout;
        assert!(output.status.success() && packed.len() > 50, "{program}");
        sent(&packed).unwrap_or_else(|error| panic!("{program}: {error:?}"));
        for len in 1..packed.len() {
            let error = sent(&packed[..len]).err();
            let is_told = matches!(error, Some(TarError::Truncated | TarError::Io(_)));
            assert!(is_told, "{program} {len} of {}: {error:?}", packed.len());
        }
        // What is compressed was cut, and what compresses it was not.
        let mut child = Command::new(program)
            .arg("-c")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), &whole[..2048]).unwrap();
        let packed = child.wait_with_output().unwrap().stdout;
        assert!(matches!(sent(&packed), Err(TarError::Truncated)), "{program}");
        // One after the other, as split files are put together.
        let halves: Vec<u8> = [&whole[..1000], &whole[1000..]]
            .iter()
            .flat_map(|half| {
                fs::write(dir.path().join("half"), half).unwrap();
                Command::new(program)
                    .arg("-c")
                    .arg(dir.path().join("half"))
                    .output()
                    .unwrap()
                    .stdout
            })
            .collect();
        sent(&halves).unwrap_or_else(|error| panic!("{program} twice: {error:?}"));
        let garbage = [&halves[..], b"garbage"].concat();
        assert!(sent(&garbage).is_err(), "{program} with garbage");
    }
}

#[test]
fn special_files_of_an_archive_are_left_out_and_named() {
    use tar::EntryType;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("special.tar");
    let entries = [
        ("dev", EntryType::Block, ""),
        ("f", EntryType::Regular, ""),
        ("pipe", EntryType::Fifo, ""),
        ("tty", EntryType::Char, ""),
    ];
    fs::write(&file, forged(&entries)).unwrap();
    let sent = unpack(&file, &dir.path().join("dest")).unwrap();
    let named: Vec<_> =
        sent.special.iter().map(|(path, kind)| (path.to_string(), kind.name())).collect();
    let expected = [("dev", "block device"), ("pipe", "named pipe"), ("tty", "character device")];
    assert_eq!(named, expected.map(|(path, kind)| (path.to_owned(), kind)));
    assert_eq!(sent.special_count, 3);
    let made: Vec<_> = fs::read_dir(dir.path().join("dest"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(made, ["f"]);
}

#[test]
fn a_dictionary_that_is_too_large_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    three(dir.path());
    let large = Command::new("xz")
        .args(["-c", "--lzma2=dict=1GiB", "-T1"])
        .arg(dir.path().join("three.tar"))
        .output();
    let packed = large.unwrap().stdout;
    assert!(packed.len() > 50);
    let error = sent(&packed).unwrap_err();
    assert!(matches!(error, TarError::Io(_)), "{error:?}");
}

#[test]
fn an_endless_header_takes_no_memory() {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(1 << 40);
    header.set_cksum();
    let endless = std::io::Read::chain(
        std::io::Cursor::new(header.as_bytes().to_vec()),
        std::io::repeat(b'a'),
    );
    let error = archive::send(endless, |_| Ok::<(), Error>(())).unwrap_err();
    assert!(matches!(error, Error::Tar(TarError::Io(_))), "{error}");
}
