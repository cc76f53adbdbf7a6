"""Results about a workspace's files."""

from __future__ import annotations

from typing import Literal, TypedDict

from .arguments import ExecutionMode, ExportFormat


class LeftOut(TypedDict):
    """A file that was not carried, or not whole, and why."""

    path: str
    why: str


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
