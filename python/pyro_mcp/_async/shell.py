# Written by python/tools/twins.py from ../_sync/shell.py; change that file.
"""``AsyncWorkspaceShell``: a shell as an object."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from ..errors import NotFoundError, PyroError
from ..types import ShellClosed, ShellInfo, ShellRead, ShellSignalled, ShellWritten, SignalName
from .client import AsyncPyro


class AsyncWorkspaceShell:
    """An interactive shell in a workspace, as ``AsyncWorkspace.shell`` gives it.

    In an ``async with`` statement it is opened at the start and closed at the end.
    """

    def __init__(self, pyro: AsyncPyro, workspace_id: str, open: Mapping[str, Any]) -> None:
        self.pyro = pyro
        self.workspace_id = workspace_id
        self._open = dict(open)
        self._id: str | None = None
        self._cursor = 0

    @property
    def id(self) -> str:
        """Its id."""
        if self._id is None:
            raise ValueError("the shell is not open yet: use it in a with statement")
        return self._id

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id or 'not open'}>"

    async def open(self) -> ShellInfo:
        """Open it, where that is not left to an ``async with`` statement."""
        if self._id is not None:
            raise ValueError(f"shell {self._id} is open already")
        opened = await self.pyro.open_shell(self.workspace_id, **self._open)
        self._id = opened["shell_id"]
        return opened

    async def __aenter__(self) -> AsyncWorkspaceShell:
        if self._id is None:
            await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self.close()
        except NotFoundError:
            pass  # The block has closed it, or deleted its workspace.
        except PyroError as failure:
            if error is None:
                raise
            # What went wrong first is what is raised.
            if add_note := getattr(error, "add_note", None):
                add_note(f"shell {self.id} was not closed: {failure}")

    async def read(
        self,
        *,
        cursor: int | None = None,
        max_chars: int = 65536,
        plain: bool = True,
        screen: bool = False,
        wait_for_idle_ms: int | None = 300,
    ) -> ShellRead:
        """Read what it has printed since the last read, once it is quiet for a moment."""
        read = await self.pyro.read_shell(
            self.workspace_id,
            self.id,
            cursor=self._cursor if cursor is None else cursor,
            max_chars=max_chars,
            plain=plain,
            screen=screen,
            wait_for_idle_ms=wait_for_idle_ms,
        )
        if not screen:
            self._cursor = read["next_cursor"]
        return read

    async def write(self, input: str, *, append_newline: bool = True) -> ShellWritten:
        """Type into it, all of it or nothing."""
        return await self.pyro.write_shell(
            self.workspace_id, self.id, input=input, append_newline=append_newline
        )

    async def signal(self, signal_name: SignalName = "INT") -> ShellSignalled:
        """Send a signal to the job in its foreground."""
        return await self.pyro.signal_shell(self.workspace_id, self.id, signal_name=signal_name)

    async def resize(self, cols: int, rows: int) -> ShellInfo:
        """Give its terminal another size."""
        return await self.pyro.resize_shell(self.workspace_id, self.id, cols=cols, rows=rows)

    async def close(self) -> ShellClosed:
        """End it with all that was started in it."""
        return await self.pyro.close_shell(self.workspace_id, self.id)
