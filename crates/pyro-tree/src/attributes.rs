//! Extended attributes of a node: whether it has any that its user would miss. No record carries
//! them.

use pyro_protocol::tree::Kind;
use rustix::io::Errno;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Attributes that the system itself gives to files: labels, checksums, marks of layered and
/// compressed file systems.
const OF_THE_SYSTEM: [&[u8]; 9] = [
    b"security.selinux",
    b"security.SMACK64",
    b"security.apparmor",
    b"security.ima",
    b"security.evm",
    b"trusted.overlay.",
    b"user.overlay.",
    b"btrfs.",
    b"system.nfs4_acl",
];

/// Whether the file or directory `name` has extended attributes, file capabilities or access
/// control lists; no where that cannot be known. Links have none that matter.
#[must_use]
pub fn has_any(dir: BorrowedFd<'_>, name: &[u8], kind: Kind) -> bool {
    if !matches!(kind, Kind::File | Kind::Directory) {
        return false;
    }
    // There is no listxattrat(2) before Linux 6.13.
    let mut path = format!("/proc/self/fd/{}/", dir.as_raw_fd()).into_bytes();
    path.extend_from_slice(name);
    let mut names = [0_u8; 4096];
    match rustix::fs::llistxattr(path.as_slice(), &mut names[..]) {
        Ok(len) => names[..len].split(|byte| *byte == 0).any(is_missed),
        // More than there is room for.
        Err(errno) => errno == Errno::RANGE,
    }
}

fn is_missed(name: &[u8]) -> bool {
    !name.is_empty() && !OF_THE_SYSTEM.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test makes files")]
mod tests {
    use super::*;
    use crate::node;
    use rustix::fs::{CWD, XattrFlags};
    use std::os::fd::AsFd;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn attributes_of_users_count_and_those_of_the_system_do_not() {
        // A directory beside the sources: tmpfs has no attributes of users before Linux 6.6.
        let home = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        std::fs::write(home.path().join("plain"), "x").unwrap();
        std::fs::write(home.path().join("tagged"), "x").unwrap();
        let dir = node::enter(CWD, home.path().as_os_str().as_bytes()).unwrap();
        let set =
            rustix::fs::setxattr(home.path().join("tagged"), "user.tag", b"x", XattrFlags::empty());
        assert!(!has_any(dir.as_fd(), b"plain", Kind::File));
        assert!(!has_any(dir.as_fd(), b"none", Kind::File));
        assert!(set.is_err() || has_any(dir.as_fd(), b"tagged", Kind::File));
        for (name, missed) in [
            ("user.tag", true),
            ("security.capability", true),
            ("security.selinux", false),
            ("", false),
        ] {
            assert_eq!(is_missed(name.as_bytes()), missed, "{name}");
        }
    }
}
