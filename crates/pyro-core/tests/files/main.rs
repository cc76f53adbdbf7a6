//! Files, archives and staged changes against the real agent as a plain process, and against one
//! that lies.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "tests prepare and look at the host directly, and say what they skip"
)]

mod commit;
mod crash;
mod hostile;
mod repositories;
mod site;
mod tars;

use pyro_core::testing::guest::{archive, file, freeze, tree};
use pyro_core::testing::{Allowance, ClientError, HostTreeError, Output, Receiver, host_tree};
use pyro_protocol::TreePath;
use pyro_protocol::files::{Into, List, Pack, Read, Unpack, Write};
use pyro_protocol::message::FailureKind;
use pyro_protocol::tree::{Kind, Record};
use site::{Site, failed, guest, seen, within};
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;

fn list(root: &Path) -> List {
    List {
        root: guest(root),
        follow: false,
        depth: None,
        after: None,
        limit: None,
        exclude: vec![],
    }
}

fn whole(root: &Path) -> Pack {
    Pack { root: guest(root), follow: false, exclude: vec![], listed: false, attributes: false }
}

async fn seed(
    site: &Site,
    from: &Path,
    into: Into,
) -> Result<(), archive::TransferError<HostTreeError>> {
    let from = from.to_owned();
    let request = Unpack { into, owners: false };
    within(archive::unpack(site.stream().await, request, move |outlet| {
        host_tree::measure(&from, None)?;
        host_tree::send(&from, None, |batch| {
            outlet.send(batch).map_err(|_| HostTreeError::Refused(vec![], 0))
        })
    }))
    .await
}

#[tokio::test]
async fn a_tree_goes_in_is_listed_and_comes_out_as_it_was() {
    let site = Site::start().await;
    let from = site.path("from");
    site::build(&from);
    let inside = site.path("inside");
    seed(&site, &from, Into::Empty(guest(&inside))).await.unwrap();
    assert_eq!(seen(&from), seen(&inside));
    // A second seed would have to overwrite.
    let again = seed(&site, &from, Into::Empty(guest(&inside))).await.unwrap_err();
    assert!(
        matches!(again, archive::TransferError::Guest(ClientError::Failed(failure)) if failure.kind == FailureKind::Exists)
    );
    let manifest = within(tree::manifest(site.stream().await, list(&inside), 1000)).await.unwrap();
    let paths: Vec<_> = manifest.iter().map(|entry| entry.path.clone()).collect();
    assert!(paths.is_sorted() && paths[0].is_root());
    assert_eq!(paths, seen(&from).into_iter().map(|seen| seen.path).collect::<Vec<_>>());
    // In pages of three, without one folder.
    let exclude = vec![TreePath::parse(b"dir").unwrap()];
    let mut paged = Vec::new();
    loop {
        let after = paged.last().cloned();
        let page = List { after, limit: Some(3), exclude: exclude.clone(), ..list(&inside) };
        let mut listing = within(tree::list(site.stream().await, page)).await.unwrap();
        while let Some(entries) = within(listing.next()).await.unwrap() {
            paged.extend(entries.into_iter().map(|entry| entry.path));
        }
        if !listing.listed().unwrap().more {
            break;
        }
    }
    assert_eq!(
        paged,
        paths.iter().filter(|path| !path.is_within(&exclude[0])).cloned().collect::<Vec<_>>()
    );
    // And out again, as a whole and as a list.
    let allowance = Allowance { max_entries: 1000, max_bytes: 1 << 30, overwrite: false };
    for (name, request, paths) in [
        ("dest", whole(&inside), vec![]),
        ("listed", Pack { listed: true, ..whole(&inside) }, paths.clone()),
    ] {
        let receiver =
            Receiver::new(Output::prepare(&site.path(name).into(), true).unwrap(), allowance)
                .unwrap();
        let receiver =
            within(archive::pack(site.stream().await, request, &paths, receiver, Receiver::put))
                .await;
        let placed = receiver.unwrap().finish().unwrap();
        assert_eq!(placed.odd, vec![]);
        assert_eq!(seen(&site.path(name)), seen(&from), "{name}");
    }
    site.end().await;
}

#[tokio::test]
async fn a_broken_seed_leaves_nothing_and_says_why() {
    let site = Site::start().await;
    let from = site.path("from");
    fs::create_dir(&from).unwrap();
    fs::write(from.join("a"), "a").unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        from.join("pipe"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let inside = site.path("inside");
    let error = seed(&site, &from, Into::Empty(guest(&inside))).await.unwrap_err();
    assert!(error.to_string().contains("pipe is a named pipe"), "{error}");
    site::until(|| !inside.exists()).await;
    site.end().await;
}

#[tokio::test]
async fn files_are_written_whole_keep_their_mode_and_are_read_in_parts() {
    let site = Site::start().await;
    let path = site.path("new/dir/file");
    let write = |path: &Path, size: usize| Write {
        path: guest(path),
        mode: None,
        create_parents: true,
        size: size as u64,
    };
    let bytes: Vec<u8> = (0..1_000_000u32).flat_map(|n| n.to_le_bytes()).collect();
    let meta =
        within(file::write(site.stream().await, write(&path, bytes.len()), bytes.as_slice()))
            .await
            .unwrap();
    assert_eq!((meta.mode, meta.size, meta.kind), (0o644, bytes.len() as u64, Kind::File));
    assert_eq!(fs::read(&path).unwrap(), bytes);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o751)).unwrap();
    within(file::write(site.stream().await, write(&path, 3), &b"abc"[..])).await.unwrap();
    assert_eq!(
        (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().mode() & 0o7777),
        (b"abc".to_vec(), 0o751)
    );
    // Too few bytes: the old file stays, and nothing beside it.
    let short = within(file::write(site.stream().await, write(&path, 10), &b"short"[..])).await;
    assert_eq!(failed(short).kind, FailureKind::InvalidInput);
    let link = site.path("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for odd in [&link, &site.path("new")] {
        let refused = within(file::write(site.stream().await, write(odd, 1), &b"x"[..])).await;
        assert_eq!(failed(refused).kind, FailureKind::Unsupported, "{odd:?}");
    }
    assert_eq!(fs::read(&path).unwrap(), b"abc");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    fs::write(&path, &bytes).unwrap();
    let read =
        |path: &Path, offset, length, follow| Read { path: guest(path), offset, length, follow };
    for (offset, length) in [
        (0, None),
        (5, Some(7)),
        (3_999_990, Some(100)),
        (5_000_000, None),
        (u64::MAX, Some(9)),
        (0, Some(0)),
    ] {
        let mut content =
            within(file::read(site.stream().await, read(&link, offset, length, true)))
                .await
                .unwrap();
        let mut met = Vec::new();
        while let Some(more) = within(content.next()).await.unwrap() {
            met.extend(more);
        }
        let from = bytes.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        let to =
            bytes.len().min(from.saturating_add(length.map_or(usize::MAX, |len| len as usize)));
        assert_eq!(met, bytes[from..to], "{offset} {length:?}");
        assert_eq!(content.meta().size, bytes.len() as u64);
    }
    for (odd, words) in [(&link, "symbolic link"), (&site.path("new"), "directory")] {
        let refused =
            failed(within(file::read(site.stream().await, read(odd, 0, None, false))).await);
        assert!(
            refused.kind == FailureKind::Unsupported && refused.message.contains(words),
            "{refused:?}"
        );
    }
    let missing = failed(
        within(file::read(site.stream().await, read(&site.path("nope"), 0, None, true))).await,
    );
    assert_eq!(missing.kind, FailureKind::NotFound);
    within(file::mkdir(site.stream().await, guest(&site.path("m/n")), 0o750, true)).await.unwrap();
    within(file::mkdir(site.stream().await, guest(&site.path("m/n")), 0o750, true)).await.unwrap();
    assert_eq!(fs::metadata(site.path("m/n")).unwrap().mode() & 0o7777, 0o750);
    let again = failed(
        within(file::mkdir(site.stream().await, guest(&site.path("m/n")), 0o750, false)).await,
    );
    assert_eq!(again.kind, FailureKind::Exists);
    let entry = within(tree::stat(site.stream().await, guest(&path), false)).await.unwrap();
    assert_eq!(entry.meta.ino, fs::metadata(&path).unwrap().ino());
    let frozen = failed(within(freeze::freeze(site.stream().await, 1000)).await);
    assert_eq!(frozen.kind, FailureKind::Unsupported);
    site.end().await;
}

#[tokio::test]
async fn digests_come_in_order_and_odd_files_fail_alone() {
    let site = Site::start().await;
    let root = site.path("t");
    fs::create_dir_all(root.join("d")).unwrap();
    fs::write(root.join("a"), "hello").unwrap();
    fs::write(root.join("d/big"), vec![1; 1_000_000]).unwrap();
    std::os::unix::fs::symlink("d", root.join("l")).unwrap();
    let paths: Vec<_> = ["d/big", "nope", "l/big", "d", "a"]
        .iter()
        .map(|p| TreePath::parse(p.as_bytes()).unwrap())
        .collect();
    let digests = within(tree::digest(site.stream().await, guest(&root), &paths)).await.unwrap();
    let errnos: Vec<_> = digests.iter().map(|digest| i32::from(digest.meta.errno)).collect();
    assert_eq!((errnos[0], errnos[1], errnos[3], errnos[4]), (0, libc::ENOENT, libc::EISDIR, 0));
    assert!(errnos[2] == libc::ELOOP || errnos[2] == libc::ENOTDIR);
    // The digest of "hello" is a published one.
    let hello = "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f";
    assert_eq!(hex::encode(digests[4].blake3), hello);
    site.end().await;
}

#[tokio::test]
async fn a_hundred_thousand_files_are_listed_and_packed_in_bounded_memory() {
    let site = Site::start().await;
    let root = site.path("many");
    for dir in 0..100 {
        fs::create_dir_all(root.join(format!("{dir}"))).unwrap();
        for file in 0..1000 {
            fs::File::create(root.join(format!("{dir}/{file}"))).unwrap();
        }
    }
    let mut listing = within(tree::list(site.stream().await, list(&root))).await.unwrap();
    let mut count = 0;
    while let Some(entries) = within(listing.next()).await.unwrap() {
        count += entries.len();
    }
    assert_eq!(count, 100_101);
    let count = |count: &mut u64, _: &Record<'_>| {
        *count += 1;
        Ok::<(), HostTreeError>(())
    };
    let counted =
        within(archive::pack(site.stream().await, whole(&root), &[], 0, count)).await.unwrap();
    assert_eq!(counted, 100_101 + 100_000);
    let peak = site.peak_memory_kib();
    assert!(peak < 32 * 1024, "the agent took {peak} KiB");
    site.end().await;
}

#[tokio::test]
async fn a_sparse_terabyte_goes_both_ways_in_no_time() {
    let site = Site::start().await;
    let from = site.path("from");
    fs::create_dir(&from).unwrap();
    let sparse = fs::File::create(from.join("s")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    sparse.write_all_at(b"x", 1 << 39).unwrap();
    let inside = site.path("inside");
    seed(&site, &from, Into::Empty(guest(&inside))).await.unwrap();
    let made = fs::metadata(inside.join("s")).unwrap();
    assert!(made.len() == 1 << 40 && made.blocks() < 2048);
    site.end().await;
}
