//! What is written is read, and what is not a record is refused.

use super::*;
use proptest::prelude::*;

fn time() -> impl Strategy<Value = Time> {
    (any::<i64>(), 0u32..1_000_000_000)
        .prop_map(|(seconds, nanoseconds)| Time { seconds, nanoseconds })
}

fn path() -> impl Strategy<Value = TreePath> {
    proptest::collection::vec(any::<u8>(), 0..40)
        .prop_filter_map("a path", |bytes| TreePath::parse(&bytes).ok())
}

fn meta() -> impl Strategy<Value = Meta> {
    let words = (0u32..=0o7777, any::<u32>(), any::<u32>(), any::<u32>(), any::<u16>());
    (1u8..3, words, any::<[u64; 3]>(), time(), time()).prop_map(
        |(kind, words, longs, mtime, ctime)| Meta {
            kind: Kind::parse(kind).unwrap(),
            errno: words.4,
            mode: words.0,
            uid: words.1,
            gid: words.2,
            nlink: words.3,
            size: longs[0],
            blocks: longs[1],
            ino: longs[2],
            mtime,
            ctime,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let expect = prop_oneof![
        Just(Expect::Any),
        Just(Expect::Absent),
        Just(Expect::Kind(Kind::Directory)),
        meta().prop_map(|meta| Expect::same(&meta)),
    ];
    let action = prop_oneof![
        Just(Action::Put),
        Just(Action::Delete),
        (proptest::option::of(0u32..=0o7777), proptest::option::of(time()))
            .prop_map(|(mode, mtime)| Action::Set { mode, mtime }),
    ];
    (path(), expect, action).prop_map(|(path, expect, action)| Step { path, expect, action })
}

proptest! {
    #[test]
    fn records_come_back_as_they_were(
        entries in proptest::collection::vec((path(), meta()), 0..5),
        data in proptest::collection::vec((0u64..1 << 60, proptest::collection::vec(any::<u8>(), 1..50)), 0..5),
        steps in proptest::collection::vec(step(), 0..5),
        hash in any::<[u8; 32]>(),
        end in (0u64..1 << 62, any::<bool>(), any::<u16>()),
    ) {
        let mut expected = Vec::new();
        expected.extend(entries.iter().map(|(path, meta)| Record::Entry { path: path.as_bytes(), meta: *meta, target: b"" }));
        let mut link = Meta::new(Kind::Symlink, 0o777);
        link.mtime.nanoseconds = 5;
        expected.push(Record::Entry { path: b"l", meta: link, target: b"../\xff//x" });
        expected.extend(data.iter().map(|(offset, bytes)| Record::Data { offset: *offset, bytes }));
        expected.push(Record::End { size: end.0, changed: end.1, errno: end.2 });
        expected.extend(entries.iter().map(|(path, meta)| {
            let _ = path;
            Record::Digest(Digest { meta: *meta, blake3: hash })
        }));
        expected.extend(entries.iter().map(|(path, _)| Record::Path(path.as_bytes())));
        expected.extend(steps.into_iter().map(Record::Step));
        let mut batch = Batch::default();
        expected.iter().for_each(|record| batch.record(record));
        let met: Vec<Record<'_>> = Records::new(batch.payload()).collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(met, expected);
    }

    #[test]
    fn any_bytes_are_records_or_a_typed_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for record in Records::new(&bytes).flatten() {
            let mut batch = Batch::default();
            batch.record(&record);
            prop_assert_eq!(Records::new(batch.payload()).next(), Some(Ok(record)));
        }
    }
}

#[test]
fn hostile_fields_are_refused() {
    let first = |fill: &dyn Fn(&mut Batch)| {
        let mut batch = Batch::default();
        fill(&mut batch);
        let bytes = batch.payload().to_vec();
        Records::new(&bytes).next().unwrap().map(|_| ())
    };
    let file = Meta::new(Kind::File, 0o644);
    let up = Err(RecordError::Path(TreePathError::NotNormal));
    assert_eq!(first(&|batch| batch.entry(b"../x", &file, b"")), up);
    assert_eq!(
        first(&|batch| batch.entry(b"/x", &file, b"")),
        Err(RecordError::Path(TreePathError::Absolute))
    );
    assert_eq!(first(&|batch| batch.entry(b"x", &file, b"target")), Err(RecordError::Field));
    let wild = Meta { mode: 0o10_0644, ..file };
    assert_eq!(first(&|batch| batch.entry(b"x", &wild, b"")), Err(RecordError::Field));
    let hard = Meta::new(Kind::HardLink, 0o644);
    for target in [&b""[..], b"/etc/shadow", b"../x"] {
        assert_eq!(first(&|batch| batch.entry(b"x", &hard, target)), Err(RecordError::Field));
    }
    assert_eq!(first(&|batch| batch.data(u64::MAX, b"abc")), Err(RecordError::Field));
    assert_eq!(first(&|batch| batch.end(u64::MAX, false, 0)), Err(RecordError::Field));
    assert_eq!(first(&|batch| batch.0.push(77)), Err(RecordError::Unknown(77)));
    assert_eq!(first(&|batch| batch.0.extend([DATA, 0, 0])), Err(RecordError::Short));
}
