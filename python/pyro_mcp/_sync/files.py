"""Methods on a workspace's files."""

from __future__ import annotations

import os

from .. import _arguments
from .base import Base

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..types import (
        ExportFormat,
        FileList,
        FileRead,
        FileWritten,
        Path,
        WorkspaceDiff,
        WorkspaceExport,
        WorkspacePatch,
        WorkspaceSync,
    )

# Bytes of one page where all of a file is read: the most that one operation reads.
_PAGE = 1 << 20


class Files(Base):
    """Methods on a workspace's files."""

    def push_workspace_sync(
        self,
        workspace_id: str,
        source_path: Path,
        *,
        dest: Path = "/workspace",
        delete: bool = False,
        respect_ignore: bool | None = None,
        dry_run: bool = False,
    ) -> WorkspaceSync:
        """Copy a directory of the host or an archive into a workspace; only what differs is sent.

        Where ``respect_ignore`` is not given, files that git ignores are treated as the seed's
        were.
        """
        call = self._native.push_workspace_sync(
            {
                "workspace_id": workspace_id,
                "source_path": _arguments.host_path(source_path),
                "dest": _arguments.guest_path(dest),
                "delete": delete,
                "respect_ignore": respect_ignore,
                "dry_run": dry_run,
            }
        )
        pushed: WorkspaceSync = self._finish(call)
        return pushed

    def list_workspace_files(
        self,
        workspace_id: str,
        *,
        path: Path = "/workspace",
        recursive: bool = False,
        after: Path | None = None,
        limit: int = 1000,
    ) -> FileList:
        """List a page of a workspace's files; the next page begins after ``next_after``."""
        call = self._native.list_workspace_files(
            {
                "workspace_id": workspace_id,
                "path": _arguments.guest_path(path),
                "recursive": recursive,
                "after": None if after is None else _arguments.guest_path(after),
                "limit": limit,
            }
        )
        listed: FileList = self._finish(call)
        return listed

    def read_workspace_file(
        self,
        workspace_id: str,
        path: Path,
        *,
        max_bytes: int = 65536,
        offset: int = 0,
        redact: bool = False,
    ) -> FileRead:
        """Read a part of a file as text.

        With ``redact`` marks stand for the workspace's secrets.
        """
        call = self._native.read_workspace_file(
            {
                "workspace_id": workspace_id,
                "path": _arguments.guest_path(path),
                "offset": offset,
                "max_bytes": max_bytes,
                "redact": redact,
            }
        )
        read: FileRead = self._finish(call)
        return read

    def read_workspace_bytes(self, workspace_id: str, path: Path) -> bytes:
        """Read a whole file as it is."""
        place = _arguments.guest_path(path)
        pages: list[bytes] = []
        offset: int | None = 0
        while offset is not None:
            page, offset = self._finish(
                self._native.read_workspace_bytes(
                    {
                        "workspace_id": workspace_id,
                        "path": place,
                        "offset": offset,
                        "max_bytes": _PAGE,
                    }
                )
            )
            pages.append(page)
        return b"".join(pages)

    def write_workspace_file(
        self,
        workspace_id: str,
        path: Path,
        *,
        text: str | bytes | bytearray | memoryview,
        mode: int | None = None,
    ) -> FileWritten:
        """Write a file whole or not at all.

        Without ``mode`` an existing file keeps its own, and a new one is 0644.
        """
        call = self._native.write_workspace_file(
            {
                "workspace_id": workspace_id,
                "path": _arguments.guest_path(path),
                "text": _arguments.content(text, "text"),
                "mode": mode,
            }
        )
        written: FileWritten = self._finish(call)
        return written

    def diff_workspace(
        self,
        workspace_id: str,
        *,
        path: Path | None = None,
        from_: str = "baseline",
        to: str = "now",
        find_renames: bool = False,
        include_ignored: bool = False,
        redact: bool = False,
    ) -> WorkspaceDiff:
        """Compare a workspace with what it was when it was created, or two of its states.

        ``from_`` and ``to`` are names of snapshots, ``"baseline"`` or ``"now"``. The ``patch`` is
        one that ``git apply`` and ``apply_workspace_patch`` take. With ``redact`` marks stand for
        the workspace's secrets.
        """
        call = self._native.diff_workspace(
            {
                "workspace_id": workspace_id,
                "path": None if path is None else _arguments.guest_path(path),
                "from_": from_,
                "to": to,
                "find_renames": find_renames,
                "include_ignored": include_ignored,
                "redact": redact,
            }
        )
        diff: WorkspaceDiff = self._finish(call)
        return diff

    def apply_workspace_patch(
        self, workspace_id: str, *, patch: str | bytes | bytearray | memoryview
    ) -> WorkspacePatch:
        """Apply a patch to a workspace, as a whole or not at all."""
        call = self._native.apply_workspace_patch(
            {"workspace_id": workspace_id, "patch": _arguments.content(patch, "patch")}
        )
        applied: WorkspacePatch = self._finish(call)
        return applied

    def export_workspace(
        self,
        workspace_id: str,
        path: Path,
        *,
        output_path: Path,
        force: bool = False,
        format: ExportFormat = "dir",
        find_renames: bool = False,
        include_ignored: bool = False,
        redact: bool = False,
        keep_git_config: bool = False,
    ) -> WorkspaceExport:
        """Copy a file or a tree of a workspace, or its changes, to the host.

        It appears whole or not at all, and replaces nothing without ``force``. With ``redact``
        marks stand for the workspace's secrets.
        """
        call = self._native.export_workspace(
            {
                "workspace_id": workspace_id,
                "path": _arguments.guest_path(path),
                "output_path": _arguments.host_path(output_path),
                "kept": [os.path.expanduser("~"), os.getcwd()],
                "force": force,
                "format": format,
                "find_renames": find_renames,
                "include_ignored": include_ignored,
                "redact": redact,
                "keep_git_config": keep_git_config,
            }
        )
        exported: WorkspaceExport = self._finish(call)
        return exported
