"""Results about disks of workspaces."""

from __future__ import annotations

from typing import Literal, TypedDict

from .arguments import DiskFormat
from .files import ListedFile


class DiskList(TypedDict):
    """A page of the files on a disk."""

    workspace_id: str
    path: str
    recursive: bool
    snapshot: str | None
    entries: list[ListedFile]
    count: int
    next_after: str | None


class DiskReadOptional(TypedDict, total=False):
    real_path: str


class DiskRead(DiskReadOptional):
    """A part of a file on a disk, as text."""

    workspace_id: str
    path: str
    snapshot: str | None
    size_bytes: int
    max_bytes: int
    offset: int
    bytes_read: int
    content: str
    content_encoding: Literal["utf-8", "utf-8-replaced"]
    truncated: bool
    mode: str
    mtime: float


class DiskExport(TypedDict):
    """A disk that was exported; ``bytes_written`` is its size, though its file is sparse.

    With ``needs_recovery`` its guest did not unmount it: the first mount replays its journal.
    """

    workspace_id: str
    output_path: str
    disk_format: DiskFormat
    bytes_written: int
    snapshot: str | None
    needs_recovery: bool
