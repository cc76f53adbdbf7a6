//! Commit: a plan checked as a whole, made durable, done by renames, and undone when a step fails.
//!
//! The order is what makes it whole after a crash. First all staged content and the plan are on the
//! disk, then the plan gets its name: from there on it is in force, and [`super::recover`] finishes
//! it. The plan's name goes after the last rename and the filesystem's journal keeps that order, so
//! a plan that is still there was not finished.

use super::desk::{Desk, Stop, failed};
use super::plan::{self, MAX_STEPS, Plan, Planned};
use super::root::{Root, durable};
use super::stage::{self, GONE, PLAN, PLAN_DRAFT, TREE};
use crate::failure::{failure, from_errno};
use crate::workers::Workers;
use pyro_protocol::files::{Commit, Stage};
use pyro_protocol::message::{Failure, FailureKind, Reply};
use pyro_protocol::tree::{Action, Expect, Kind, Meta, Record, RecordError, Records, Step, Time};
use pyro_protocol::{TreePath, tree_path};
use pyro_tree::descent::Descent;
use pyro_tree::node;
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Mutex;

/// One plan at a time: two that were checked against the same tree could not both be right.
static TURN: Mutex<()> = Mutex::new(());

/// Conflicts that are named; more are counted.
const MAX_NAMED: usize = 10;

/// Put a plan in force.
pub(super) fn commit(
    root: &Root,
    request: &Commit,
    desk: &mut Desk,
    cleaners: &Workers,
) -> Result<Reply, Stop> {
    let mut steps = receive(desk)?;
    plan::order(&mut steps);
    let _turn = TURN.lock();
    let area = stage::make_area(root, &request.stage.area)?;
    let name = stage::name(&request.stage);
    let held = match node::enter(area.as_fd(), name.as_bytes()) {
        Err(Errno::NOENT) => stage::make(&area, &request.stage)?,
        opened => opened.map_err(failed("open", name.as_bytes()))?,
    };
    let outcome = carry_out(root, request, &held, steps);
    let outcome = match outcome {
        Ok(()) => rustix::fs::unlinkat(&held, PLAN, AtFlags::empty())
            .and_then(|()| rustix::fs::syncfs(&held))
            .map_err(failed("complete", name.as_bytes())),
        // That nothing has changed holds after a crash too once the plan's name is gone.
        Err(Ended::Unchanged(stop)) => {
            let _ =
                rustix::fs::unlinkat(&held, PLAN, AtFlags::empty()).and_then(|()| durable(&held));
            Err(stop)
        }
        // The plan stays in force.
        Err(Ended::HalfDone(stop)) => return Err(stop),
    };
    // What was replaced goes when nobody waits for it; a crash leaves it to the next recovery.
    drop(cleaners.run(move || node::remove(area.as_fd(), name.as_bytes())));
    outcome.map(|()| Reply::Done)
}

/// Remove a stage, unless its plan is in force.
pub(super) fn discard(root: &Root, stage: &Stage) -> Result<(), Failure> {
    stage::discard(stage);
    // Not while it is being committed.
    let _turn = TURN.lock();
    let Ok(Some(area)) = stage::area(root, &stage.area) else { return Ok(()) };
    let name = stage::name(stage);
    let removed = match node::enter(area.as_fd(), name.as_bytes()) {
        Err(errno) => Err(errno),
        Ok(held) => match node::find(held.as_fd(), PLAN.as_bytes()) {
            Ok(None) => node::remove(area.as_fd(), name.as_bytes()),
            found => found.map(drop),
        },
    };
    match removed {
        // The one that is being removed after its commit among them.
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(from_errno(&format!("cannot remove {name}"), errno)),
    }
}

fn carry_out(root: &Root, request: &Commit, held: &OwnedFd, steps: Vec<Step>) -> Result<(), Ended> {
    let begin = || {
        plan::check(&steps).map_err(|text| failure(FailureKind::InvalidInput, text))?;
        Swap::new(root.directory(&request.root)?, held).map_err(failed("open", b"the stage"))
    };
    let mut swap = begin().map_err(Ended::Unchanged)?;
    let (steps, old) = swap.check(steps).map_err(Ended::Unchanged)?;
    let plan = Plan { root: request.root.clone(), steps };
    in_force(held, &plan).map_err(Ended::Unchanged)?;
    swap.all(&plan, &old)
}

/// How a plan ended that was not done.
enum Ended {
    /// The tree is as it was.
    Unchanged(Stop),
    /// Some steps were done and could not be undone.
    HalfDone(Stop),
}

fn receive(desk: &mut Desk) -> Result<Vec<Step>, Stop> {
    let mut steps = Vec::new();
    let mut len = 0;
    while let Some(payload) = desk.next()? {
        len += payload.len();
        for record in Records::new(&payload) {
            let Record::Step(step) = record? else { return Err(RecordError::Field.into()) };
            steps.push(step);
        }
        // The plan that is made of it holds 16 more bytes for each.
        if steps.len() > MAX_STEPS || len + steps.len() * 16 > plan::MAX_LEN / 2 {
            return Err(failure(
                FailureKind::InvalidInput,
                format!("more than {MAX_STEPS} changes at once"),
            )
            .into());
        }
    }
    Ok(steps)
}

/// Make all that is staged and the plan durable, and let the plan be in force.
fn in_force(held: &OwnedFd, plan: &Plan) -> Result<(), Stop> {
    let write = || {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(held, PLAN_DRAFT, flags, Mode::RUSR | Mode::WUSR)?;
        let bytes = plan.encode();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            rest = &rest[rustix::io::retry_on_intr(|| rustix::io::write(&file, rest))?..];
        }
        rustix::fs::syncfs(&file)?;
        rustix::fs::renameat(held, PLAN_DRAFT, held, PLAN)?;
        durable(held)
    };
    write().map_err(failed("write", PLAN.as_bytes()))
}

/// What a node was before a step changed it, for the way back.
type Old = Option<Meta>;

/// The tree and the stage, between which nodes change places.
pub(super) struct Swap {
    tree: Descent<()>,
    staged: Descent<()>,
    gone: OwnedFd,
}

impl Swap {
    pub(super) fn new(tree: OwnedFd, held: &OwnedFd) -> Result<Self, Errno> {
        let staged = stage::subdirectory(held, TREE)?;
        let gone = stage::subdirectory(held, GONE)?;
        Ok(Self { tree: Descent::new(tree), staged: Descent::new(staged), gone })
    }

    /// Look at every path before any is changed.
    fn check(&mut self, steps: Vec<Step>) -> Result<(Vec<Planned>, Vec<Old>), Stop> {
        let mut conflicts = Vec::new();
        let mut planned = Vec::with_capacity(steps.len());
        let mut old = Vec::with_capacity(steps.len());
        for step in steps {
            let found = find(&mut self.tree, &step.path);
            let met = match &found {
                Ok(found) => {
                    step.expect.is_met_by(found.as_ref()) && is_possible(&step, found.as_ref())
                }
                Err(_) => false,
            };
            if !met {
                conflicts.push(step.path);
                continue;
            }
            let found = found.unwrap_or_default();
            let staged_ino = if step.action == Action::Put {
                let staged = find(&mut self.staged, &step.path).ok().flatten();
                let missing =
                    || failure(FailureKind::InvalidInput, format!("{} is not staged", step.path));
                staged.ok_or_else(missing)?.ino
            } else {
                0
            };
            planned.push(Planned { staged_ino, old_ino: found.map_or(0, |found| found.ino), step });
            old.push(found);
        }
        if conflicts.is_empty() { Ok((planned, old)) } else { Err(conflict(&conflicts)) }
    }

    /// Do all steps, or none.
    fn all(&mut self, plan: &Plan, old: &[Old]) -> Result<(), Ended> {
        for (index, (planned, before)) in plan.steps.iter().zip(old).enumerate() {
            let (stop, done) = match self.step(index, planned) {
                Ok(()) if self.took(index, planned, before.as_ref()) => continue,
                Ok(()) => (conflict(std::slice::from_ref(&planned.step.path)), index + 1),
                // Something came or went between the check and the change.
                Err(Errno::EXIST | Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {
                    (conflict(std::slice::from_ref(&planned.step.path)), index)
                }
                Err(errno) => (
                    from_errno(&format!("cannot change {}", planned.step.path), errno).into(),
                    index,
                ),
            };
            for (index, (planned, before)) in
                plan.steps.iter().zip(old).enumerate().take(done).rev()
            {
                self.undo(index, planned, before.as_ref()).map_err(|errno| {
                    let text = format!(
                        "half done: the change of {} cannot be undone; recover",
                        planned.step.path
                    );
                    Ended::HalfDone(from_errno(&text, errno).into())
                })?;
            }
            return Err(Ended::Unchanged(stop));
        }
        Ok(())
    }

    /// Do one step.
    fn step(&mut self, index: usize, planned: &Planned) -> Result<(), Errno> {
        let path = planned.step.path.as_bytes();
        let (dir, name) = tree_path::split(path).unwrap_or((b"", b"."));
        let tree = self.tree.go(dir)?;
        match planned.step.action {
            Action::Put => {
                let staged = self.staged.go(dir)?;
                let how = if planned.old_ino == 0 {
                    RenameFlags::NOREPLACE
                } else {
                    RenameFlags::EXCHANGE
                };
                rustix::fs::renameat_with(staged, name, tree, name, how)
            }
            Action::Delete if planned.old_ino == 0 => Ok(()),
            Action::Delete => rustix::fs::renameat_with(
                tree,
                name,
                &self.gone,
                index.to_string(),
                RenameFlags::NOREPLACE,
            ),
            Action::Set { mode, mtime } => set(tree, name, mode, mtime),
        }
    }

    /// Whether what a step took out of the tree is what was seen when the plan was checked.
    fn took(&mut self, index: usize, planned: &Planned, before: Option<&Meta>) -> bool {
        let Some(before) = before else { return true };
        let path = planned.step.path.as_bytes();
        let taken = match planned.step.action {
            Action::Put => find(&mut self.staged, &planned.step.path),
            Action::Delete => node::find(self.gone.as_fd(), index.to_string().as_bytes()),
            Action::Set { .. } => return true,
        };
        let Ok(Some(taken)) = taken else { return false };
        debug_assert!(!path.is_empty(), "the root is neither put nor deleted");
        let expect = match planned.step.expect {
            Expect::Same { .. } => planned.step.expect,
            _ => Expect::Kind(before.kind),
        };
        taken.ino == before.ino && expect.is_met_by(Some(&taken))
    }

    fn undo(
        &mut self,
        index: usize,
        planned: &Planned,
        before: Option<&Meta>,
    ) -> Result<(), Errno> {
        let path = planned.step.path.as_bytes();
        let (dir, name) = tree_path::split(path).unwrap_or((b"", b"."));
        let tree = self.tree.go(dir)?;
        match planned.step.action {
            Action::Put if planned.old_ino == 0 => rustix::fs::renameat_with(
                tree,
                name,
                self.staged.go(dir)?,
                name,
                RenameFlags::NOREPLACE,
            ),
            Action::Put => rustix::fs::renameat_with(
                tree,
                name,
                self.staged.go(dir)?,
                name,
                RenameFlags::EXCHANGE,
            ),
            Action::Delete if planned.old_ino == 0 => Ok(()),
            Action::Delete => rustix::fs::renameat_with(
                &self.gone,
                index.to_string(),
                tree,
                name,
                RenameFlags::NOREPLACE,
            ),
            Action::Set { mode, mtime } => {
                let Some(before) = before else { return Ok(()) };
                set(tree, name, mode.map(|_| before.mode), mtime.map(|_| before.mtime))
            }
        }
    }

    /// Do one step of a plan that was interrupted, unless it was done.
    pub(super) fn again(&mut self, index: usize, planned: &Planned) -> Result<(), Errno> {
        let now = find(&mut self.tree, &planned.step.path)?;
        let ino = now.map_or(0, |now| now.ino);
        match planned.step.action {
            Action::Put if ino == planned.staged_ino => Ok(()),
            Action::Delete if ino != planned.old_ino || ino == 0 => Ok(()),
            _ => self.step(index, planned),
        }
    }
}

/// What stands at a path; beyond a link or a file is nowhere.
fn find(descent: &mut Descent<()>, path: &TreePath) -> Result<Option<Meta>, Errno> {
    match tree_path::split(path.as_bytes()) {
        Some((dir, name)) => match descent.go(dir) {
            Ok(dir) => node::find(dir, name),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        },
        None => Ok(Some(node::meta(&rustix::fs::fstat(descent.base())?))),
    }
}

fn is_possible(step: &Step, found: Option<&Meta>) -> bool {
    match step.action {
        Action::Set { mode, .. } => {
            found.is_some_and(|found| mode.is_none() || found.kind != Kind::Symlink)
        }
        Action::Put | Action::Delete => true,
    }
}

fn set(
    dir: std::os::fd::BorrowedFd<'_>,
    name: &[u8],
    mode: Option<u32>,
    mtime: Option<Time>,
) -> Result<(), Errno> {
    if let Some(mode) = mode {
        // chmod(2) follows links; an open node does not.
        let held = rustix::fs::openat(
            dir,
            name,
            OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        node::chmod(&held, mode)?;
    }
    match mtime {
        Some(mtime) => {
            rustix::fs::utimensat(dir, name, &node::modified(mtime), AtFlags::SYMLINK_NOFOLLOW)
        }
        None => Ok(()),
    }
}

fn conflict(paths: &[TreePath]) -> Stop {
    let mut text = "changed in the guest meanwhile:".to_owned();
    for path in paths.iter().take(MAX_NAMED) {
        text.push_str(&format!(" {path},"));
    }
    text.pop();
    if paths.len() > MAX_NAMED {
        text.push_str(&format!(" and {} more", paths.len() - MAX_NAMED));
    }
    Stop::Failed(failure(FailureKind::Conflict, text))
}
