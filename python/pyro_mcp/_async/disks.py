# Written by python/tools/twins.py from ../_sync/disks.py; change that file.
"""Methods on disks of workspaces that are stopped, and on those of snapshots."""

from __future__ import annotations

import os

from .. import _arguments
from .base import Base

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..types import DiskExport, DiskFormat, DiskList, DiskRead, Path

# Bytes of one page where all of a file is read: the most that one operation reads.
_PAGE = 1 << 20


class Disks(Base):
    """Methods on disks of workspaces, without a guest."""

    async def list_workspace_disk(
        self,
        workspace_id: str,
        *,
        path: Path = "/workspace",
        recursive: bool = False,
        snapshot: str | None = None,
        after: Path | None = None,
        limit: int = 1000,
    ) -> DiskList:
        """List a page of the files on the disk of a stopped workspace.

        ``path`` may be anywhere on the disk. With ``snapshot`` it is that snapshot's disk, and the
        workspace may run. The next page begins after ``next_after``.
        """
        call = self._native.list_workspace_disk(
            {
                "workspace_id": workspace_id,
                "path": _arguments.guest_path(path),
                "recursive": recursive,
                "snapshot": snapshot,
                "after": None if after is None else _arguments.guest_path(after),
                "limit": limit,
            }
        )
        listed: DiskList = await self._finish(call)
        return listed

    async def read_workspace_disk(
        self,
        workspace_id: str,
        path: Path,
        *,
        max_bytes: int = 65536,
        offset: int = 0,
        snapshot: str | None = None,
    ) -> DiskRead:
        """Read a part of a file on the disk of a stopped workspace, or of a snapshot, as text."""
        call = self._native.read_workspace_disk(
            {
                "workspace_id": workspace_id,
                "path": _arguments.guest_path(path),
                "offset": offset,
                "max_bytes": max_bytes,
                "snapshot": snapshot,
            }
        )
        read: DiskRead = await self._finish(call)
        return read

    async def read_disk_bytes(
        self, workspace_id: str, path: Path, *, snapshot: str | None = None
    ) -> bytes:
        """Read a whole file on the disk of a stopped workspace, or of a snapshot, as it is."""
        place = _arguments.guest_path(path)
        pages: list[bytes] = []
        offset: int | None = 0
        while offset is not None:
            page, offset = await self._finish(
                self._native.read_disk_bytes(
                    {
                        "workspace_id": workspace_id,
                        "path": place,
                        "offset": offset,
                        "max_bytes": _PAGE,
                        "snapshot": snapshot,
                    }
                )
            )
            pages.append(page)
        return b"".join(pages)

    async def export_workspace_disk(
        self,
        workspace_id: str,
        *,
        output_path: Path,
        format: DiskFormat = "ext4",
        snapshot: str | None = None,
        force: bool = False,
    ) -> DiskExport:
        """Put the disk of a stopped workspace, or of a snapshot, on the host as one file.

        The file is sparse, appears whole or not at all, and replaces nothing without ``force``.
        """
        call = self._native.export_workspace_disk(
            {
                "workspace_id": workspace_id,
                "output_path": _arguments.host_path(output_path),
                "kept": [os.path.expanduser("~"), os.getcwd()],
                "format": format,
                "snapshot": snapshot,
                "force": force,
            }
        )
        exported: DiskExport = await self._finish(call)
        return exported
