//! Failures: what the agent answers when an operation cannot be done.

use pyro_protocol::message::{Failure, FailureKind};
use rustix::io::Errno;

/// A failure of this kind.
pub(crate) fn failure(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure { kind, message: message.into() }
}

/// A failed system call on something that has a name.
pub(crate) fn from_errno(what: &str, errno: Errno) -> Failure {
    let kind = match errno {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG => FailureKind::NotFound,
        Errno::ACCESS | Errno::PERM | Errno::NOEXEC | Errno::ISDIR => FailureKind::Denied,
        Errno::EXIST | Errno::NOTEMPTY => FailureKind::Exists,
        Errno::NOSPC | Errno::DQUOT => FailureKind::Full,
        Errno::OPNOTSUPP | Errno::NOSYS => FailureKind::Unsupported,
        Errno::TOOBIG => FailureKind::InvalidInput,
        Errno::AGAIN | Errno::MFILE | Errno::NFILE => FailureKind::Busy,
        _ => FailureKind::Io,
    };
    failure(kind, format!("{what}: {}", describe(errno)))
}

/// The same for an error of the standard library.
pub(crate) fn from_io(what: &str, err: &std::io::Error) -> Failure {
    from_errno(what, Errno::from_io_error(err).unwrap_or(Errno::IO))
}

/// Error text without the standard library's number suffix.
fn describe(errno: Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    match text.rfind(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_thing_and_have_a_kind() {
        let failure = from_errno("/nope", Errno::NOENT);
        assert_eq!(failure.kind, FailureKind::NotFound);
        assert_eq!(failure.message, "/nope: no such file or directory");
        assert_eq!(from_errno("/etc", Errno::ACCESS).kind, FailureKind::Denied);
        assert_eq!(from_errno("x", Errno::IO).kind, FailureKind::Io);
    }
}
