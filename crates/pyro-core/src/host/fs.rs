//! Files: private directories, writes that happen whole or not at all, reads that are bounded.

use rustix::fs::{FileType, Mode};
use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A file operation that failed: what was tried, on what, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct FsError {
    /// What was tried, as a verb.
    pub action: &'static str,
    /// What it was tried on.
    pub path: PathBuf,
    /// The kernel's answer.
    #[source]
    pub source: io::Error,
}

impl FsError {
    /// Whether the file or a directory on the way to it does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Whether the file system or the user's quota is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        is_full(&self.source)
    }
}

/// Whether the file system or the user's quota is full.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Name the action and the path of a failed operation.
fn at<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> FsError + 'a {
    move |source| FsError { action, path: path.to_owned(), source }
}

/// Identity and times of a file: equal stamps mean that nobody wrote to it, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    size: u64,
    mtime_ns: i128,
    ctime_ns: i128,
    inode: u64,
    device: u64,
}

impl Stamp {
    /// The stamp of a file; symbolic links are followed.
    ///
    /// # Errors
    /// When the file cannot be looked at.
    pub fn of(path: &Path) -> Result<Self, FsError> {
        Ok(Self::from_metadata(&metadata(path)?))
    }

    fn from_metadata(meta: &Metadata) -> Self {
        let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            size: meta.size(),
            mtime_ns: nanoseconds(meta.mtime(), meta.mtime_nsec()),
            ctime_ns: nanoseconds(meta.ctime(), meta.ctime_nsec()),
            inode: meta.ino(),
            device: meta.dev(),
        }
    }
}

/// How long ago a file was last written to, where the clock can tell.
#[must_use]
pub fn age(path: &Path) -> Option<Duration> {
    std::fs::metadata(path).ok()?.modified().ok()?.elapsed().ok()
}

/// What the kernel knows of a path; symbolic links are followed.
///
/// # Errors
/// When there is no such file or it cannot be looked at.
pub fn metadata(path: &Path) -> Result<Metadata, FsError> {
    std::fs::metadata(path).map_err(at("look at", path))
}

/// A path with no link and no `..` in it; as it is where that cannot be had.
#[must_use]
pub fn canonical(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

/// Create a directory and its parents, readable by this user only where they are new.
///
/// # Errors
/// When one of them cannot be created.
pub fn private_dir(path: &Path) -> Result<(), FsError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(at("create", path))
}

/// As [`private_dir`], for a directory of pyro's own: one that is there must be this user's. Others lose their rights to it where
/// it holds `mark` or nothing: then nobody else uses it.
///
/// # Errors
/// When it cannot be created, is another user's, or is everybody's to write to as `/tmp` is.
pub fn own_dir(path: &Path, mark: &str) -> Result<(), FsError> {
    private_dir(path)?;
    let there = metadata(path)?;
    let refused = |why: String| at("use", path)(io::Error::new(io::ErrorKind::PermissionDenied, why));
    let user = rustix::process::geteuid().as_raw();
    if there.uid() != user {
        return Err(refused(format!("it belongs to user {}, and this is user {user}", there.uid())));
    }
    let mode = there.mode() & 0o7777;
    if mode & 0o1002 == 0o1002 {
        return Err(refused("every user may write to it".to_owned()));
    }
    let is_ours = || path.join(mark).exists() || std::fs::read_dir(path).is_ok_and(|mut held| held.next().is_none());
    if mode & 0o077 == 0 || !is_ours() { Ok(()) } else { deprive(path, mode) }
}

/// Make a file that only this user may read and write, unless it is there, and take others' rights to one that is. It is not
/// opened: closing it would end the locks that this process has on it.
///
/// # Errors
/// When others have rights to it that cannot be taken.
pub fn own_file(path: &Path) -> Result<(), FsError> {
    // Where that fails, whoever opens the file is told why.
    let _ = rustix::fs::mknodat(rustix::fs::CWD, path, FileType::RegularFile, Mode::RUSR | Mode::WUSR, 0);
    keep_file_own(path)
}

/// Take others' rights to a file of this user's; one that is not there is fine.
///
/// # Errors
/// When that fails.
pub fn keep_file_own(path: &Path) -> Result<(), FsError> {
    match metadata(path) {
        Ok(there) => deprive(path, there.mode() & 0o7777),
        Err(_) => Ok(()),
    }
}

fn deprive(path: &Path, mode: u32) -> Result<(), FsError> {
    if mode & 0o077 == 0 {
        return Ok(());
    }
    std::fs::set_permissions(path, Permissions::from_mode(mode & !0o077)).map_err(at("protect", path))
}

/// A new directory inside `parent`, named `prefix` and something random, readable by this user only.
///
/// # Errors
/// When it cannot be created.
pub fn unique_dir(parent: &Path, prefix: &str) -> Result<PathBuf, FsError> {
    tempfile::Builder::new()
        .prefix(prefix)
        .rand_bytes(8)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map(tempfile::TempDir::keep)
        .map_err(at("create a directory in", parent))
}

/// A new directory inside `parent` that is removed when the value is dropped.
///
/// # Errors
/// When it cannot be created.
pub fn scratch_dir(parent: &Path) -> Result<tempfile::TempDir, FsError> {
    tempfile::Builder::new().prefix("pyro-").tempdir_in(parent).map_err(at("create a directory in", parent))
}

/// Open a file for reading.
///
/// # Errors
/// When it cannot be opened.
pub fn open(path: &Path) -> Result<File, FsError> {
    File::open(path).map_err(at("open", path))
}

/// Open an existing file for reading and writing.
///
/// # Errors
/// [`FsError`].
pub fn open_to_write(path: &Path) -> Result<File, FsError> {
    let opened = File::options().read(true).write(true).open(path);
    opened.map_err(|source| FsError { action: "open", path: path.to_owned(), source })
}

/// Create or open a file for a lock: never truncated, readable by this user only.
///
/// # Errors
/// When it cannot be opened.
pub fn open_lock(path: &Path) -> Result<File, FsError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map_err(at("open", path))
}

/// Read a whole file of at most `limit` bytes.
///
/// # Errors
/// When it cannot be read or is longer.
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, FsError> {
    read_to_bound(open(path)?, limit).map_err(at("read", path))
}

/// As [`read_bounded`], what this process reads on its stdin.
///
/// # Errors
/// As [`read_bounded`].
pub fn read_stdin_bounded(limit: u64) -> Result<Vec<u8>, FsError> {
    read_to_bound(io::stdin().lock(), limit).map_err(at("read", Path::new("standard input")))
}

/// Read all of it, at most `limit` bytes.
///
/// # Errors
/// When it cannot be read or is longer.
pub(super) fn read_to_bound(from: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {limit} bytes"))),
        false => Ok(bytes),
    }
}

/// Write a file whole or not at all: a temporary file beside it, fsync, rename, fsync of the directory.
///
/// # Errors
/// When any step fails; the temporary file is then removed and the old file is as it was.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    let write = at("write", path);
    let parent = parent(path);
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(parent).map_err(&write)?;
    file.write_all(bytes).map_err(&write)?;
    file.as_file().sync_all().map_err(&write)?;
    file.persist(path).map_err(|error| write(error.error))?;
    sync_dir(parent)
}

/// Write a file whole unless it is there already; false when it was.
///
/// # Errors
/// When it cannot be written.
pub fn write_first(path: &Path, bytes: &[u8]) -> Result<bool, FsError> {
    let write = at("write", path);
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(parent(path)).map_err(&write)?;
    file.write_all(bytes).map_err(&write)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(write(error.error)),
    }
}

/// Write a new file inside a directory that nobody else looks at yet.
///
/// # Errors
/// When it cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    std::fs::write(path, bytes).map_err(at("write", path))
}

/// Move a file or a directory within a file system, and make the move durable.
///
/// # Errors
/// When it cannot be moved.
pub fn rename(from: &Path, to: &Path) -> Result<(), FsError> {
    std::fs::rename(from, to).map_err(at("move into place", to))?;
    sync_dir(parent(to))
}

/// Move a file or a directory within a file system; after a power cut the move may not have happened.
///
/// # Errors
/// When it cannot be moved.
pub fn rename_unsynced(from: &Path, to: &Path) -> Result<(), FsError> {
    std::fs::rename(from, to).map_err(at("move into place", to))
}

/// Set a file's times to now.
///
/// # Errors
/// When they cannot be set.
pub fn touch(path: &Path) -> Result<(), FsError> {
    let now = std::time::SystemTime::now();
    let times = std::fs::FileTimes::new().set_accessed(now).set_modified(now);
    open(path)?.set_times(times).map_err(at("touch", path))
}

/// Make `link` point to `target`, replacing what stood there in one step.
///
/// # Errors
/// When the link cannot be made.
pub fn symlink(target: &Path, link: &Path) -> Result<(), FsError> {
    let action = at("link", link);
    let parent = parent(link);
    let temporary = tempfile::Builder::new()
        .prefix(".new-")
        .make_in(parent, |path| std::os::unix::fs::symlink(target, path))
        .map_err(&action)?;
    temporary.into_temp_path().persist(link).map_err(|error| action(error.error))
}

/// Take away everybody's right to write to a file, against accidents.
///
/// # Errors
/// When the file is not this user's.
pub fn set_read_only(path: &Path) -> Result<(), FsError> {
    std::fs::set_permissions(path, Permissions::from_mode(0o444)).map_err(at("protect", path))
}

/// Flush a file's content to the disk.
///
/// # Errors
/// When the disk refuses it; a full disk shows here at the latest.
pub fn sync_file(path: &Path) -> Result<(), FsError> {
    open(path)?.sync_all().map_err(at("flush", path))
}

/// Flush a directory's entries to the disk.
///
/// # Errors
/// When the disk refuses it.
pub fn sync_dir(path: &Path) -> Result<(), FsError> {
    open(path)?.sync_all().map_err(at("flush", path))
}

/// Flush everything that was written to the file system which holds `path`.
///
/// # Errors
/// When the disk refuses it.
pub fn sync_all_of(path: &Path) -> Result<(), FsError> {
    rustix::fs::syncfs(open(path)?).map_err(|errno| at("flush", path)(errno.into()))
}

/// Remove a file; one that is not there is fine.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove_file(path: &Path) -> Result<(), FsError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Remove a directory with all that it holds, or a file; what is not there is fine.
///
/// # Errors
/// When something of it cannot be removed.
pub fn remove_tree(path: &Path) -> Result<(), FsError> {
    // Commands on the host leave directories that their owner may not write to.
    pyro_tree::node::remove(rustix::fs::CWD, path.as_os_str().as_bytes())
        .map_err(|errno| at("remove", path)(errno.into()))
}

/// The names in a directory, sorted; a directory that is not there is empty, names that are not UTF-8 are left out.
///
/// # Errors
/// When the directory cannot be read.
pub fn names_in(path: &Path) -> Result<Vec<String>, FsError> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(at("list", path)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(at("list", path))?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// Bytes that this user may still write to the file system that holds `path`.
///
/// # Errors
/// When the file system does not say.
pub fn free_bytes(path: &Path) -> Result<u64, FsError> {
    let stat = nix::sys::statvfs::statvfs(path).map_err(|errno| at("measure", path)(errno.into()))?;
    Ok(stat.blocks_available().saturating_mul(stat.fragment_size()))
}

/// Hand every stretch of a file that is not a hole to `each`, in blocks of `block` bytes aligned to it (the last may be
/// shorter), with the block's index.
///
/// # Errors
/// When the file cannot be read.
pub fn for_each_data_block(path: &Path, block: usize, mut each: impl FnMut(u64, &[u8])) -> Result<u64, FsError> {
    let read = at("read", path);
    let mut file = open(path)?;
    let size = file.metadata().map_err(&read)?.len();
    let step = block as u64;
    let mut buffer = vec![0; block];
    let mut index = 0;
    while index * step < size {
        let stretch = pyro_tree::sparse::data_at(&file, index * step).map_err(|errno| read(errno.into()))?;
        let Some((start, _)) = stretch else { break };
        index = start / step;
        file.seek(SeekFrom::Start(index * step)).map_err(&read)?;
        let wanted = usize::try_from(step.min(size - index * step)).unwrap_or(block);
        file.read_exact(&mut buffer[..wanted]).map_err(&read)?;
        each(index, &buffer[..wanted]);
        index += 1;
    }
    Ok(size)
}

/// The directory that holds `path`.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_atomic_write_replaces_whole_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("record");
        write_atomic(&path, b"one").unwrap();
        let before = Stamp::of(&path).unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(read_bounded(&path, 3).unwrap(), b"two");
        assert_ne!(Stamp::of(&path).unwrap(), before);
        assert_eq!(names_in(dir.path()).unwrap(), ["record"]);
        assert!(write_atomic(&dir.path().join("no/such/dir"), b"").unwrap_err().is_not_found());
    }

    #[test]
    fn a_file_longer_than_its_bound_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long");
        write_new(&path, b"1234").unwrap();
        let error = read_bounded(&path, 3).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(error.to_string(), format!("cannot read {}", path.display()));
    }

    #[test]
    fn data_blocks_leave_holes_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sparse");
        let file = File::create(&path).unwrap();
        file.set_len(10 << 20).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, b"x", 5 << 20).unwrap();
        let mut seen = Vec::new();
        let size = for_each_data_block(&path, 64 << 10, |index, block| seen.push((index, block[0]))).unwrap();
        assert_eq!((size, seen.len() < 10), (10 << 20, true), "{seen:?}");
        assert!(seen.contains(&(80, b'x')), "{seen:?}");
    }

    #[test]
    fn a_directory_of_our_own_is_ours_alone() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path| metadata(path).unwrap().mode() & 0o7777;
        let set = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        let own = dir.path().join("a/own");
        own_dir(&own, "mark").unwrap();
        assert_eq!(mode(&own), 0o700);
        set(&own, 0o755);
        own_dir(&own, "mark").unwrap();
        assert_eq!(mode(&own), 0o700);
        // What holds other things is somebody else's as well.
        set(&own, 0o755);
        std::fs::write(own.join("other"), "").unwrap();
        own_dir(&own, "mark").unwrap();
        assert_eq!(mode(&own), 0o755);
        std::fs::write(own.join("mark"), "").unwrap();
        own_dir(&own, "mark").unwrap();
        assert_eq!(mode(&own), 0o700);
        set(&own, 0o1777);
        assert!(own_dir(&own, "mark").unwrap_err().source.to_string().contains("every user"));
        assert_eq!(mode(&own), 0o1777, "what all use is left to them");
        set(&own, 0o700);
        let other = if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&own, Some(65534), None).unwrap();
            own.as_path()
        } else {
            Path::new("/usr")
        };
        let before = mode(other);
        assert!(own_dir(other, "mark").unwrap_err().source.to_string().contains("belongs to user"));
        assert_eq!(mode(other), before);
    }

    #[test]
    fn removing_what_is_not_there_is_fine() {
        let dir = tempfile::tempdir().unwrap();
        remove_tree(&dir.path().join("none")).unwrap();
        remove_file(&dir.path().join("none")).unwrap();
        assert!(names_in(&dir.path().join("none")).unwrap().is_empty());
    }

    #[test]
    fn a_link_is_replaced_in_one_step() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        symlink(Path::new("a"), &link).unwrap();
        symlink(Path::new("b"), &link).unwrap();
        assert_eq!(std::fs::read_link(&link).unwrap(), Path::new("b"));
        assert_eq!(names_in(dir.path()).unwrap(), ["link"]);
    }
}
