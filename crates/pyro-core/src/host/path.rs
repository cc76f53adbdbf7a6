//! `HostPath`: a path of the host, and whether links may lie on its way.

use super::fs::{FsError, canonical, read_to_bound};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::{File, FileType};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A path as its user gave it, or one that was judged before it is used.
///
/// Who judges a path looks at what is there at that moment. A link that somebody makes on its way
/// afterwards would lead elsewhere, so a judged path is walked through none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPath {
    path: PathBuf,
    is_judged: bool,
    /// What else its judge lets it lead to.
    granted: Arc<[PathBuf]>,
}

/// A path that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HostPathError {
    /// It was judged, and leads elsewhere now.
    #[error("a link has come onto the way to {}", .0.display())]
    Redirected(PathBuf),
    /// The kernel refuses.
    #[error(transparent)]
    Fs(#[from] FsError),
}

impl From<PathBuf> for HostPath {
    fn from(path: PathBuf) -> Self {
        Self { path, is_judged: false, granted: Arc::default() }
    }
}

impl From<&Path> for HostPath {
    fn from(path: &Path) -> Self {
        path.to_owned().into()
    }
}

impl HostPath {
    /// An absolute path without `..`, on whose way there was no link when it was judged.
    #[must_use]
    pub fn judged(path: PathBuf) -> Self {
        Self { path, is_judged: true, granted: Arc::default() }
    }

    /// The same, where what is found at it may lead to anything below these directories, which are
    /// without links.
    #[must_use]
    pub fn granted(self, granted: &[PathBuf]) -> Self {
        Self { granted: granted.into(), ..self }
    }

    /// Where something that was found at this path leads; none where its user may not go there. A
    /// judged path leads only to what lies below it, and to what was granted with it.
    #[must_use]
    pub(crate) fn reach(&self, path: &Path) -> Option<Self> {
        if !self.is_judged {
            return Some(self.with(&canonical(path)));
        }
        let real = std::fs::canonicalize(path).ok()?;
        let may = self.granted.iter().chain([&self.path]).any(|root| real.starts_with(root));
        may.then(|| self.with(&real))
    }

    /// The path itself, for words.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        &self.path
    }

    /// The same without links and `..` where it is a user's own and they can be found out.
    #[must_use]
    pub(crate) fn canonical(&self) -> Self {
        if self.is_judged { self.clone() } else { self.with(&canonical(&self.path)) }
    }

    /// Another path that is walked the same way.
    #[must_use]
    pub(crate) fn with(&self, path: &Path) -> Self {
        Self { path: path.to_owned(), ..self.clone() }
    }

    /// What lies below it.
    #[must_use]
    pub(crate) fn join(&self, below: &OsStr) -> Self {
        self.with(&self.path.join(below))
    }

    /// What stands there, a link itself; none where nothing does.
    #[must_use]
    pub(crate) fn kind(&self) -> Option<FileType> {
        let held = self.open_at(&self.path, OFlags::PATH | OFlags::NOFOLLOW).ok()?;
        Some(File::from(held).metadata().ok()?.file_type())
    }

    /// Where the link that stands there leads.
    #[must_use]
    pub(crate) fn link_target(&self) -> Option<PathBuf> {
        let held = self.open_at(&self.path, OFlags::PATH | OFlags::NOFOLLOW).ok()?;
        let target = rustix::fs::readlinkat(&held, "", Vec::new()).ok()?;
        Some(PathBuf::from(OsString::from_vec(target.into_bytes())))
    }

    /// What a regular file of at most `limit` bytes holds; none of anything else, which is not
    /// waited for.
    #[must_use]
    pub(crate) fn read_regular(&self, limit: u64, follow: bool) -> Option<Vec<u8>> {
        let follow = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
        let file = File::from(
            self.open_at(&self.path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | follow)
                .ok()?,
        );
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        match read_to_bound(file, limit) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "a file is not read");
                None
            }
        }
    }

    /// What a file of at most `limit` bytes holds. A judged one is a regular file; a user's own may
    /// be a pipe, which is waited for.
    ///
    /// # Errors
    /// [`HostPathError`].
    pub(crate) fn read(&self, limit: u64) -> Result<Vec<u8>, HostPathError> {
        let waits = if self.is_judged { OFlags::NONBLOCK } else { OFlags::empty() };
        let file = File::from(self.open("read", OFlags::RDONLY | OFlags::NOCTTY | waits)?);
        let failed = |source| FsError { action: "read", path: self.path.clone(), source };
        if self.is_judged && !file.metadata().map_err(failed)?.is_file() {
            return Err(failed(std::io::ErrorKind::InvalidInput.into()).into());
        }
        Ok(read_to_bound(file, limit).map_err(failed)?)
    }

    /// Open what is there, for `action`.
    ///
    /// # Errors
    /// [`HostPathError`].
    pub(crate) fn open(
        &self,
        action: &'static str,
        flags: OFlags,
    ) -> Result<OwnedFd, HostPathError> {
        self.open_at(&self.path, flags).map_err(|errno| self.failed(action, errno))
    }

    /// Open the directory that it is to lie in, which is made with those above it where it is
    /// missing.
    ///
    /// # Errors
    /// [`HostPathError`].
    pub(crate) fn make_parent(&self) -> Result<OwnedFd, HostPathError> {
        self.made(above(&self.path)).map_err(|errno| self.failed("write", errno))
    }

    fn made(&self, directory: &Path) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        match (self.open_at(directory, flags), directory.components().next_back()) {
            (Err(Errno::NOENT), Some(name)) if directory != above(directory) => {
                let held = self.made(above(directory))?;
                // The umask takes its bits.
                match rustix::fs::mkdirat(&held, name.as_os_str(), Mode::from_raw_mode(0o777)) {
                    Ok(()) | Err(Errno::EXIST) => self.open_at(directory, flags),
                    Err(errno) => Err(errno),
                }
            }
            (opened, _) => opened,
        }
    }

    fn open_at(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::CLOEXEC;
        if self.is_judged {
            let through_none = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            rustix::fs::openat2(CWD, path, flags, Mode::empty(), through_none)
        } else {
            rustix::fs::open(path, flags, Mode::empty())
        }
    }

    fn failed(&self, action: &'static str, errno: Errno) -> HostPathError {
        match errno {
            Errno::LOOP if self.is_judged => HostPathError::Redirected(self.path.clone()),
            errno => FsError { action, path: self.path.clone(), source: errno.into() }.into(),
        }
    }
}

/// The path with the home in place of a leading `~`, as a shell has it; another user's, as in
/// `~name`, is left as it is.
#[must_use]
pub fn expanded(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(below), Some(home)) if below.as_os_str().is_empty() => home.to_owned(),
        (Ok(below), Some(home)) => home.join(below),
        _ => path.to_owned(),
    }
}

/// Where an open descriptor's node is found by path, wherever it has been moved to.
pub(crate) fn of_descriptor(held: &impl AsRawFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()))
}

fn above(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_leading_tilde_is_the_home() {
        for (path, told) in [
            ("~", "/home/me"),
            ("~/", "/home/me"),
            ("~/a/~", "/home/me/a/~"),
            ("~me/a", "~me/a"),
            ("a/~", "a/~"),
            ("/~", "/~"),
            ("./~/a", "./~/a"),
        ] {
            assert_eq!(
                expanded(Path::new(path), Some(Path::new("/home/me"))),
                Path::new(told),
                "{path}"
            );
        }
        assert_eq!(expanded(Path::new("~/a"), None), Path::new("~/a"));
    }

    #[test]
    fn a_judged_path_leads_through_no_link_and_a_users_own_does() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().canonicalize().unwrap();
        let (real, link) = (root.join("real"), root.join("link"));
        fs::create_dir(&real).unwrap();
        fs::write(real.join("file"), "").unwrap();
        symlink(&real, &link).unwrap();
        symlink(real.join("file"), real.join("last")).unwrap();
        for (path, leads_through_one) in [
            (real.join("file"), false),
            (link.join("file"), true),
            (real.join("last"), true),
            (link.clone(), true),
        ] {
            let opened = HostPath::judged(path.clone()).open("read", OFlags::PATH);
            let is_redirected = matches!(opened, Err(HostPathError::Redirected(_)));
            assert_eq!(
                (opened.is_err(), is_redirected),
                (leads_through_one, leads_through_one),
                "{}",
                path.display()
            );
            assert!(HostPath::from(path).open("read", OFlags::PATH).is_ok());
        }
    }

    #[test]
    fn parents_are_made_where_they_were_judged_to_be() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().canonicalize().unwrap();
        let (inside, outside) = (root.join("inside"), root.join("outside"));
        for directory in [&inside, &outside] {
            fs::create_dir(directory).unwrap();
        }
        symlink(&outside, inside.join("link")).unwrap();
        HostPath::judged(inside.join("new/and/newer")).make_parent().unwrap();
        assert!(inside.join("new/and").is_dir() && !inside.join("new/and/newer").exists());
        for below in ["link/x", "link/new/x", "link/new/er/x"] {
            let made = HostPath::judged(inside.join(below)).make_parent();
            assert!(matches!(made, Err(HostPathError::Redirected(_))), "{below}: {made:?}");
        }
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        HostPath::from(inside.join("link/new/x")).make_parent().unwrap();
        assert!(outside.join("new").is_dir());
        fs::write(outside.join("file"), "").unwrap();
        assert!(HostPath::from(outside.join("file/x")).make_parent().is_err());
    }
}
