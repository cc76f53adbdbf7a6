//! An agent that lies: whatever it sends ends in a typed error, and takes no memory for what was
//! not asked.

use crate::site::within;
use pyro_core::testing::guest::{archive, file, tree};
use pyro_core::testing::{ClientError, HostTreeError};
use pyro_protocol::files::{List, Listed, Pack, Read};
use pyro_protocol::frame::encode_message;
use pyro_protocol::message::Reply;
use pyro_protocol::tree::{Batch, Digest, Kind, Meta};
use pyro_protocol::{FrameKind, GuestPath, TreePath};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// A stream whose other end says this and then reads on.
fn saying(frames: Vec<Vec<u8>>) -> DuplexStream {
    let (ours, mut theirs) = tokio::io::duplex(1 << 20);
    tokio::spawn(async move {
        for frame in frames {
            if theirs.write_all(&frame).await.is_err() {
                return;
            }
        }
        let _ = theirs.read_to_end(&mut Vec::new()).await;
    });
    ours
}

fn records(fill: impl FnOnce(&mut Batch)) -> Vec<u8> {
    let mut batch = Batch::default();
    fill(&mut batch);
    batch.into_frame(FrameKind::Stdout)
}

fn list(limit: Option<u64>) -> List {
    List {
        root: GuestPath::root(),
        follow: false,
        depth: None,
        after: None,
        limit,
        exclude: vec![],
    }
}

fn file_meta() -> Meta {
    Meta::new(Kind::File, 0o644)
}

#[tokio::test]
async fn listings_out_of_order_or_bounds_are_refused() {
    let listed = encode_message(&Reply::Listed(Listed { entries: 0, more: false })).unwrap();
    let cases: Vec<(Vec<Vec<u8>>, &str)> = vec![
        (
            vec![records(|batch| {
                batch.entry(b"b", &file_meta(), b"");
                batch.entry(b"a", &file_meta(), b"");
            })],
            "out of order",
        ),
        (
            vec![records(|batch| {
                batch.entry(b"a", &file_meta(), b"");
                batch.entry(b"a", &file_meta(), b"");
            })],
            "out of order",
        ),
        (
            vec![records(|batch| {
                (0..9).for_each(|n| batch.entry(format!("{n}").as_bytes(), &file_meta(), b""))
            })],
            "more entries",
        ),
        (vec![records(|batch| batch.entry(b"../up", &file_meta(), b""))], "broke the protocol"),
        (vec![records(|batch| batch.entry(b"/abs", &file_meta(), b""))], "broke the protocol"),
        (vec![records(|batch| batch.end(1, false, 0))], "another record"),
        (vec![encode_message(&Reply::Done).unwrap()], "another reply"),
        (vec![encode_message(&Reply::Frozen).unwrap()], "another reply"),
        (vec![pyro_protocol::frame::header(FrameKind::Stderr, 0).to_vec()], "Stderr out of place"),
    ];
    for (frames, words) in cases {
        let error = within(tree::manifest(saying(frames), list(Some(5)), 100))
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(words), "{error:?} should say {words:?}");
    }
    assert!(within(tree::manifest(saying(vec![listed]), list(None), 0)).await.unwrap().is_empty());
    let many = (0..50)
        .map(|n| records(|batch| batch.entry(format!("{n:03}").as_bytes(), &file_meta(), b"")))
        .collect();
    assert!(matches!(
        within(tree::manifest(saying(many), list(None), 10)).await,
        Err(ClientError::Unasked(_))
    ));
}

#[tokio::test]
async fn more_bytes_or_digests_than_asked_for_are_refused() {
    let entry = || records(|batch| batch.entry(b"", &file_meta(), b""));
    let read = Read { path: GuestPath::root(), offset: 0, length: Some(10), follow: false };
    let data = [pyro_protocol::frame::header(FrameKind::Stdout, 11).to_vec(), vec![0; 11]].concat();
    let mut content = within(file::read(saying(vec![entry(), data]), read)).await.unwrap();
    assert!(matches!(
        within(content.next()).await,
        Err(ClientError::Unasked("more bytes than it may"))
    ));
    let digest = Digest { meta: file_meta(), blake3: [0; 32] };
    let done = || encode_message(&Reply::Done).unwrap();
    let path = [TreePath::parse(b"a").unwrap()];
    for frames in [
        vec![records(|batch| {
            batch.digest(&digest);
            batch.digest(&digest);
        })],
        vec![done()],
    ] {
        let outcome = within(tree::digest(saying(frames), GuestPath::root(), &path)).await;
        assert!(matches!(outcome, Err(ClientError::Unasked(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_pack_that_ends_early_or_never_makes_sense_is_an_error() {
    let pack = || Pack {
        root: GuestPath::root(),
        follow: false,
        exclude: vec![],
        listed: false,
        attributes: false,
    };
    let garbage =
        [pyro_protocol::frame::header(FrameKind::Stdout, 3).to_vec(), vec![200; 3]].concat();
    let put = |(): &mut (), _: &pyro_protocol::tree::Record<'_>| Ok::<(), HostTreeError>(());
    for frames in [vec![garbage], vec![encode_message(&Reply::Frozen).unwrap()]] {
        assert!(within(archive::pack(saying(frames), pack(), &[], (), put)).await.is_err());
    }
    let (ours, theirs) = tokio::io::duplex(100_000);
    drop(theirs);
    assert!(within(archive::pack(ours, pack(), &[], (), put)).await.is_err());
}
