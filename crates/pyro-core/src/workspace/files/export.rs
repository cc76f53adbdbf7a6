//! A file or a tree of a workspace, or its changes, on the host: there whole or not at all.

use super::diff::{self, DiffRequest};
use super::export_error::{SinkError, outward, received};
use super::git_guard::GitGuard;
use super::list::artifact_type;
use super::masked::Masked;
use crate::archive::TarWriter;
use crate::config::Config;
use crate::execution_mode::ExecutionMode;
use crate::guest::archive::pack;
use crate::guest::tree;
use crate::host::new_file::NewFile;
use crate::host::output::{Output, OutputFileError};
use crate::host::path::HostPath;
use crate::host::tree::{Allowance, Receiver};
use crate::id::Id;
use crate::store::workspace::LeftOut;
use crate::vm::{VmError, blocking};
use crate::workspace::error::WorkspaceError;
use crate::workspace::file_error::FileError;
use crate::workspace::place::WorkspacePath;
use crate::workspace::running::Running;
use crate::workspace::secrets::Secrets;
use pyro_patch::git::inert::{self, Look, Node, Verdict};
use pyro_protocol::TreePath;
use pyro_protocol::files::Pack;
use pyro_protocol::tree::{Kind, Record};
use pyro_tree::Odd;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How long the removal of an export that was ended may take.
const CLEAR_LIMIT: Duration = Duration::from_secs(10);

/// Most of what is left out of a patch that a result names.
const LEFT_OUT: usize = 1000;

/// What an export becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExportFormat {
    /// What it is: a file, a directory or a link.
    #[default]
    Directory,
    /// A tar archive.
    Tar,
    /// A patch, as git writes it, of what changed since the workspace was made.
    Patch,
}

/// What to export.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// What.
    pub path: WorkspacePath,
    /// Where on the host; its parents are made.
    pub output: HostPath,
    /// Replace what is there.
    pub force: bool,
    /// Directories of the host that are never replaced, nor is what holds one: its user's home,
    /// where its user works.
    pub kept: Vec<PathBuf>,
    /// As what.
    pub format: ExportFormat,
    /// In a patch: tell a deleted and an added file of the same content as one that was renamed.
    pub renames: bool,
    /// In a patch: also files that the workspace's own rules ignore.
    pub include_ignored: bool,
    /// Export settings and hooks of git as they are, also where git on the host would run programs
    /// by them.
    pub keep_git_config: bool,
    /// Without the secrets of the workspace in what files hold: as many asterisks stand there, in a
    /// patch a mark.
    pub redact: bool,
}

/// An export that is done. The names are those of the contract; `format`, `left_out` and
/// `left_out_count` are ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkspaceExport {
    /// The workspace.
    pub workspace_id: Id,
    /// What was exported.
    pub workspace_path: String,
    /// What was made.
    pub output_path: String,
    /// `file`, `directory` or `symlink`.
    pub artifact_type: &'static str,
    /// Files, directories and links, or changes of a patch.
    pub entry_count: u64,
    /// Bytes of files, or of a patch.
    pub bytes_written: u64,
    /// Where it ran.
    pub execution_mode: ExecutionMode,
    /// `dir`, `tar` or `patch`.
    pub format: &'static str,
    /// What could not be carried, and what changed on the way: absolute in the workspace, the first
    /// thousand of each kind.
    pub left_out: Vec<LeftOut>,
    /// How many there are.
    pub left_out_count: u64,
    /// Whether some of `left_out` is there because git on the host would run programs by it.
    #[serde(skip)]
    pub is_git_guarded: bool,
    /// Files that are not in a patch because the workspace's rules ignore them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored: Option<u64>,
    /// The first ten of them; of an ignored directory only its own path, with a slash at the end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored_paths: Vec<String>,
}

/// Export.
///
/// # Errors
/// [`FileError::Output`] with the reason unless it may be replaced; whatever it is, there is
/// nothing new on the host.
pub async fn export(
    config: &Config,
    id: Id,
    request: ExportRequest,
    cancel: &CancellationToken,
) -> Result<WorkspaceExport, WorkspaceError> {
    Output::check_kept(&request.output, &request.kept(config)).map_err(FileError::from)?;
    check_git(&request)?;
    let running = Running::open_until(config, id, cancel).await?;
    running.touch()?;
    let staged = TaskTracker::new();
    let work = async {
        Output::check(&request.output, request.force).map_err(FileError::from)?;
        match request.format {
            ExportFormat::Patch => patch(&running, &request, &staged).await,
            _ => tree_of(&running, &request, &staged).await,
        }
    };
    let exported = tokio::select! {
        exported = work => exported,
        () = cancel.cancelled() => Err(VmError::Cancelled.into()),
    };
    // What is made on the host is in the hands of a thread that nobody waits for any more, and goes
    // with it.
    staged.close();
    if tokio::time::timeout(CLEAR_LIMIT, staged.wait()).await.is_err() {
        tracing::warn!(
            "an export that was ended is still being removed; the next one to the same directory does it"
        );
    }
    let exported = exported?;
    running.was_used();
    Ok(exported)
}

/// What a guest wrote must not become a part of a repository of the host's, nor a hook a file for
/// which nothing else is left.
fn check_git(request: &ExportRequest) -> Result<(), FileError> {
    let output = request.output.canonical();
    let is_git = |name: &std::ffi::OsStr| name.eq_ignore_ascii_case(".git");
    if !request.keep_git_config && output.as_path().iter().any(is_git) {
        return Err(FileError::IntoGit { path: output.as_path().into() });
    }
    Ok(())
}

/// Make the output's place ready: only now is it known that there is something to put there.
async fn place(
    config: &Config,
    request: &ExportRequest,
    is_directory: bool,
) -> Result<Output, WorkspaceError> {
    let (output, force, kept) = (request.output.clone(), request.force, request.kept(config));
    let prepare = move || {
        let output = Output::prepare(&output, force)?;
        output.keeps(&kept)?;
        if !is_directory {
            output.check_file()?;
        }
        Ok(output)
    };
    let prepared = blocking(move || Ok(prepare())).await?;
    Ok(prepared.map_err(|error: OutputFileError| FileError::from(error))?)
}

impl ExportRequest {
    /// All that is kept: pyro's own directories too.
    fn kept(&self, config: &Config) -> Vec<PathBuf> {
        let own = [&config.data_dir, &config.runtime_dir, &config.environment_cache_dir];
        self.kept.iter().chain(own).cloned().collect()
    }
}

async fn tree_of(
    running: &Running<'_>,
    request: &ExportRequest,
    staged: &TaskTracker,
) -> Result<WorkspaceExport, WorkspaceError> {
    let (guest, follow) = (request.path.guest(), request.path.is_root());
    let stat = tree::stat(running.files().await?, guest.clone(), follow)
        .await
        .map_err(WorkspaceError::Guest)?;
    let what = artifact_type(stat.meta.kind);
    if !stat.meta.kind.is_carried() {
        return Err(FileError::Special {
            path: request.path.to_text(),
            what: stat.meta.kind.name(),
        }
        .into());
    }
    if stat.meta.kind != Kind::Directory
        && !request.keep_git_config
        && let Verdict::Drop(_)
        | Verdict::Look(Look::Pointer(_) | Look::CommonDir | Look::Program { .. }) =
            inert::judge(request.path.tree().as_bytes(), b"", Node::File)
    {
        return Err(FileError::GitRuns { path: request.path.to_text() }.into());
    }
    let is_dir = stat.meta.kind == Kind::Directory;
    let output =
        place(running.config, request, is_dir && request.format == ExportFormat::Directory).await?;
    let at = output.place();
    let pack_request =
        Pack { root: guest, follow, exclude: Vec::new(), listed: false, attributes: true };
    let stream = running.files().await?;
    let guard = GitGuard::new(request.path.tree(), request.keep_git_config);
    let masked = masked(running, request)?;
    let (sum, (told, told_count)) = if request.format == ExportFormat::Tar {
        let sink = Tar::new(output, request.force).map_err(FileError::from)?;
        let put = |sink: &mut Staged<Guarded<Tar>>, record: &Record<'_>| {
            let Guarded { guard, masked, made } = &mut sink.made;
            masked.put(record, &mut |record| guard.put(record, &mut |record| made.put(record)))
        };
        let sink = Staged::new(Guarded { guard, masked, made: sink }, staged);
        let sink = pack(stream, pack_request, &[], sink, put).await.map_err(received)?;
        let finish = |sink: Guarded<Tar>| (sink.made.finish(), sink.guard.told());
        let (finished, told) = blocking(move || Ok(sink.last(finish))).await?;
        (finished.map_err(outward)?, told)
    } else {
        let allowance =
            Allowance { max_entries: u64::MAX, max_bytes: u64::MAX, overwrite: request.force };
        let receiver = Receiver::new(output, allowance).map_err(FileError::Output)?;
        let put = |receiver: &mut Staged<Guarded<Receiver>>, record: &Record<'_>| {
            let Guarded { guard, masked, made } = &mut receiver.made;
            masked.put(record, &mut |record| guard.put(record, &mut |record| Ok(made.put(record)?)))
        };
        let receiver = Staged::new(Guarded { guard, masked, made: receiver }, staged);
        let receiver = pack(stream, pack_request, &[], receiver, put).await.map_err(received)?;
        let finish = |receiver: Guarded<Receiver>| (receiver.made.finish(), receiver.guard.told());
        let (finished, told) = blocking(move || Ok(receiver.last(finish))).await?;
        let placed = finished.map_err(FileError::Output)?;
        let (odd, odd_count) = (placed.odd, placed.odd_count);
        (Sum { entries: placed.entries, bytes: placed.bytes, odd, odd_count }, told)
    };
    let Sum { entries, bytes, odd, odd_count } = sum;
    Ok(WorkspaceExport {
        artifact_type: what,
        // Of a directory what it holds, as a seed counts.
        entry_count: entries - u64::from(is_dir && entries > 0),
        bytes_written: bytes,
        left_out_count: odd_count + told_count,
        is_git_guarded: told_count > 0,
        left_out: odd
            .iter()
            .map(|(path, odd)| of_odd(&request.path, path, odd))
            .chain(
                told.into_iter()
                    .map(|(path, why)| LeftOut { path: request.path.join(&path).to_text(), why }),
            )
            .collect(),
        ..WorkspaceExport::begun(running, request, &at)
    })
}

/// What keeps the secrets of the workspace out, where that is wanted.
fn masked(running: &Running<'_>, request: &ExportRequest) -> Result<Masked, WorkspaceError> {
    let secrets = || Secrets::of(running.config, running.workspace.id)?.redactor();
    let redactor = if request.redact { secrets()? } else { None };
    Ok(Masked::new(redactor.as_ref()))
}

async fn patch(
    running: &Running<'_>,
    request: &ExportRequest,
    staged: &TaskTracker,
) -> Result<WorkspaceExport, WorkspaceError> {
    let wanted = DiffRequest {
        path: Some(request.path.clone()),
        renames: request.renames,
        include_ignored: request.include_ignored,
        redact: request.redact,
        ..DiffRequest::default()
    };
    let (diff, hidden) = diff::changes(running, &wanted).await?;
    let left_out: Vec<_> =
        diff.left_out().map(|entry| of_patch(&entry.path)).take(LEFT_OUT).collect();
    let left_out_count = diff.left_out().count();
    let entry_count = (diff.entries.len() - left_out_count) as u64;
    let text = diff.patch();
    let (force, bytes) = (request.force, text.len() as u64);
    let output = place(running.config, request, false).await?;
    let at = output.place();
    let output = Staged::new(output, staged);
    let write = move |output| {
        let mut file = NewFile::beside(output)?;
        std::io::Write::write_all(&mut file, text.as_bytes())
            .map_err(|source| file.failed(source))?;
        file.appear(force)
    };
    blocking(move || Ok(output.last(write))).await?.map_err(FileError::from)?;
    Ok(WorkspaceExport {
        entry_count,
        bytes_written: bytes,
        left_out,
        left_out_count: left_out_count as u64,
        ignored: (hidden.count > 0).then_some(hidden.count),
        ignored_paths: hidden.paths,
        ..WorkspaceExport::begun(running, request, &at)
    })
}

impl WorkspaceExport {
    fn begun(running: &Running<'_>, request: &ExportRequest, at: &Path) -> Self {
        Self {
            workspace_id: running.workspace.id,
            workspace_path: request.path.to_text(),
            output_path: at.to_string_lossy().into_owned(),
            artifact_type: "file",
            entry_count: 0,
            bytes_written: 0,
            execution_mode: running.vm.execution_mode,
            format: match request.format {
                ExportFormat::Directory => "dir",
                ExportFormat::Tar => "tar",
                ExportFormat::Patch => "patch",
            },
            left_out: Vec::new(),
            left_out_count: 0,
            is_git_guarded: false,
            ignored: None,
            ignored_paths: Vec::new(),
        }
    }
}

fn of_patch(path: &TreePath) -> LeftOut {
    let path = WorkspacePath::root().join(path).to_text();
    LeftOut { path, why: "left out: too large for a patch".to_owned() }
}

fn of_odd(root: &WorkspacePath, path: &TreePath, odd: &Odd) -> LeftOut {
    let errno = |errno: u16| std::io::Error::from_raw_os_error(i32::from(errno));
    let why = match odd {
        Odd::Unreadable(number) => format!("left out: {}", errno(*number)),
        Odd::Special(kind) => format!("left out: it is a {}", kind.name()),
        Odd::CutShort(number) => format!("cut short: {}", errno(*number)),
        Odd::Changed => "changed while it was read".to_owned(),
        Odd::Attributes => "its extended attributes were not carried".to_owned(),
        Odd::Bits(bits) => {
            let user = if bits & 0o4000 == 0 { None } else { Some("setuid") };
            let group = if bits & 0o2000 == 0 { None } else { Some("setgid") };
            let named: Vec<_> = user.into_iter().chain(group).collect();
            format!("made without its {} bit", named.join(" and "))
        }
    };
    LeftOut { path: root.join(path).to_text(), why }
}

/// Something that is being made on the host, and what looks at all that goes into it.
struct Guarded<T> {
    guard: GitGuard,
    masked: Masked,
    made: T,
}

/// Something that is being made on the host, and what says that it is gone, or stands there.
struct Staged<T> {
    made: T,
    /// Dropped last.
    held: TaskTrackerToken,
}

impl<T> Staged<T> {
    fn new(made: T, staged: &TaskTracker) -> Self {
        Self { made, held: staged.token() }
    }

    /// The last that is done with it.
    fn last<R>(self, act: impl FnOnce(T) -> R) -> R {
        let done = act(self.made);
        drop(self.held);
        done
    }
}

/// What was made of a stream.
struct Sum {
    entries: u64,
    bytes: u64,
    /// The first that are not there as they were.
    odd: Vec<(TreePath, Odd)>,
    /// How many there are.
    odd_count: u64,
}

/// An archive that is being received.
struct Tar {
    writer: TarWriter<NewFile>,
    force: bool,
    bytes: u64,
}

impl Tar {
    fn new(output: Output, force: bool) -> Result<Self, OutputFileError> {
        let file = NewFile::beside(output)?;
        Ok(Self { writer: TarWriter::new(file, u64::MAX), force, bytes: 0 })
    }

    fn put(&mut self, record: &Record<'_>) -> Result<(), SinkError> {
        if let Record::Data { bytes, .. } = record {
            self.bytes += bytes.len() as u64;
        }
        self.writer.put(record)
    }

    fn finish(self) -> Result<Sum, SinkError> {
        let (entries, odd_count) = (self.writer.entries(), self.writer.odd_count());
        let (file, odd) = self.writer.finish::<SinkError>()?;
        file.appear(self.force).map_err(|error| SinkError::File(error.into()))?;
        Ok(Sum { entries, bytes: self.bytes, odd, odd_count })
    }
}
