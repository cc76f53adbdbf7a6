//! `Learned`: what a push of a directory has proven, kept for the next one.

use super::baseline;
use super::proof::{self, Proofs};
use super::push_plan::PushPlan;
use crate::vm::blocking;
use crate::workspace::error::WorkspaceError;
use crate::workspace::place::{WorkspacePath, joined};
use crate::workspace::running::Running;
use crate::workspace::source::Source;
use pyro_protocol::TreePath;
use pyro_protocol::tree::{Action, Entry, Meta, Time};
use std::collections::HashSet;
use std::time::Duration;

/// How long a push that is done may take to keep what the next one can use.
const NOTE_LIMIT: Duration = Duration::from_secs(30);

/// What a push of a directory has proven.
pub(super) struct Learned {
    /// What was proven before it.
    pub(super) proofs: Proofs,
    /// The tree on the host.
    pub(super) source: Vec<Entry>,
    /// Files whose digests were equal, and what those in the guest were then.
    pub(super) alike: Vec<(TreePath, Meta)>,
    /// The latest time in the guest's tree before the push.
    pub(super) before: Time,
}

impl Learned {
    /// Keep it for the next push of `from` to `dest`; `done` is what this one did, none of a dry
    /// run. It only saves time: a failure is logged.
    pub(super) async fn note(
        self,
        running: &Running<'_>,
        from: &Source,
        dest: &WorkspacePath,
        done: Option<&PushPlan>,
    ) {
        let kept = tokio::time::timeout(NOTE_LIMIT, self.keep(running, from, dest, done)).await;
        let again = "the next push will compare these files again";
        match kept {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = &error as &dyn std::error::Error, "{again}"),
            Err(_) => tracing::warn!(
                "the workspace did not answer within {} s: {again}",
                NOTE_LIMIT.as_secs()
            ),
        }
    }

    async fn keep(
        self,
        running: &Running<'_>,
        from: &Source,
        dest: &WorkspacePath,
        done: Option<&PushPlan>,
    ) -> Result<(), WorkspaceError> {
        let Self { mut proofs, source, alike, before } = self;
        let of_source = |path: &TreePath| {
            let found = source.binary_search_by(|entry| entry.path.cmp(path));
            found.ok().filter(|_| from.is_own(path)).map(|at| &source[at].meta)
        };
        let steps = done.map_or(&[][..], |plan| &plan.steps);
        let changed: HashSet<&TreePath> = steps.iter().map(|step| &step.path).collect();
        for (path, there) in &alike {
            let at = joined(dest.tree(), path);
            if let Some(meta) = of_source(path).filter(|_| !changed.contains(&at)) {
                proofs.note(at, meta, there, before);
            }
        }
        let sent = done.map_or(&[][..], |plan| &plan.send);
        let sent: HashSet<TreePath> = sent.iter().map(|path| joined(dest.tree(), path)).collect();
        proofs.retain(|path| !sent.contains(path));
        let puts = steps.iter().filter(|step| step.action == Action::Put);
        let puts: Vec<&TreePath> = puts.map(|step| &step.path).collect();
        if sent.len() > puts.len() {
            let present = baseline::manifest(running.files().await?, dest.guest(), true).await?;
            for (path, there) in proof::untouched(&present, dest.tree(), &puts) {
                if let Some(meta) = of_source(path) {
                    proofs.note(joined(dest.tree(), path), meta, there.0, there.1);
                }
            }
        }
        let (config, id) = (running.config.clone(), running.workspace.id);
        blocking(move || Ok(proofs.keep(&config, id))).await??;
        Ok(())
    }
}
