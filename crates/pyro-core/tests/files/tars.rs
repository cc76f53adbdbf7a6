//! Tar files both ways, against the system's own `tar`.

use crate::site::{build, seen};
use pyro_core::archive::{self, TarError, TarWriter};
use pyro_core::host::output::Output;
use pyro_core::host::tree::{self as host_tree, Allowance, HostTreeError, Receiver};
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

fn unpack(file: &Path, dest: &Path) -> Result<(), Error> {
    let allowance = Allowance { max_entries: 1000, max_bytes: 1 << 30, overwrite: false };
    let mut receiver = Receiver::new(Output::prepare(&dest.into(), true).unwrap(), allowance)?;
    archive::send(fs::File::open(file).unwrap(), |batch: Batch| {
        for record in Records::new(batch.payload()) {
            receiver.put(&record.map_err(HostTreeError::from)?)?;
        }
        Ok::<(), Error>(())
    })?;
    receiver.finish()?;
    Ok(())
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
        ("a.tar.gz", &["--format=pax", "-z"]),
        ("a.tar.zst", &["--format=pax", "--zstd"]),
    ] {
        let file = dir.path().join(name);
        let args = [&["-cf", file.to_str().unwrap()], options, &["-C", base, "."]].concat();
        run("tar", &args);
        let dest = dir.path().join(format!("{name}.out"));
        unpack(&file, &dest).unwrap();
        let (made, expected) = (seen(&dest), seen(&from));
        if name == "sparse.tar" {
            // The GNU format has no nanoseconds.
            let paths = |seen: &[crate::site::Seen]| seen.iter().map(|seen| seen.path.clone()).collect::<Vec<_>>();
            assert_eq!(paths(&made), paths(&expected));
            assert_eq!(fs::read(dest.join("sparse")).unwrap(), fs::read(from.join("sparse")).unwrap());
        } else {
            assert_eq!(made, expected, "{name}");
        }
        let blocks = std::os::unix::fs::MetadataExt::blocks(&fs::metadata(dest.join("sparse")).unwrap());
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
        (forged(&[("l", EntryType::Symlink, out), ("l/evil", EntryType::Regular, "")]), "l/evil lies beyond a link"),
        (forged(&[("h", EntryType::Link, "/etc/shadow")]), "/etc/shadow cannot be unpacked"),
        (forged(&[("h", EntryType::Link, "../x")]), "../x cannot be unpacked"),
        (forged(&[("l", EntryType::Symlink, out), ("h", EntryType::Link, "l")]), "l lies beyond"),
        (forged(&[("dev", EntryType::Block, "")]), "dev is a block device"),
        (forged(&[("pipe", EntryType::Fifo, "")]), "pipe is a named pipe"),
        (forged(&[("a", EntryType::Directory, ""), ("a", EntryType::Regular, "")]), "a is there already"),
        (b"this is no archive at all, but it is long enough to look like one".repeat(20), "cannot read the archive"),
        (vec![0x1f, 0x8b, 1, 2, 3], "cannot read the archive"),
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

#[test]
fn an_endless_header_takes_no_memory() {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(1 << 40);
    header.set_cksum();
    let endless = std::io::Read::chain(std::io::Cursor::new(header.as_bytes().to_vec()), std::io::repeat(b'a'));
    let error = archive::send(endless, |_| Ok::<(), Error>(())).unwrap_err();
    assert!(matches!(error, Error::Tar(TarError::Io(_))), "{error}");
}
