//! A push: a tree of the host made the workspace's, by sending what differs and putting it in force
//! as a whole.

use super::baseline;
use super::learned::Learned;
use super::proof::{self, Proofs};
use super::push_plan::{PushPlan, Trees, candidates};
pub use super::push_report::{Pushed, WorkspaceSync};
use super::seed::transfer;
use crate::config::Config;
use crate::guest::archive::unpack;
use crate::guest::client::ClientError;
use crate::guest::{stage, tree};
use crate::host::path::HostPath;
use crate::id::Id;
use crate::store::Store;
use crate::vm::{VmError, blocking};
use crate::workspace::claim::find;
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use crate::workspace::paths::{ROOT, STAGES};
use crate::workspace::place::{WorkspacePath, joined};
use crate::workspace::running::Running;
use crate::workspace::source::{Ignore, Source};
use pyro_protocol::files::{Commit, Into, Stage, Unpack};
use pyro_protocol::message::FailureKind;
use pyro_protocol::tree::{Digest, Entry, Kind, Meta};
use pyro_protocol::{GuestPath, TreePath};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a push that is cancelled waits for files that are being put in place.
const COMMIT_LIMIT: Duration = Duration::from_secs(30);

/// What to push.
#[derive(Clone, Debug)]
pub struct PushRequest {
    /// A directory on the host, or a tar file: `.tar`, or compressed by gzip, bzip2, xz or zstd.
    pub source: HostPath,
    /// The directory that it becomes.
    pub dest: WorkspacePath,
    /// Delete what the source does not have; what its rules ignore stays.
    pub delete: bool,
    /// Whether to leave out what git ignores, which only a directory can; none: as the workspace
    /// was seeded.
    pub respect_ignore: Option<bool>,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// Push a tree.
///
/// # Errors
/// [`WorkspaceError`]; whatever it is, nothing in the workspace has changed.
pub async fn push(
    config: &Config,
    id: Id,
    request: PushRequest,
    cancel: &CancellationToken,
) -> Result<WorkspaceSync, WorkspaceError> {
    let (path, ignore) = (request.source.clone(), ignore(config, id, request.respect_ignore)?);
    let opened = blocking(move || Ok(Source::open(&path, ignore))).await?;
    let source = opened.map_err(FileError::Source)?;
    let running = Running::open_until(config, id, cancel).await?;
    running.touch()?;
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(VmError::Random)?;
    let area = GuestPath::parse(STAGES.as_bytes()).unwrap_or_else(|_| GuestPath::root());
    let stage = Stage { area, id: u64::from_le_bytes(random) };
    let push = Push { running, source, request, stage, commits: AtomicBool::new(false) };
    let work = async {
        let _held = stage::hold(push.running.connect().await?, push.stage.clone())
            .await
            .map_err(WorkspaceError::Guest)?;
        push.run().await
    };
    let given_up = async {
        cancel.cancelled().await;
        // The guest goes on with a commit, whoever waits: only its answer tells whether the files
        // are in place.
        if push.commits.load(Ordering::Relaxed) {
            tokio::time::sleep(COMMIT_LIMIT).await;
        }
    };
    let (plan, learned) = tokio::select! {
        done = work => done?,
        () = given_up => return Err(VmError::Cancelled.into()),
    };
    // The files are in place: nothing that fails from here on makes this push a failed one.
    if let Some(learned) = learned {
        let done = (!push.request.dry_run).then_some(&plan);
        tokio::select! {
            () = learned.note(&push.running, &push.source, &push.request.dest, done) => {}
            () = cancel.cancelled() => {}
        }
    }
    push.running.was_used();
    let (left_out, left_out_count) = push.source.not_carried();
    Ok(WorkspaceSync {
        workspace_id: id,
        execution_mode: push.running.vm.execution_mode,
        workspace_sync: Pushed {
            mode: push.source.mode(),
            source_path: push.source.path().to_string_lossy().into_owned(),
            destination: push.request.dest.to_text(),
            entry_count: plan.send.iter().filter(|path| !path.is_root()).count() as u64,
            bytes_written: plan.bytes,
            unchanged: plan.unchanged,
            deleted: plan.deleted,
            changed: !plan.steps.is_empty(),
            dry_run: push.request.dry_run,
            left_out,
            left_out_count,
            respect_ignore: push.source.respects_ignore(),
            git_note: push.source.git_note(),
        },
    })
}

/// What was asked for, or else what the seed did.
fn ignore(config: &Config, id: Id, asked: Option<bool>) -> Result<Ignore, WorkspaceError> {
    if let Some(respect) = asked {
        return Ok(Ignore::asked(respect));
    }
    let store = Store::open(&config.data_dir)?;
    match find(&store, id)?.seed.respect_ignore {
        true => Ok(Ignore::LeaveOutIfDirectory),
        false => Ok(Ignore::Carry),
    }
}

struct Push<'a> {
    running: Running<'a>,
    source: Source,
    request: PushRequest,
    stage: Stage,
    /// Whether the guest may be putting the files in place.
    commits: AtomicBool,
}

/// What a plan is made from.
struct Sides {
    source: Vec<Entry>,
    present: Vec<Entry>,
    missing: Option<TreePath>,
    equal: HashSet<TreePath>,
    directories: Option<HashSet<TreePath>>,
}

impl Push<'_> {
    async fn run(&self) -> Result<(PushPlan, Option<Learned>), WorkspaceError> {
        match self.source.is_directory() {
            true => self.directory().await.map(|(plan, learned)| (plan, Some(learned))),
            false => Ok((self.archive().await?, None)),
        }
    }

    async fn directory(&self) -> Result<(PushPlan, Learned), WorkspaceError> {
        let (source, config, id) =
            (self.source.clone(), self.running.config.clone(), self.running.workspace.id);
        let listed = async {
            // What is proven is read first: its moment must lie before the look at the source.
            let look = move || Ok((Proofs::read(&config, id, source.device()), source.list()));
            let (proofs, listed) = blocking(look).await?;
            Ok::<_, WorkspaceError>((proofs, listed.map_err(FileError::Source)?))
        };
        let ((proofs, listed), (present, missing)) = tokio::try_join!(listed, self.present())?;
        let (mut equal, doubtful) = self.proven(&proofs, &listed, &present);
        let (source, paths) = (self.source.clone(), doubtful.clone());
        let digests = async {
            let digests = blocking(move || Ok(source.digests(&paths))).await?;
            Ok::<_, WorkspaceError>(digests.map_err(FileError::Source)?)
        };
        let (here, there) =
            tokio::try_join!(digests, self.digests(self.request.dest.guest(), &doubtful))?;
        let alike = alike(&doubtful, &here, &there);
        equal.extend(alike.iter().map(|(path, _)| path.clone()));
        let before = proof::latest(&present);
        let (plan, source) =
            self.plan(Sides { source: listed, present, missing, equal, directories: None }).await?;
        if !self.request.dry_run && !plan.steps.is_empty() {
            if !plan.send.is_empty() {
                self.send(&plan.send).await?;
            }
            self.commit(&plan).await?;
        }
        Ok((plan, Learned { proofs, source, alike, before }))
    }

    /// Files that are proven to be equal, and those that only their digests can tell of.
    fn proven(
        &self,
        proofs: &Proofs,
        source: &[Entry],
        present: &[Entry],
    ) -> (HashSet<TreePath>, Vec<TreePath>) {
        let (mut equal, mut doubtful) = (HashSet::new(), Vec::new());
        for (entry, there) in candidates(source, present) {
            let at = joined(self.request.dest.tree(), &entry.path);
            if there.size == 0
                || (self.source.is_own(&entry.path) && proofs.holds(&at, &entry.meta, there))
            {
                equal.insert(entry.path.clone());
            } else {
                doubtful.push(entry.path.clone());
            }
        }
        (equal, doubtful)
    }

    /// An archive tells what it holds only as it is unpacked: it is staged first.
    async fn archive(&self) -> Result<PushPlan, WorkspaceError> {
        let (present, missing) = self.present().await?;
        let (source, dest) = (self.source.clone(), self.request.dest.tree().clone());
        let request = Unpack { into: Into::Stage(self.stage.clone()), owners: false };
        let sent =
            unpack(self.running.files().await?, request, move |outlet| source.send(outlet, &dest))
                .await;
        let tally = sent.map_err(transfer)?;
        let planned = self.plan_staged(present, missing, tally.directories).await;
        match planned {
            Ok(plan) if !self.request.dry_run => {
                self.commit(&plan).await?;
                Ok(plan)
            }
            planned => {
                // A plan without steps does nothing but end the stage.
                self.commit(&PushPlan::default()).await?;
                planned
            }
        }
    }

    async fn plan_staged(
        &self,
        present: Vec<Entry>,
        missing: Option<TreePath>,
        directories: HashSet<TreePath>,
    ) -> Result<PushPlan, WorkspaceError> {
        let staged = self.stage.tree_at(self.request.dest.tree());
        let listed =
            match baseline::manifest(self.running.files().await?, staged.clone(), false).await {
                // An empty archive.
                Err(WorkspaceError::Guest(error)) if is_not_found(&error) => Vec::new(),
                listed => listed?,
            };
        if self.request.delete && holds_no_files(&listed) {
            return Err(FileError::EmptyArchive.into());
        }
        let doubtful: Vec<_> =
            candidates(&listed, &present).iter().map(|(entry, _)| entry.path.clone()).collect();
        let here = self
            .digests(staged, &doubtful)
            .await?
            .into_iter()
            .map(|digest| Some(digest?.blake3))
            .collect::<Vec<_>>();
        let there = self.digests(self.request.dest.guest(), &doubtful).await?;
        let equal = alike(&doubtful, &here, &there).into_iter().map(|(path, _)| path).collect();
        let sides =
            Sides { source: listed, present, missing, equal, directories: Some(directories) };
        self.plan(sides).await.map(|(plan, _)| plan)
    }

    /// The plan, and the source's entries back. Ignore rules are files of the host, and trees may
    /// be large: both take time that other tasks must not wait for.
    async fn plan(&self, sides: Sides) -> Result<(PushPlan, Vec<Entry>), WorkspaceError> {
        let (rules, dest, delete) =
            (self.source.clone(), self.request.dest.tree().clone(), self.request.delete);
        let make = move || {
            let leaves_out = |path: &[u8], is_dir| rules.leaves_out(path, is_dir);
            let plan = PushPlan::of(&Trees {
                source: &sides.source,
                present: &sides.present,
                equal: &sides.equal,
                dest: &dest,
                missing: sides.missing.as_ref(),
                delete,
                directories: sides.directories.as_ref(),
                leaves_out: &leaves_out,
            });
            Ok((plan, sides.source))
        };
        let (plan, source) = blocking(make).await?;
        self.source.knows_rules().map_err(FileError::Source)?;
        if plan.in_the_way.is_empty() {
            return Ok((plan, source));
        }
        let named =
            plan.in_the_way.iter().take(10).map(|path| WorkspacePath::root().join(path).to_text());
        Err(FileError::InTheWay(named.collect()).into())
    }

    /// What is at the destination, and where the way to it ends.
    async fn present(&self) -> Result<(Vec<Entry>, Option<TreePath>), WorkspaceError> {
        let dest = self.request.dest.tree();
        let slashes =
            dest.as_bytes().iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let ends = slashes.chain((!dest.is_root()).then_some(dest.as_bytes().len()));
        for end in ends {
            let Ok(path) = TreePath::parse(&dest.as_bytes()[..end]) else { continue };
            let place = WorkspacePath::root().join(&path);
            match tree::stat(self.running.files().await?, place.guest(), false).await {
                Ok(entry) if entry.meta.kind == Kind::Directory => {}
                Ok(_) => return Err(FileError::InTheWay(vec![place.to_text()]).into()),
                Err(error) if is_not_found(&error) => return Ok((Vec::new(), Some(path))),
                Err(error) => return Err(WorkspaceError::Guest(error)),
            }
        }
        let follow = dest.is_root();
        Ok((
            baseline::manifest(self.running.files().await?, self.request.dest.guest(), follow)
                .await?,
            None,
        ))
    }

    async fn digests(
        &self,
        root: GuestPath,
        paths: &[TreePath],
    ) -> Result<Vec<Option<Digest>>, WorkspaceError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let digests = tree::digest(self.running.files().await?, root, paths)
            .await
            .map_err(WorkspaceError::Guest)?;
        Ok(digests.into_iter().map(|digest| (digest.meta.errno == 0).then_some(digest)).collect())
    }

    async fn send(&self, paths: &[TreePath]) -> Result<(), WorkspaceError> {
        let (source, dest, paths) =
            (self.source.clone(), self.request.dest.tree().clone(), paths.to_vec());
        let request = Unpack { into: Into::Stage(self.stage.clone()), owners: false };
        let sent = unpack(self.running.files().await?, request, move |outlet| {
            source.send_listed(outlet, paths, &dest)
        });
        sent.await.map_err(transfer)
    }

    async fn commit(&self, plan: &PushPlan) -> Result<(), WorkspaceError> {
        let root = GuestPath::parse(ROOT.as_bytes()).unwrap_or_else(|_| GuestPath::root());
        let request = Commit { stage: self.stage.clone(), root };
        self.commits.store(!plan.steps.is_empty(), Ordering::Relaxed);
        stage::commit(self.running.files().await?, request, &plan.steps)
            .await
            .map_err(WorkspaceError::Guest)
    }
}

/// Whether a tree has nothing but directories: as a mirror it would delete every file.
fn holds_no_files(entries: &[Entry]) -> bool {
    entries.iter().all(|entry| entry.meta.kind == Kind::Directory)
}

/// Files whose digests are equal, with what those in the guest were when they were read.
fn alike(
    paths: &[TreePath],
    here: &[Option<[u8; 32]>],
    there: &[Option<Digest>],
) -> Vec<(TreePath, Meta)> {
    let pairs = paths.iter().zip(here.iter().zip(there));
    let same = |(path, (here, there)): (&TreePath, (&Option<[u8; 32]>, &Option<Digest>))| {
        let there = there.as_ref().filter(|there| here.as_ref() == Some(&there.blake3))?;
        Some((path.clone(), there.meta))
    };
    pairs.filter_map(same).collect()
}

/// Whether the guest has nothing there.
pub(super) fn is_not_found(error: &ClientError) -> bool {
    matches!(error, ClientError::Failed(failure) if failure.kind == FailureKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_of_directories_alone_has_no_files() {
        let entry = |path: &str, kind| Entry {
            path: TreePath::parse(path.as_bytes()).unwrap(),
            meta: Meta::new(kind, 0o755),
            target: Vec::new(),
        };
        let mut entries = vec![
            entry("", Kind::Directory),
            entry("d", Kind::Directory),
            entry("d/e", Kind::Directory),
        ];
        assert!(holds_no_files(&[]) && holds_no_files(&entries));
        for kind in [Kind::File, Kind::Symlink] {
            entries.push(entry("d/e/f", kind));
            assert!(!holds_no_files(&entries), "{kind:?}");
            entries.pop();
        }
    }
}
