"""Results about snapshots of workspaces."""

from __future__ import annotations

from typing import Literal, TypedDict

from .arguments import ExecutionMode


class Snapshot(TypedDict):
    """A snapshot; the counts are those of ``/workspace``, where they could be made."""

    workspace_id: str
    snapshot_name: str
    kind: Literal["baseline", "named"]
    created_at: float
    entry_count: int | None
    bytes_written: int | None
    deletable: bool


class SnapshotCreated(TypedDict):
    """A snapshot that was taken; ``held_ms`` is how long the workspace's writes waited."""

    workspace_id: str
    snapshot: Snapshot
    execution_mode: ExecutionMode
    held_ms: int


class SnapshotList(TypedDict):
    """The snapshots of a workspace: its baseline, then the others, the newest first."""

    workspace_id: str
    count: int
    snapshots: list[Snapshot]


class SnapshotDeleted(TypedDict):
    """That a snapshot is gone."""

    workspace_id: str
    snapshot_name: str
    deleted: bool
