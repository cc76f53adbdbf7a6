//! Trees of any shape, made on the disk.

use proptest::prelude::*;
use rustix::fs::CWD;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

#[derive(Clone, Debug)]
pub(crate) enum Shape {
    File { size: usize, mode: u32, hole: u64 },
    Dir(Vec<(Vec<u8>, Shape)>, u32),
    Link(Vec<u8>),
    Again,
}

pub(crate) fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => proptest::collection::vec(any::<u8>().prop_map(|byte| if matches!(byte, 0 | b'/') { b'\n' } else { byte }), 1..12),
        1 => Just(vec![b'n'; 255]),
    ]
    .prop_filter("a name", |name| !matches!(name.as_slice(), b"." | b".."))
}

pub(crate) fn shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        4 => (0usize..10_000, 0u32..0o10000, prop_oneof![3 => Just(0u64), 1 => 1u64..1 << 42])
            .prop_map(|(size, mode, hole)| Shape::File { size, mode: mode | 0o400, hole }),
        1 => proptest::collection::vec(any::<u8>().prop_map(|byte| byte.max(1)), 1..60).prop_map(Shape::Link),
        1 => Just(Shape::Again),
        1 => Just(Shape::File { size: 300_000, mode: 0o755, hole: 0 }),
    ];
    leaf.prop_recursive(4, 40, 8, |inner| {
        (proptest::collection::vec((name(), inner), 0..8), 0u32..0o1000)
            .prop_map(|(nodes, mode)| Shape::Dir(nodes, mode | 0o500))
    })
}

pub(crate) fn build(
    dir: &Path,
    nodes: &[(Vec<u8>, Shape)],
    last: &mut Option<std::path::PathBuf>,
    clock: &mut i64,
) {
    for (name, shape) in nodes {
        let path = dir.join(OsStr::from_bytes(name));
        if path.symlink_metadata().is_ok() {
            continue;
        }
        match shape {
            Shape::File { size, mode, hole } => {
                let file = fs::File::create(&path).unwrap();
                let bytes: Vec<u8> = (0..*size).map(|at| (at * 31 + at / 251) as u8).collect();
                file.write_all_at(&bytes, *hole).unwrap();
                if *hole > 0 {
                    file.set_len(hole + *size as u64 + 4096 * 3).unwrap();
                }
                file.set_permissions(fs::Permissions::from_mode(*mode)).unwrap();
                *last = Some(path.clone());
            }
            Shape::Dir(below, mode) => {
                fs::create_dir(&path).unwrap();
                build(&path, below, last, clock);
                fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
            }
            Shape::Link(target) => {
                std::os::unix::fs::symlink(OsStr::from_bytes(target), &path).unwrap()
            }
            Shape::Again => match last {
                Some(first) => fs::hard_link(&*first, &path).unwrap(),
                None => continue,
            },
        }
        *clock += 1_234_567_891;
        let times = rustix::fs::Timestamps {
            last_access: rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
            last_modification: rustix::fs::Timespec {
                tv_sec: *clock / 1_000_000_000,
                tv_nsec: *clock % 1_000_000_000,
            },
        };
        rustix::fs::utimensat(CWD, &path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
}
