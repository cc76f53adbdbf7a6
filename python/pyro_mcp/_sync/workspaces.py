"""Methods on workspaces."""

from __future__ import annotations

from .. import _arguments
from .._outcome import checked
from .._output import sink
from .base import Base

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..types import (
        Input,
        NetworkPolicy,
        OnOutput,
        Path,
        Secret,
        Shell,
        WorkspaceDeleted,
        WorkspaceExec,
        WorkspaceForks,
        WorkspaceInfo,
        WorkspaceList,
        WorkspaceLogs,
        WorkspaceReset,
    )
    from .stream import CommandStream


class Workspaces(Base):
    """Methods on workspaces."""

    def create_workspace(
        self,
        *,
        environment: str,
        vcpu_count: int = 1,
        mem_mib: int = 1024,
        ttl_seconds: int = 600,
        network_policy: NetworkPolicy = "off",
        allow_host_compat: bool = False,
        seed_path: Path | None = None,
        secrets: Sequence[Secret | Mapping[str, str]] | None = None,
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        respect_ignore: bool = False,
    ) -> WorkspaceInfo:
        """Create and start a workspace; it stays until it is deleted.

        ``seed_path`` is a directory of the host or an archive that becomes ``/workspace``. With a
        ``ttl_seconds`` of 0 the workspace is never stopped for want of activity.

        ``secrets`` are values that ``secret_env`` gives to processes as variables, such as
        ``{"name": "TOKEN", "file_path": "~/token"}``, or with a ``value``. Results and logs show
        marks in their place.
        """
        machine = _arguments.machine(
            environment, vcpu_count, mem_mib, ttl_seconds, allow_host_compat
        )
        seed = None if seed_path is None else _arguments.host_path(seed_path)
        call = self._native.create_workspace(
            {
                **machine,
                "network_policy": network_policy,
                "seed_path": seed,
                "respect_ignore": respect_ignore,
                "secrets": _arguments.secrets(secrets),
                "name": name,
                "labels": _arguments.mapping(labels, "labels"),
            }
        )
        created: WorkspaceInfo = self._finish(call)
        return created

    def list_workspaces(self) -> WorkspaceList:
        """List all workspaces, the one with the newest activity first."""
        listed: WorkspaceList = self._finish(self._native.list_workspaces())
        return listed

    def status_workspace(self, workspace_id: str) -> WorkspaceInfo:
        """Describe one workspace as it is now."""
        status: WorkspaceInfo = self._finish(
            self._native.status_workspace({"workspace_id": workspace_id})
        )
        return status

    def update_workspace(
        self,
        workspace_id: str,
        *,
        name: str | None = None,
        clear_name: bool = False,
        labels: Mapping[str, str] | None = None,
        clear_labels: Sequence[str] | None = None,
        ttl_seconds: int | None = None,
    ) -> WorkspaceInfo:
        """Change a workspace's name, labels and lifetime."""
        call = self._native.update_workspace(
            {
                "workspace_id": workspace_id,
                "name": name,
                "clear_name": clear_name,
                "labels": _arguments.mapping(labels, "labels"),
                "clear_labels": list(clear_labels or ()),
                "ttl_seconds": ttl_seconds,
            }
        )
        updated: WorkspaceInfo = self._finish(call)
        return updated

    def exec_workspace(
        self,
        workspace_id: str,
        *,
        command: str,
        timeout_seconds: int = 30,
        secret_env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        shell: Shell = "login",
        stdin: Input | None = None,
        check: bool = False,
        on_stdout: OnOutput | None = None,
        on_stderr: OnOutput | None = None,
    ) -> WorkspaceExec:
        """Run a command in a workspace.

        ``on_stdout`` and ``on_stderr`` are called with output as it comes; the command waits for
        them. With ``check`` a status other than 0 raises ``CommandError``. ``secret_env`` names
        secrets of the workspace and the variables that hold them: ``{"TOKEN": "GITHUB_TOKEN"}``.
        """
        heard = sink(on_stdout, on_stderr)
        line = _arguments.line(command, timeout_seconds, cwd, env, user, shell)
        call = self._native.exec_workspace(
            {
                "workspace_id": workspace_id,
                **line,
                "secret_env": _arguments.secret_env(secret_env),
                "stdin": _arguments.stdin(stdin),
                "streams": heard is not None,
            }
        )
        ran: WorkspaceExec = self._finish(call, heard)
        return checked(ran, check)

    def stream_workspace(
        self,
        workspace_id: str,
        *,
        command: str,
        timeout_seconds: int = 30,
        secret_env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        shell: Shell = "login",
        stdin: Input | None = None,
        check: bool = False,
    ) -> CommandStream[WorkspaceExec]:
        """Run a command in a workspace, and iterate over its output as it comes."""
        from .stream import CommandStream

        line = _arguments.line(command, timeout_seconds, cwd, env, user, shell)
        call = {
            "workspace_id": workspace_id,
            **line,
            "secret_env": _arguments.secret_env(secret_env),
            "stdin": _arguments.stdin(stdin),
            "streams": True,
        }
        return CommandStream(
            lambda: self._native.exec_workspace(call),
            check,
        )

    def logs_workspace(
        self,
        workspace_id: str,
        *,
        after: int = 0,
        limit: int = 100,
        background: bool = False,
    ) -> WorkspaceLogs:
        """Read a page of a workspace's history, oldest command first.

        With ``background`` it is what commands left in the background have printed instead.
        """
        call = self._native.logs_workspace(
            {
                "workspace_id": workspace_id,
                "after": after,
                "limit": limit,
                "background": background,
            }
        )
        logs: WorkspaceLogs = self._finish(call)
        return logs

    def reset_workspace(
        self, workspace_id: str, *, snapshot: str = "baseline"
    ) -> WorkspaceReset:
        """Put a workspace's whole disk back to its baseline or to a snapshot."""
        call = self._native.reset_workspace(
            {"workspace_id": workspace_id, "snapshot": snapshot}
        )
        reset: WorkspaceReset = self._finish(call)
        return reset

    def fork_workspace(
        self, workspace_id: str, *, count: int = 1, name: str | None = None
    ) -> WorkspaceForks:
        """Make new workspaces from the present disk of one, which goes on."""
        call = self._native.fork_workspace(
            {"workspace_id": workspace_id, "count": count, "name": name}
        )
        forks: WorkspaceForks = self._finish(call)
        return forks

    def start_workspace(self, workspace_id: str) -> WorkspaceInfo:
        """Start a stopped workspace from its disk."""
        started: WorkspaceInfo = self._finish(
            self._native.start_workspace({"workspace_id": workspace_id})
        )
        return started

    def stop_workspace(self, workspace_id: str) -> WorkspaceInfo:
        """Stop a workspace; its disk is kept."""
        stopped: WorkspaceInfo = self._finish(
            self._native.stop_workspace({"workspace_id": workspace_id})
        )
        return stopped

    def delete_workspace(self, workspace_id: str) -> WorkspaceDeleted:
        """Delete a workspace with its files and its history."""
        deleted: WorkspaceDeleted = self._finish(
            self._native.delete_workspace({"workspace_id": workspace_id})
        )
        return deleted
