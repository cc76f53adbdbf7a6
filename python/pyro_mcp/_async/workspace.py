# Written by python/tools/twins.py from ../_sync/workspace.py; change that file.
"""``AsyncWorkspace``: a workspace as an object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from ..errors import NotFoundError, PyroError
from ..types import (
    DiskExport,
    DiskFormat,
    DiskList,
    DiskRead,
    ExportFormat,
    FileList,
    FileRead,
    FileWritten,
    Input,
    OnOutputAsync,
    Path,
    Readiness,
    ServiceList,
    Shell,
    ShellList,
    SnapshotCreated,
    SnapshotDeleted,
    SnapshotList,
    WorkspaceDeleted,
    WorkspaceDiff,
    WorkspaceExec,
    WorkspaceExport,
    WorkspaceInfo,
    WorkspaceLogs,
    WorkspacePatch,
    WorkspaceReset,
    WorkspaceSync,
)
from .client import AsyncPyro
from .service import AsyncWorkspaceService
from .shell import AsyncWorkspaceShell
from .stream import AsyncCommandStream


class AsyncWorkspace:
    """A workspace, as ``AsyncPyro.workspace`` and ``AsyncPyro.open_workspace`` give it.

    In an ``async with`` statement it is created at the start, unless it is there already, and
    deleted at the end, unless it is to be kept.
    """

    def __init__(
        self,
        pyro: AsyncPyro,
        workspace_id: str | None = None,
        *,
        keep: bool,
        create: Mapping[str, Any] | None = None,
    ) -> None:
        self.pyro = pyro
        self.keep = keep
        self._id = workspace_id
        self._create = dict(create or {})

    @property
    def id(self) -> str:
        """Its id."""
        if self._id is None:
            raise ValueError("the workspace is not created yet: use it in a with statement")
        return self._id

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id or 'not created'}>"

    async def create(self) -> WorkspaceInfo:
        """Create it, where that is not left to an ``async with`` statement."""
        if self._id is not None:
            raise ValueError(f"workspace {self._id} is created already")
        created = await self.pyro.create_workspace(**self._create)
        self._id = created["workspace_id"]
        return created

    async def __aenter__(self) -> AsyncWorkspace:
        if self._id is None:
            await self.create()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.keep:
            return
        try:
            await self.delete()
        except NotFoundError:
            pass  # The block has deleted it.
        except PyroError as failure:
            if error is None:
                raise
            # What went wrong first is what is raised.
            if add_note := getattr(error, "add_note", None):
                add_note(f"workspace {self.id} was not deleted: {failure}")

    async def exec(
        self,
        command: str,
        *,
        timeout_seconds: int = 30,
        secret_env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        shell: Shell = "login",
        stdin: Input | None = None,
        check: bool = False,
        on_stdout: OnOutputAsync | None = None,
        on_stderr: OnOutputAsync | None = None,
    ) -> WorkspaceExec:
        """Run a command; see ``AsyncPyro.exec_workspace``."""
        return await self.pyro.exec_workspace(
            self.id,
            command=command,
            timeout_seconds=timeout_seconds,
            secret_env=secret_env,
            cwd=cwd,
            env=env,
            user=user,
            shell=shell,
            stdin=stdin,
            check=check,
            on_stdout=on_stdout,
            on_stderr=on_stderr,
        )

    def stream(
        self,
        command: str,
        *,
        timeout_seconds: int = 30,
        secret_env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        shell: Shell = "login",
        stdin: Input | None = None,
        check: bool = False,
    ) -> AsyncCommandStream[WorkspaceExec]:
        """Run a command, and iterate over its output as it comes."""
        return self.pyro.stream_workspace(
            self.id,
            command=command,
            timeout_seconds=timeout_seconds,
            secret_env=secret_env,
            cwd=cwd,
            env=env,
            user=user,
            shell=shell,
            stdin=stdin,
            check=check,
        )

    async def read(
        self, path: Path, *, max_bytes: int = 65536, offset: int = 0, redact: bool = False
    ) -> FileRead:
        """Read a part of a file as text."""
        return await self.pyro.read_workspace_file(
            self.id, path, max_bytes=max_bytes, offset=offset, redact=redact
        )

    async def read_bytes(self, path: Path) -> bytes:
        """Read a whole file as it is."""
        return await self.pyro.read_workspace_bytes(self.id, path)

    async def write(
        self,
        path: Path,
        text: str | bytes | bytearray | memoryview,
        *,
        mode: int | None = None,
    ) -> FileWritten:
        """Write a file whole or not at all."""
        return await self.pyro.write_workspace_file(self.id, path, text=text, mode=mode)

    async def list(
        self,
        path: Path = "/workspace",
        *,
        recursive: bool = False,
        after: Path | None = None,
        limit: int = 1000,
    ) -> FileList:
        """List a page of files."""
        return await self.pyro.list_workspace_files(
            self.id, path=path, recursive=recursive, after=after, limit=limit
        )

    async def patch(self, patch: str | bytes | bytearray | memoryview) -> WorkspacePatch:
        """Apply a patch, as a whole or not at all."""
        return await self.pyro.apply_workspace_patch(self.id, patch=patch)

    async def diff(
        self,
        path: Path | None = None,
        *,
        from_: str = "baseline",
        to: str = "now",
        find_renames: bool = False,
        include_ignored: bool = False,
        redact: bool = False,
    ) -> WorkspaceDiff:
        """Compare it with what it was when it was created, or two of its states."""
        return await self.pyro.diff_workspace(
            self.id,
            path=path,
            from_=from_,
            to=to,
            find_renames=find_renames,
            include_ignored=include_ignored,
            redact=redact,
        )

    async def push(
        self,
        source_path: Path,
        *,
        dest: Path = "/workspace",
        delete: bool = False,
        respect_ignore: bool | None = None,
        dry_run: bool = False,
    ) -> WorkspaceSync:
        """Copy a directory of the host or an archive into it; only what differs is sent."""
        return await self.pyro.push_workspace_sync(
            self.id,
            source_path,
            dest=dest,
            delete=delete,
            respect_ignore=respect_ignore,
            dry_run=dry_run,
        )

    async def export(
        self,
        path: Path,
        output_path: Path,
        *,
        force: bool = False,
        format: ExportFormat = "dir",
        find_renames: bool = False,
        include_ignored: bool = False,
        redact: bool = False,
        keep_git_config: bool = False,
    ) -> WorkspaceExport:
        """Copy a file or a tree, or its changes, to the host."""
        return await self.pyro.export_workspace(
            self.id,
            path,
            output_path=output_path,
            force=force,
            format=format,
            find_renames=find_renames,
            include_ignored=include_ignored,
            redact=redact,
            keep_git_config=keep_git_config,
        )

    async def fork(self, count: int = 1, *, name: str | None = None) -> Sequence[AsyncWorkspace]:
        """Make new workspaces from its present disk; it goes on."""
        forks = await self.pyro.fork_workspace(self.id, count=count, name=name)
        return [
            type(self)(self.pyro, fork["workspace_id"], keep=False)
            for fork in forks["workspaces"]
        ]

    async def logs(
        self, *, after: int = 0, limit: int = 100, background: bool = False
    ) -> WorkspaceLogs:
        """Read a page of its history, oldest command first."""
        return await self.pyro.logs_workspace(
            self.id, after=after, limit=limit, background=background
        )

    async def status(self) -> WorkspaceInfo:
        """Describe it as it is now."""
        return await self.pyro.status_workspace(self.id)

    async def update(
        self,
        *,
        name: str | None = None,
        clear_name: bool = False,
        labels: Mapping[str, str] | None = None,
        clear_labels: Sequence[str] | None = None,
        ttl_seconds: int | None = None,
    ) -> WorkspaceInfo:
        """Change its name, labels and lifetime."""
        return await self.pyro.update_workspace(
            self.id,
            name=name,
            clear_name=clear_name,
            labels=labels,
            clear_labels=clear_labels,
            ttl_seconds=ttl_seconds,
        )

    async def snapshot(self, snapshot_name: str) -> SnapshotCreated:
        """Take a snapshot of its whole disk; it goes on."""
        return await self.pyro.create_snapshot(self.id, snapshot_name)

    async def snapshots(self) -> SnapshotList:
        """List its snapshots: its baseline, then the others, the newest first."""
        return await self.pyro.list_snapshots(self.id)

    async def delete_snapshot(self, snapshot_name: str) -> SnapshotDeleted:
        """Delete a snapshot."""
        return await self.pyro.delete_snapshot(self.id, snapshot_name)

    async def reset(self, snapshot: str = "baseline") -> WorkspaceReset:
        """Put its whole disk back to its baseline or to a snapshot."""
        return await self.pyro.reset_workspace(self.id, snapshot=snapshot)

    def shell(
        self,
        *,
        cwd: Path = "/workspace",
        cols: int = 120,
        rows: int = 30,
        secret_env: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> AsyncWorkspaceShell:
        """An interactive shell, for an ``async with`` statement that opens and closes it."""
        options = {"cwd": cwd, "cols": cols, "rows": rows, "env": env, "user": user}
        return AsyncWorkspaceShell(self.pyro, self.id, {**options, "secret_env": secret_env})

    async def shells(self) -> ShellList:
        """List its shells, oldest first."""
        return await self.pyro.list_shells(self.id)

    def service(
        self,
        service_name: str,
        command: str | None = None,
        *,
        cwd: Path = "/workspace",
        readiness: Readiness | Mapping[str, str] | None = None,
        ready_timeout_seconds: int = 30,
        ready_interval_ms: int = 500,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        restart: bool = False,
    ) -> AsyncWorkspaceService:
        """A service: with a ``command`` one to start, for an ``async with`` statement that stops it again.

        See ``AsyncPyro.start_service``. Without a ``command`` it is one that was started before.
        """
        options = {
            "command": command,
            "cwd": cwd,
            "readiness": readiness,
            "ready_timeout_seconds": ready_timeout_seconds,
            "ready_interval_ms": ready_interval_ms,
            "env": env,
            "user": user,
            "restart": restart,
        }
        start = None if command is None else options
        return AsyncWorkspaceService(self.pyro, self.id, service_name, start)

    async def services(self) -> ServiceList:
        """List its services by their names; those that have ended too."""
        return await self.pyro.list_services(self.id)

    async def disk_list(
        self,
        path: Path = "/workspace",
        *,
        recursive: bool = False,
        snapshot: str | None = None,
        after: Path | None = None,
        limit: int = 1000,
    ) -> DiskList:
        """List a page of the files on its disk while it is stopped, or on that of a snapshot."""
        return await self.pyro.list_workspace_disk(
            self.id,
            path=path,
            recursive=recursive,
            snapshot=snapshot,
            after=after,
            limit=limit,
        )

    async def disk_read(
        self,
        path: Path,
        *,
        max_bytes: int = 65536,
        offset: int = 0,
        snapshot: str | None = None,
    ) -> DiskRead:
        """Read a part of a file on its disk while it is stopped, or on that of a snapshot."""
        return await self.pyro.read_workspace_disk(
            self.id, path, max_bytes=max_bytes, offset=offset, snapshot=snapshot
        )

    async def disk_read_bytes(self, path: Path, *, snapshot: str | None = None) -> bytes:
        """Read a whole file on its disk, or on that of a snapshot, as it is."""
        return await self.pyro.read_disk_bytes(self.id, path, snapshot=snapshot)

    async def disk_export(
        self,
        output_path: Path,
        *,
        format: DiskFormat = "ext4",
        snapshot: str | None = None,
        force: bool = False,
    ) -> DiskExport:
        """Put its disk while it is stopped, or that of a snapshot, on the host as one file."""
        return await self.pyro.export_workspace_disk(
            self.id, output_path=output_path, format=format, snapshot=snapshot, force=force
        )

    async def start(self) -> WorkspaceInfo:
        """Start it from its disk, where it is stopped."""
        return await self.pyro.start_workspace(self.id)

    async def stop(self) -> WorkspaceInfo:
        """Stop it; its disk is kept."""
        return await self.pyro.stop_workspace(self.id)

    async def delete(self) -> WorkspaceDeleted:
        """Delete it with its files and its history."""
        return await self.pyro.delete_workspace(self.id)
