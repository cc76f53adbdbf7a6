"""Methods on shells of workspaces."""

from __future__ import annotations

from .. import _arguments
from .base import Base

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..types import (
        Path,
        ShellClosed,
        ShellInfo,
        ShellList,
        ShellRead,
        ShellSignalled,
        ShellWritten,
        SignalName,
    )


class Shells(Base):
    """Methods on shells of workspaces."""

    def open_shell(
        self,
        workspace_id: str,
        *,
        cwd: Path = "/workspace",
        cols: int = 120,
        rows: int = 30,
        secret_env: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> ShellInfo:
        """Open an interactive shell on a terminal of its own.

        It goes on when this process ends, until it is closed or its workspace stops.
        ``secret_env`` names secrets of the workspace and the variables that hold them.
        """
        call = self._native.open_shell(
            {
                "workspace_id": workspace_id,
                "cwd": _arguments.guest_path(cwd),
                "cols": cols,
                "rows": rows,
                "env": list(_arguments.mapping(env, "env").items()),
                "user": user,
                "secret_env": _arguments.secret_env(secret_env),
            }
        )
        opened: ShellInfo = self._finish(call)
        return opened

    def read_shell(
        self,
        workspace_id: str,
        shell_id: str,
        *,
        cursor: int = 0,
        max_chars: int = 65536,
        plain: bool = False,
        wait_for_idle_ms: int | None = None,
        screen: bool = False,
    ) -> ShellRead:
        """Read what a shell has printed since ``cursor``; the next read begins at ``next_cursor``.

        With ``plain`` it is text without control sequences, with ``screen`` the screen as it
        stands. ``wait_for_idle_ms`` waits first until nothing was printed for so long.
        """
        call = self._native.read_shell(
            {
                "workspace_id": workspace_id,
                "shell_id": shell_id,
                "cursor": cursor,
                "max_chars": max_chars,
                "plain": plain,
                "screen": screen,
                "wait_for_idle_ms": wait_for_idle_ms,
            }
        )
        read: ShellRead = self._finish(call)
        return read

    def write_shell(
        self, workspace_id: str, shell_id: str, *, input: str, append_newline: bool = True
    ) -> ShellWritten:
        """Type into a shell, all of it or nothing; ``"\\x03"`` is Ctrl-C."""
        call = self._native.write_shell(
            {
                "workspace_id": workspace_id,
                "shell_id": shell_id,
                "input": input,
                "append_newline": append_newline,
            }
        )
        written: ShellWritten = self._finish(call)
        return written

    def signal_shell(
        self, workspace_id: str, shell_id: str, *, signal_name: SignalName = "INT"
    ) -> ShellSignalled:
        """Send a signal to the job in a shell's foreground."""
        call = self._native.signal_shell(
            {"workspace_id": workspace_id, "shell_id": shell_id, "signal_name": signal_name}
        )
        signalled: ShellSignalled = self._finish(call)
        return signalled

    def close_shell(self, workspace_id: str, shell_id: str) -> ShellClosed:
        """End a shell with all that was started in it."""
        call = self._native.close_shell({"workspace_id": workspace_id, "shell_id": shell_id})
        closed: ShellClosed = self._finish(call)
        return closed

    def list_shells(self, workspace_id: str) -> ShellList:
        """List a workspace's shells, oldest first; those that ended and were not closed too."""
        listed: ShellList = self._finish(self._native.list_shells({"workspace_id": workspace_id}))
        return listed

    def resize_shell(
        self, workspace_id: str, shell_id: str, *, cols: int, rows: int
    ) -> ShellInfo:
        """Give a shell's terminal another size."""
        call = self._native.resize_shell(
            {"workspace_id": workspace_id, "shell_id": shell_id, "cols": cols, "rows": rows}
        )
        resized: ShellInfo = self._finish(call)
        return resized
