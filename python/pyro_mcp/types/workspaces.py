"""Results about workspaces."""

from __future__ import annotations

from typing import Literal, TypedDict

from .arguments import CommandState, ExecutionMode, NetworkPolicy, VmState
from .files import LeftOut
from .secrets import SecretInfo
from .vms import CommandResult


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
    secrets: list[SecretInfo]
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
    entry_count: int | None
    bytes_written: int | None


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
