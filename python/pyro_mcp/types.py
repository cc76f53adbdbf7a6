"""The dictionaries that operations return, field by field, and the types of their arguments.

Times are seconds since 1970. A class ``SomethingOptional`` holds the fields that are there only
where there is something to tell.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import IO, Literal, TypedDict, Union

Path = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
"""A path of the host, or of the guest."""

Input = Union[str, bytes, bytearray, memoryview, IO[bytes], IO[str]]
"""What a command reads: text, bytes, or a file with a descriptor."""

OnOutput = Callable[[str], object]
"""Takes output as text, as it comes; invalid UTF-8 is replaced."""

OnOutputAsync = Callable[[str], object]
"""As ``OnOutput``; it may be a coroutine function."""

Shell = Literal["login", "bash", "sh"]
NetworkPolicy = Literal["off", "egress", "egress+published-ports"]
ExportFormat = Literal["dir", "tar", "patch"]
Profile = Literal["vm-run", "workspace-core", "workspace-full", "task"]
Transport = Literal["stdio", "http"]
ExecutionMode = Literal["pending", "guest_kvm", "guest_tcg", "host_compat"]
VmState = Literal["created", "starting", "started", "stopping", "stopped", "deleting"]
CommandState = Literal["running", "ended", "interrupted", "lost", "abandoned"]


class EnvironmentOptional(TypedDict, total=False):
    install_manifest: str


class Environment(EnvironmentOptional):
    """An environment of the catalog."""

    name: str
    version: str
    description: str
    default_packages: list[str]
    distribution: str
    distribution_version: str
    platform: str
    oci_registry: str | None
    oci_repository: str | None
    oci_reference: str | None
    source_digest: str | None
    compatibility: str
    catalog_version: str
    installed: bool
    cache_dir: str
    install_dir: str


class InstalledEnvironment(Environment):
    """An environment that was installed, or found to be."""

    kernel_image: str
    rootfs_image: str
    source: str


class PrunedEnvironments(TypedDict):
    """What was removed of the cache."""

    count: int
    deleted_environment_dirs: list[str]


class CommandOutputOptional(TypedDict, total=False):
    stdout_base64: str
    stderr_base64: str


class CommandOutput(CommandOutputOptional):
    """The output of a command: the text that fits in a result, and where the whole is.

    ``*_file`` is a name for ``read_output``, where something was left out.
    """

    stdout: str
    stderr: str
    stdout_encoding: Literal["utf-8", "utf-8-replaced"]
    stderr_encoding: Literal["utf-8", "utf-8-replaced"]
    stdout_truncated: bool
    stderr_truncated: bool
    stdout_bytes: int
    stderr_bytes: int
    stdout_file: str | None
    stderr_file: str | None


class CommandResultOptional(TypedDict, total=False):
    out_of_memory: str


class CommandResult(CommandOutput, CommandResultOptional):
    """How a command ended, and its output.

    ``exit_code`` is as a shell has it: 128+n for signal n, 124 where its time was over.
    """

    command: str
    exit_code: int | None
    signal: int | None
    timed_out: bool
    duration_ms: int
    execution_mode: ExecutionMode


class VmDeleted(TypedDict):
    """That a vm is gone."""

    vm_id: str
    deleted: bool
    reason: Literal["explicit_delete", "post_exec_cleanup"]


class VmExec(CommandResult):
    """A command that ran in a vm, which is gone since."""

    vm_id: str
    environment: str
    environment_version: str | None
    cleanup: VmDeleted


class Vm(TypedDict):
    """A vm."""

    vm_id: str
    environment: str
    environment_version: str | None
    vcpu_count: int
    mem_mib: int
    ttl_seconds: int
    created_at: float
    expires_at: float | None
    state: VmState
    network_enabled: bool
    allow_host_compat: bool
    guest_ip: str | None
    tap_name: str | None
    execution_mode: ExecutionMode
    metadata: dict[str, str]
    last_error: str | None


class VmNetwork(TypedDict):
    """The network of a vm."""

    vm_id: str
    network_enabled: bool
    outbound_connectivity_expected: bool
    reason: str


class ReapedVms(TypedDict):
    """The vms whose lifetime was over."""

    count: int
    deleted_vm_ids: list[str]


class OutputPage(TypedDict):
    """A page of a command's output."""

    name: str
    offset: int
    next_offset: int | None
    total_bytes: int
    output_bytes: int
    text: str
    encoding: Literal["utf-8", "utf-8-replaced"]


class LeftOut(TypedDict):
    """A file that was not carried, or not whole, and why."""

    path: str
    why: str


class SeedOptional(TypedDict, total=False):
    left_out: list[LeftOut]
    left_out_count: int
    git_note: str


class Seed(SeedOptional):
    """What a workspace was first filled with."""

    mode: Literal["empty", "directory", "tar_archive"]
    seed_path: str | None
    destination: str
    entry_count: int
    bytes_written: int
    respect_ignore: bool


class LastCommand(TypedDict):
    """A command of a workspace, in short."""

    sequence: int
    command: str
    cwd: str
    state: CommandState
    exit_code: int | None
    duration_ms: int
    execution_mode: ExecutionMode


class WorkspaceFields(TypedDict):
    """A workspace, without its id."""

    name: str | None
    labels: dict[str, str]
    environment: str
    environment_version: str | None
    vcpu_count: int
    mem_mib: int
    ttl_seconds: int
    created_at: float
    last_activity_at: float
    expires_at: float | None
    state: VmState
    network_policy: NetworkPolicy
    network_enabled: bool
    allow_host_compat: bool
    guest_ip: str | None
    tap_name: str | None
    execution_mode: ExecutionMode
    workspace_path: str
    workspace_seed: Seed
    secrets: list[str]
    command_count: int
    last_command: LastCommand | None
    reset_count: int
    last_reset_at: float | None
    service_count: int
    running_service_count: int
    metadata: dict[str, str]
    change: str | None
    last_error: str | None


class WorkspaceInfo(WorkspaceFields):
    """A workspace."""

    workspace_id: str


class WorkspaceSummary(TypedDict):
    """A workspace in a list."""

    workspace_id: str
    name: str | None
    labels: dict[str, str]
    environment: str
    state: VmState
    created_at: float
    last_activity_at: float
    expires_at: float | None
    command_count: int
    service_count: int
    running_service_count: int


class WorkspaceListOptional(TypedDict, total=False):
    broken: list[str]


class WorkspaceList(WorkspaceListOptional):
    """All workspaces, the one with the newest activity first."""

    count: int
    workspaces: list[WorkspaceSummary]


class WorkspaceDeleted(TypedDict):
    """That a workspace is gone."""

    workspace_id: str
    deleted: bool
    reason: Literal["explicit_delete"]


class ResetTo(TypedDict):
    """What a reset went back to."""

    snapshot_name: str
    kind: Literal["baseline", "named"]
    destination: str
    entry_count: int
    bytes_written: int


class WorkspaceReset(WorkspaceInfo):
    """A workspace after it was reset."""

    workspace_reset: ResetTo


class WorkspaceForks(TypedDict):
    """Workspaces that were made from one."""

    workspace_id: str
    count: int
    workspaces: list[WorkspaceInfo]
    held_ms: int


class ExecOptional(TypedDict, total=False):
    not_recorded: str


class ExecFields(CommandResult, ExecOptional):
    """A command that ran in a workspace, without its id."""

    environment: str
    environment_version: str | None
    sequence: int
    cwd: str
    user: str | None


class WorkspaceExec(ExecFields):
    """A command that ran in a workspace."""

    workspace_id: str


class LogEntry(CommandResult):
    """A command of a workspace's history."""

    sequence: int
    cwd: str
    user: str | None
    state: CommandState
    recorded_at: float


class BackgroundOutput(TypedDict):
    """What a command left in the background has printed."""

    sequence: int
    command: str
    pid: int
    running: bool
    bytes: int
    truncated: bool
    output: str
    encoding: Literal["utf-8", "utf-8-replaced"]


class LogsOptional(TypedDict, total=False):
    background: list[BackgroundOutput]


class LogsFields(LogsOptional):
    """A page of the history, without the workspace's id."""

    count: int
    entries: list[LogEntry]
    next_after: int | None


class WorkspaceLogs(LogsFields):
    """A page of a workspace's history, oldest first."""

    workspace_id: str


class PushedOptional(TypedDict, total=False):
    left_out: list[LeftOut]
    git_note: str


class Pushed(PushedOptional):
    """What was pushed."""

    mode: Literal["directory", "tar_archive"]
    source_path: str
    destination: str
    entry_count: int
    bytes_written: int
    unchanged: int
    deleted: int
    changed: bool
    dry_run: bool
    left_out_count: int
    respect_ignore: bool


class SyncFields(TypedDict):
    """A push that is done, without the workspace's id."""

    execution_mode: ExecutionMode
    workspace_sync: Pushed


class WorkspaceSync(SyncFields):
    """A push that is done."""

    workspace_id: str


class ListedFile(TypedDict):
    """An entry of a list of files; a path that is not UTF-8 stands in quotes, as git writes it."""

    path: str
    artifact_type: str
    size_bytes: int
    link_target: str | None
    mode: str
    mtime: float


class FileList(TypedDict):
    """A page of files."""

    workspace_id: str
    path: str
    recursive: bool
    entries: list[ListedFile]
    count: int
    next_after: str | None
    execution_mode: ExecutionMode


class FileReadOptional(TypedDict, total=False):
    real_path: str


class FileRead(FileReadOptional):
    """A part of a file, as text."""

    workspace_id: str
    path: str
    size_bytes: int
    max_bytes: int
    offset: int
    bytes_read: int
    content: str
    content_encoding: Literal["utf-8", "utf-8-replaced"]
    truncated: bool
    mode: str
    mtime: float
    execution_mode: ExecutionMode


class FileWritten(TypedDict):
    """A file that was written."""

    workspace_id: str
    path: str
    size_bytes: int
    bytes_written: int
    mode: str
    execution_mode: ExecutionMode


class DiffSummaryOptional(TypedDict, total=False):
    renamed: int


class DiffSummary(DiffSummaryOptional):
    """How many paths changed, and how."""

    total: int
    added: int
    modified: int
    deleted: int
    type_changed: int
    text_patched: int
    non_text: int


class DiffEntryOptional(TypedDict, total=False):
    old_path: str


class DiffEntry(DiffEntryOptional):
    """A path that changed, relative to ``/workspace``."""

    path: str
    status: Literal["added", "modified", "deleted", "type_changed", "renamed"]
    artifact_type: str
    text_patch: str | None
    patch_form: str
    added_lines: int
    deleted_lines: int
    old_mode: str | None
    new_mode: str | None


class DiffOptional(TypedDict, total=False):
    not_in_patch: list[str]
    ignored: int
    ignored_paths: list[str]


class WorkspaceDiff(DiffOptional):
    """What changed in a workspace since it was created."""

    workspace_id: str
    changed: bool
    summary: DiffSummary
    entries: list[DiffEntry]
    patch: str
    patch_complete: bool


class PatchSummary(TypedDict):
    """How many paths a patch touched, and how."""

    total: int
    added: int
    modified: int
    deleted: int


class PatchEntry(TypedDict):
    """A path that a patch touched."""

    path: str
    status: Literal["added", "modified", "deleted"]


class PatchOptional(TypedDict, total=False):
    skipped: list[str]


class WorkspacePatch(PatchOptional):
    """A patch that was applied."""

    workspace_id: str
    changed: bool
    summary: PatchSummary
    entries: list[PatchEntry]
    patch: str
    execution_mode: ExecutionMode


class ExportOptional(TypedDict, total=False):
    ignored: int
    ignored_paths: list[str]


class WorkspaceExport(ExportOptional):
    """An export that is done."""

    workspace_id: str
    workspace_path: str
    output_path: str
    artifact_type: Literal["file", "directory", "symlink"]
    entry_count: int
    bytes_written: int
    execution_mode: ExecutionMode
    format: ExportFormat
    left_out: list[LeftOut]
    left_out_count: int


class Task(WorkspaceFields):
    """A workspace by its oldest name."""

    task_id: str


class TaskExec(ExecFields):
    """A command that ran in a task."""

    task_id: str


class TaskLogs(LogsFields):
    """A page of a task's history, oldest first."""

    task_id: str


class TaskSync(SyncFields):
    """A push that is done."""

    task_id: str


class TaskDeleted(TypedDict):
    """That a task is gone."""

    task_id: str
    deleted: bool
    reason: Literal["explicit_delete"]
