//! What a diff leaves out: files that the guest's own rules ignore.

use super::base::BasePlace;
use super::compare::Changed;
use super::contents;
use crate::vm::blocking;
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use crate::workspace::ignore::Ignored;
use crate::workspace::ignore::guest::{GuestFiles, INDEX_LEN, WORK};
use crate::workspace::running::Running;
use pyro_patch::git::quote::text;
use pyro_patch::{Content, Side};
use pyro_protocol::TreePath;
use pyro_protocol::tree::Kind;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// How often files are asked for that earlier ones lead to: `.git` files name directories, and an
/// index another one.
const ROUNDS: usize = 3;

/// Paths that are named; more are counted.
const MAX_NAMED: usize = 10;

/// What a diff leaves out because the workspace's rules ignore it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hidden {
    /// How many files.
    pub count: u64,
    /// The first few of them, or the ignored directories that hold them, with a slash at the end.
    pub paths: Vec<String>,
}

/// The rules of a workspace as it was when it was made, and as it is.
pub(super) struct BothRules {
    /// As it was.
    pub old: GuestFiles,
    /// As it is.
    pub new: GuestFiles,
}

/// Where the later of two states is.
pub(super) enum Later<'a> {
    /// In a guest that runs.
    Guest(&'a Running<'a>),
    /// On a closed layer.
    Closed(&'a BasePlace),
}

/// The changes without the files that the guest's rules ignore, and what those are. What its
/// repositories track is never left out. What was there when the workspace was made is left out
/// only where the rules and the index of that time say so too: a guest could otherwise hide what it
/// does to a file.
///
/// # Errors
/// [`WorkspaceError`].
pub(super) async fn hide(
    later: Later<'_>,
    base: &BasePlace,
    rules: BothRules,
    changed: Vec<Changed>,
) -> Result<(Vec<Changed>, Hidden), WorkspaceError> {
    let ended = CancellationToken::new();
    // Dropped with this work, it ends what would judge for nobody.
    let _guard = ended.clone().drop_guard();
    let mut directories = directories(&changed);
    let BothRules { old, mut new } = rules;
    match later {
        Later::Guest(running) => {
            (new, directories) = of_guest(running, new, directories).await?;
        }
        Later::Closed(place) => {
            let place = place.clone();
            let read = move || Ok(of_base(&place, new, &directories).map(|new| (new, directories)));
            (new, directories) = blocking(read).await??;
        }
    }
    let base = base.clone();
    let judged = blocking(move || {
        let mut new = Ignored::new(new, b"", WORK);
        let is_ignored: Vec<bool> =
            changed.iter().map(|one| !ended.is_cancelled() && is_ignored(&mut new, one)).collect();
        let is_doubtful = changed.iter().zip(&is_ignored).any(|(one, is)| *is && one.old.is_some());
        let old = match is_doubtful {
            true => match of_base(&base, old, &directories) {
                Ok(old) => Some(Ignored::new(old, b"", WORK)),
                Err(error) => return Ok(Err(error)),
            },
            false => None,
        };
        Ok(Ok(split(changed, &is_ignored, new, old, &ended)))
    });
    Ok(judged.await??)
}

/// The files of rules of a guest, with the directories that they are for.
async fn of_guest(
    running: &Running<'_>,
    mut files: GuestFiles,
    mut directories: BTreeSet<Vec<u8>>,
) -> Result<(GuestFiles, BTreeSet<Vec<u8>>), WorkspaceError> {
    for _ in 0..ROUNDS {
        let look = move || {
            let wanted = files.wanted(&directories);
            Ok((files, directories, wanted))
        };
        let wanted;
        (files, directories, wanted) = blocking(look).await?;
        if wanted.is_empty() {
            break;
        }
        files = read(running, files, &wanted).await?;
    }
    Ok((files, directories))
}

/// The directories on the way to what changed.
fn directories(changed: &[Changed]) -> BTreeSet<Vec<u8>> {
    let mut directories = BTreeSet::new();
    for one in changed.iter().filter(|one| !is_git(one)) {
        let mut path = one.path.as_bytes();
        while let Some(slash) = path.iter().rposition(|byte| *byte == b'/') {
            path = &path[..slash];
            if !directories.insert(path.to_vec()) {
                break;
            }
        }
        directories.insert(Vec::new());
    }
    directories
}

fn is_git(one: &Changed) -> bool {
    one.path.as_bytes().split(|byte| *byte == b'/').any(|name| name == b".git")
}

fn is_ignored(rules: &mut Ignored<GuestFiles>, one: &Changed) -> bool {
    let node = one.new.as_ref().or(one.old.as_ref());
    let is_dir = node.is_some_and(|node| node.meta.kind == Kind::Directory);
    let path = one.path.as_bytes();
    // Where no index tells what is tracked, all of the baseline may be.
    !is_git(one) && (one.old.is_none() || rules.is_indexed(path)) && rules.is_ignored(path, is_dir)
}

/// What is shown, and what is not.
fn split(
    changed: Vec<Changed>,
    is_ignored_now: &[bool],
    mut new: Ignored<GuestFiles>,
    mut old: Option<Ignored<GuestFiles>>,
    ended: &CancellationToken,
) -> (Vec<Changed>, Hidden) {
    let (mut shown, mut hidden) = (Vec::new(), Hidden::default());
    for (one, is_ignored_now) in changed.into_iter().zip(is_ignored_now) {
        let was_ignored = |old: &mut Option<Ignored<GuestFiles>>| {
            old.as_mut().is_some_and(|old| !ended.is_cancelled() && is_ignored(old, &one))
        };
        if !is_ignored_now || (one.old.is_some() && !was_ignored(&mut old)) {
            shown.push(one);
            continue;
        }
        hidden.count += 1;
        if hidden.paths.len() < MAX_NAMED {
            let name = named(&mut new, one.path.as_bytes());
            if !hidden.paths.contains(&name) {
                hidden.paths.push(name);
            }
        }
    }
    if new.is_exhausted() || old.is_some_and(|old| old.is_exhausted()) {
        tracing::warn!(
            "the workspace's ignore rules take too long: not all ignored files are left out"
        );
    }
    (shown, hidden)
}

/// The first directory on the way to an ignored file that is ignored itself, else the file.
fn named(rules: &mut Ignored<GuestFiles>, path: &[u8]) -> String {
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    let top = slashes.into_iter().find(|slash| rules.is_ignored(&path[..*slash], true));
    top.map_or_else(|| text(path), |slash| format!("{}/", text(&path[..slash])))
}

/// The files of rules on a closed layer. Blocking.
fn of_base(
    base: &BasePlace,
    mut files: GuestFiles,
    directories: &BTreeSet<Vec<u8>>,
) -> Result<GuestFiles, FileError> {
    let base = base.open()?;
    for _ in 0..ROUNDS {
        let wanted = files.wanted(directories);
        if wanted.is_empty() {
            break;
        }
        for path in wanted {
            let mut text = Vec::new();
            let read = base.read(&path, |bytes| {
                text.extend_from_slice(bytes);
                text.len() as u64 <= INDEX_LEN
            });
            if let Err(error) = read {
                // Without it less is left out.
                let error = &error as &dyn std::error::Error;
                tracing::warn!(%path, error, "a file of rules of a closed layer is not read");
                text.clear();
            }
            files.put(&path, text);
        }
    }
    Ok(files)
}

/// Read some of the guest's files of rules.
async fn read(
    running: &Running<'_>,
    files: GuestFiles,
    wanted: &[TreePath],
) -> Result<GuestFiles, WorkspaceError> {
    let held = Arc::new(Mutex::new(files));
    let taking = Arc::clone(&held);
    let lock = |files: &Mutex<GuestFiles>, act: &mut dyn FnMut(&mut GuestFiles)| {
        act(&mut files.lock().unwrap_or_else(PoisonError::into_inner));
    };
    contents::read(running.files().await?, wanted, INDEX_LEN, move |found| {
        let Some(Side::File { content: Content::Held(bytes), .. }) = found.side else { return };
        let mut bytes = Some(bytes);
        lock(&taking, &mut |files| files.put(&found.path, bytes.take().unwrap_or_default()));
    })
    .await?;
    let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
    // What could not be read is not asked for again.
    for path in wanted {
        if !held.has(path) {
            held.put(path, Vec::new());
        }
    }
    Ok(std::mem::take(&mut held))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_protocol::tree::{Entry, Meta};

    fn entry(path: &str, kind: Kind) -> Entry {
        Entry {
            path: TreePath::parse(path.as_bytes()).unwrap(),
            meta: Meta::new(kind, 0o644),
            target: Vec::new(),
        }
    }

    /// Rules at the top, of a repository that tracks these names where there are any.
    fn rules(text: &str, tracked: Option<&[&str]>) -> Ignored<GuestFiles> {
        let directory = |path| entry(path, Kind::Directory);
        let file = |path| entry(path, Kind::File);
        let repository = [
            directory(".git"),
            file(".git/HEAD"),
            directory(".git/objects"),
            directory(".git/refs"),
        ];
        let mut nodes = vec![directory(""), file(".gitignore")];
        if tracked.is_some() {
            nodes.extend(repository.into_iter().chain([file(".git/index")]));
        }
        let mut files = GuestFiles::of(&nodes);
        files.put(&TreePath::parse(b".gitignore").unwrap(), text.as_bytes().to_vec());
        if let Some(tracked) = tracked {
            let mut index = [
                b"DIRC\0\0\0\x02".as_slice(),
                &u32::try_from(tracked.len()).unwrap().to_be_bytes(),
            ]
            .concat();
            for name in tracked {
                let mut entry = vec![0; 62];
                entry[24..28].copy_from_slice(&0o100_644_u32.to_be_bytes());
                entry[61] = u8::try_from(name.len()).unwrap();
                entry.extend_from_slice(name.as_bytes());
                entry.resize(entry.len() + 8 - entry.len() % 8, 0);
                index.extend(entry);
            }
            index.extend([0; 20]);
            files.put(&TreePath::parse(b".git/index").unwrap(), index);
        }
        Ignored::new(files, b"", WORK)
    }

    fn told(old: Ignored<GuestFiles>, mut new: Ignored<GuestFiles>) -> (Vec<String>, Hidden) {
        let one = |path: &str, is_old: bool, is_new: bool| Changed {
            path: TreePath::parse(path.as_bytes()).unwrap(),
            old: is_old.then(|| entry(path, Kind::File)),
            new: is_new.then(|| entry(path, Kind::File)),
        };
        let changed = vec![
            one(".envrc", false, true),
            one("f", true, true),
            one("target/a/new", false, true),
            one("target/a/old", true, true),
            one("target/gone", true, false),
            one("target/tracked", true, true),
        ];
        let is_ignored: Vec<bool> = changed.iter().map(|one| is_ignored(&mut new, one)).collect();
        let (shown, hidden) =
            split(changed, &is_ignored, new, Some(old), &CancellationToken::new());
        (shown.iter().map(|one| one.path.to_string()).collect(), hidden)
    }

    #[test]
    fn ignored_files_of_the_baseline_are_left_out_where_nothing_tracks_them() {
        let text = ".envrc\n/target/*\n";
        let tracked = &["f", "target/tracked"][..];
        let (shown, hidden) = told(rules(text, Some(tracked)), rules(text, Some(tracked)));
        assert_eq!(shown, ["f", "target/tracked"]);
        let paths = [".envrc", "target/a/", "target/gone"].map(str::to_owned).to_vec();
        assert_eq!(hidden, Hidden { count: 4, paths });
    }

    #[test]
    fn a_guest_hides_no_file_of_the_baseline_by_rules_of_its_own() {
        let text = ".envrc\n/target\n";
        let all = ["f", "target/a/old", "target/gone", "target/tracked"];
        // The file was not ignored; it was tracked; nothing tells what was tracked.
        for (old, new) in [
            (rules("", Some(&["f"])), rules("*\n", Some(&[]))),
            (rules("*\n", Some(&all)), rules("*\n", Some(&[]))),
            (rules(text, None), rules("*\n", None)),
            (rules(text, None), rules("*\n", Some(&[]))),
        ] {
            let (shown, hidden) = told(old, new);
            assert_eq!(shown, all);
            assert_eq!(hidden.count, 2);
        }
    }
}
