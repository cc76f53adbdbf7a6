# Written by python/tools/twins.py from ../_sync/tasks.py; change that file.
"""Methods on tasks: workspaces by their oldest name, for programs that were written for 2.x."""

from __future__ import annotations

from .. import _arguments
from .._outcome import as_task, checked
from .._output import sink
from .base import Base

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..types import (
        Input,
        OnOutputAsync,
        Path,
        Shell,
        Task,
        TaskDeleted,
        TaskExec,
        TaskLogs,
        TaskSync,
    )


class Tasks(Base):
    """Methods on tasks."""

    async def create_task(
        self,
        *,
        environment: str,
        vcpu_count: int = 1,
        mem_mib: int = 1024,
        ttl_seconds: int = 600,
        network: bool = False,
        allow_host_compat: bool = False,
        source_path: Path | None = None,
    ) -> Task:
        """Create and start a task: a workspace by its oldest name."""
        machine = _arguments.machine(
            environment, vcpu_count, mem_mib, ttl_seconds, allow_host_compat
        )
        seed = None if source_path is None else _arguments.host_path(source_path)
        policy = "egress" if network else "off"
        call = self._native.create_workspace(
            {
                **machine,
                "network_policy": policy,
                "seed_path": seed,
                "respect_ignore": False,
                "secrets": [],
                "name": None,
                "labels": {},
            }
        )
        created: Task = as_task(await self._finish(call))
        return created

    async def exec_task(
        self,
        task_id: str,
        *,
        command: str,
        timeout_seconds: int = 30,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        shell: Shell = "login",
        stdin: Input | None = None,
        check: bool = False,
        on_stdout: OnOutputAsync | None = None,
        on_stderr: OnOutputAsync | None = None,
    ) -> TaskExec:
        """Run a command in a task."""
        heard = sink(on_stdout, on_stderr)
        line = _arguments.line(command, timeout_seconds, cwd, env, user, shell)
        call = self._native.exec_workspace(
            {
                "workspace_id": task_id,
                **line,
                "secret_env": [],
                "stdin": _arguments.stdin(stdin),
                "streams": heard is not None,
            }
        )
        ran: TaskExec = as_task(await self._finish(call, heard))
        return checked(ran, check)

    async def status_task(self, task_id: str) -> Task:
        """Describe one task as it is now."""
        status: Task = as_task(
            await self._finish(self._native.status_workspace({"workspace_id": task_id}))
        )
        return status

    async def logs_task(
        self, task_id: str, *, after: int = 0, limit: int = 100, background: bool = False
    ) -> TaskLogs:
        """Read a page of a task's history, oldest command first."""
        call = self._native.logs_workspace(
            {
                "workspace_id": task_id,
                "after": after,
                "limit": limit,
                "background": background,
            }
        )
        logs: TaskLogs = as_task(await self._finish(call))
        return logs

    async def push_task_sync(
        self,
        task_id: str,
        source_path: Path,
        *,
        dest: Path = "/workspace",
        delete: bool = False,
        respect_ignore: bool | None = None,
        dry_run: bool = False,
    ) -> TaskSync:
        """Copy a directory of the host or an archive into a task; only what differs is sent."""
        call = self._native.push_workspace_sync(
            {
                "workspace_id": task_id,
                "source_path": _arguments.host_path(source_path),
                "dest": _arguments.guest_path(dest),
                "delete": delete,
                "respect_ignore": respect_ignore,
                "dry_run": dry_run,
            }
        )
        pushed: TaskSync = as_task(await self._finish(call))
        return pushed

    async def delete_task(self, task_id: str) -> TaskDeleted:
        """Delete a task with its files and its history."""
        deleted: TaskDeleted = as_task(
            await self._finish(self._native.delete_workspace({"workspace_id": task_id}))
        )
        return deleted
