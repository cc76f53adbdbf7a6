//! `Staging`: where an output is made, in a directory beside its place; what a killed process left
//! of one is swept.

use super::output::Output;
use pyro_tree::Names;
use pyro_tree::node;
use rustix::fs::{AtFlags, FlockOperation, Mode, RenameFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How the directories' names begin; 16 hexadecimal digits follow.
const PREFIX: &str = ".pyro-";

/// What is being made is called this in them.
pub(super) const MADE: &[u8] = b"tree";

/// How often another name is tried.
const ATTEMPTS: usize = 100;

/// A directory beside an output's place, locked for as long as somebody works in it; dropped, it is
/// gone.
#[derive(Debug)]
pub(super) struct Staging {
    pub(super) output: Output,
    name: String,
    /// Open at it, and locked.
    inside: OwnedFd,
}

impl Staging {
    /// Make one, and remove those whose makers are dead.
    ///
    /// # Errors
    /// The kernel's answer.
    pub(super) fn begin(output: Output) -> Result<Self, Errno> {
        if let Err(errno) = sweep(output.dir.as_fd()) {
            tracing::debug!(%errno, "what killed exports left is not looked for");
        }
        for _ in 0..ATTEMPTS {
            let mut random = [0; 8];
            getrandom::fill(&mut random).map_err(|_| Errno::IO)?;
            let name = format!("{PREFIX}{}", hex::encode(random));
            match rustix::fs::mkdirat(&output.dir, &name, Mode::RWXU) {
                Err(Errno::EXIST) => continue,
                made => made?,
            }
            // Until it is locked, another export may take it for one of the dead, and remove it.
            let inside = match node::enter(output.dir.as_fd(), name.as_bytes()) {
                Err(Errno::NOENT) => continue,
                entered => entered?,
            };
            // A file system without locks has nothing swept either.
            if lock(&inside) == Err(Errno::WOULDBLOCK) {
                continue;
            }
            let found = node::find(output.dir.as_fd(), name.as_bytes())?;
            if found.is_some_and(|found| {
                rustix::fs::fstat(&inside).is_ok_and(|stat| stat.st_ino == found.ino)
            }) {
                return Ok(Self { output, name, inside });
            }
        }
        Err(Errno::AGAIN)
    }

    /// The directory, to make something in.
    pub(super) fn inside(&self) -> BorrowedFd<'_> {
        self.inside.as_fd()
    }

    /// Let what was made appear, in one step. What it replaces goes with this directory, whatever
    /// it is.
    ///
    /// # Errors
    /// [`Errno::EXIST`] unless it may replace what is there; the kernel's answer.
    pub(super) fn appear(&self, replace: bool) -> Result<(), Errno> {
        let (dir, name) = (&self.output.dir, &self.output.name);
        let mut how = RenameFlags::NOREPLACE;
        loop {
            match rustix::fs::renameat_with(&self.inside, MADE, dir, name, how) {
                Err(Errno::EXIST) if replace => how = RenameFlags::EXCHANGE,
                Err(Errno::NOENT) if how == RenameFlags::EXCHANGE => how = RenameFlags::NOREPLACE,
                Ok(()) => return rustix::fs::fsync(dir),
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Let something that is no directory appear, in one step. It replaces a directory only where
    /// that is empty.
    ///
    /// # Errors
    /// As [`Staging::appear`]; [`Errno::NOTEMPTY`], on some file systems [`Errno::EXIST`], for a
    /// directory.
    pub(super) fn file_appears(&self, replace: bool) -> Result<(), Errno> {
        let (dir, name) = (&self.output.dir, &self.output.name);
        if replace {
            self.replace()?;
        } else {
            // Every file system of hosts that has no renameat2 has links.
            match rustix::fs::renameat_with(&self.inside, MADE, dir, name, RenameFlags::NOREPLACE) {
                Err(Errno::INVAL) => {
                    rustix::fs::linkat(&self.inside, MADE, dir, name, AtFlags::empty())?;
                }
                renamed => renamed?,
            }
        }
        rustix::fs::fsync(dir)
    }

    fn replace(&self) -> Result<(), Errno> {
        let (dir, name) = (&self.output.dir, &self.output.name);
        for _ in 0..ATTEMPTS {
            match rustix::fs::renameat(&self.inside, MADE, dir, name) {
                Err(Errno::ISDIR) => match rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR) {
                    Ok(()) | Err(Errno::NOENT | Errno::NOTDIR) => {}
                    Err(errno) => return Err(errno),
                },
                renamed => return renamed,
            }
        }
        Err(Errno::AGAIN)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if let Err(errno) = node::remove(self.output.dir.as_fd(), self.name.as_bytes()) {
            let left = self.output.path.with_file_name(&self.name);
            tracing::warn!(path = %left.display(), %errno, "a temporary directory was left behind");
        }
    }
}

/// Held by the open directory, so that it ends with its process, however that ends.
fn lock(inside: &OwnedFd) -> Result<(), Errno> {
    rustix::fs::flock(inside, FlockOperation::NonBlockingLockExclusive)
}

/// Remove what nobody works in any more.
fn sweep(dir: BorrowedFd<'_>) -> Result<(), Errno> {
    for name in Names::of(dir)?.iter().filter(|name| is_name(name)) {
        let Ok(inside) = node::enter(dir, name) else { continue };
        let is_ours =
            || Names::of(inside.as_fd()).is_ok_and(|names| names.iter().all(|name| name == MADE));
        if lock(&inside).is_ok()
            && is_ours()
            && let Err(errno) = node::remove(dir, name)
        {
            tracing::debug!(%errno, "what a killed export left stays");
        }
    }
    Ok(())
}

fn is_name(name: &[u8]) -> bool {
    let rest = name.strip_prefix(PREFIX.as_bytes());
    rest.is_some_and(|rest| rest.len() == 16 && rest.iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::path::HostPath;
    use std::fs;

    #[test]
    fn what_the_dead_left_goes_and_what_the_living_make_stays() {
        let home = tempfile::tempdir().unwrap();
        let begin = |name: &str| {
            let output = Output::prepare(&HostPath::from(home.path().join(name)), true).unwrap();
            Staging::begin(output).unwrap()
        };
        let names = || {
            let names = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name());
            let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
            names.sort();
            names
        };
        for (dead, inside) in
            [(".pyro-0123456789abcdef", "tree/deep"), (".pyro-00000000000000ff", "")]
        {
            fs::create_dir_all(home.path().join(dead).join(inside)).unwrap();
        }
        let kept = [".pyro-0000000000000001", ".pyro-notes"];
        fs::create_dir_all(home.path().join(kept[0]).join("something of the user's")).unwrap();
        fs::create_dir_all(home.path().join(kept[1]).join("tree")).unwrap();
        let living = begin("a");
        fs::write(home.path().join(&living.name).join("tree"), "made").unwrap();
        let other = begin("b");
        let mut expected = vec![kept[0], kept[1], &living.name, &other.name];
        expected.sort_unstable();
        assert_eq!(names(), expected);
        living.file_appears(false).unwrap();
        drop((living, other));
        assert_eq!(names(), [kept[0], kept[1], "a"]);
        assert_eq!(fs::read_to_string(home.path().join("a")).unwrap(), "made");
    }

    #[test]
    fn many_at_once_keep_out_of_each_others_way() {
        let home = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let home = home.path();
                scope.spawn(move || {
                    for number in 0..50 {
                        let path = HostPath::from(home.join(format!("{thread}-{number}")));
                        let staging =
                            Staging::begin(Output::prepare(&path, false).unwrap()).unwrap();
                        rustix::fs::mkdirat(staging.inside(), MADE, Mode::RWXU).unwrap();
                        staging.appear(false).unwrap();
                    }
                });
            }
        });
        assert_eq!(
            fs::read_dir(home.path()).unwrap().count(),
            400,
            "all of them, and nothing else"
        );
    }
}
