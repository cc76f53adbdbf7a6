"""What the adapters to frameworks share: commands run to their end, and files by commands.

Frameworks name files anywhere in the guest, as any user of it, so files are read and written by
commands here: the methods for files of a workspace stay below ``/workspace``.
"""

from __future__ import annotations

import errno
import os
import shlex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO, Any

    from ._async.client import AsyncPyro
    from ._output import OutputEvent
    from ._sync.client import Pyro
    from .types import CommandResult

LONGEST = 24 * 60 * 60
"""The limit, in seconds, of a command for which a framework sets none."""

WORKSPACE = "/workspace"
"""Where a workspace's files are."""

# How a command that reads or writes a file says why it cannot.
_REASONS = {81: errno.ENOENT, 82: errno.EISDIR, 83: errno.EACCES, 84: errno.EFBIG}

_READ = """\
[ -e "$1" ] || exit 81
[ ! -d "$1" ] || exit 82
[ -r "$1" ] || exit 83
[ "$(stat -L -c %s -- "$1")" -le "$2" ] || exit 84
exec cat -- "$1"
"""

_WRITE = """\
[ ! -d "$1" ] || exit 82
mkdir -p -- "$(dirname -- "$1")" && cat > "$1" || exit 83
"""


class Ran:
    """A command that has ended, with the first ``limit`` bytes of each stream.

    What it prints goes to the file ``into`` instead, where there is one.
    """

    def __init__(self, limit: int, into: IO[bytes] | None = None) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.truncated = False
        self.exit_code = 0
        self.timed_out = False
        self._limit = limit
        self._into = into

    def take(self, event: OutputEvent) -> None:
        """Keep what fits of a piece of output."""
        if self._into is not None and event.stream == "stdout":
            self._into.write(event.data)
            return
        kept = self.stdout if event.stream == "stdout" else self.stderr
        room = self._limit - len(kept)
        kept += event.data[:room]
        self.truncated = self.truncated or len(event.data) > room

    def end(self, result: CommandResult) -> None:
        """Take how it ended."""
        code = result["exit_code"]
        self.exit_code = 1 if code is None else code
        self.timed_out = result["timed_out"]

    @property
    def text(self) -> str:
        """All that it printed, as text."""
        return bytes(self.stdout + self.stderr).decode(errors="replace")


def run(pyro: Pyro, workspace_id: str, command: str, *, limit: int, **options: Any) -> Ran:
    """Run a command in a workspace, and keep at most ``limit`` bytes of each stream."""
    ran = Ran(limit)
    with pyro.stream_workspace(workspace_id, command=command, **options) as stream:
        for event in stream:
            ran.take(event)
        ran.end(stream.result())
    return ran


async def run_async(
    pyro: AsyncPyro,
    workspace_id: str,
    command: str,
    *,
    limit: int,
    into: IO[bytes] | None = None,
    **options: Any,
) -> Ran:
    """As ``run``; a task that is cancelled ends the command."""
    ran = Ran(limit, into)
    async with pyro.stream_workspace(workspace_id, command=command, **options) as stream:
        async for event in stream:
            ran.take(event)
        ran.end(await stream.result())
    return ran


def words(arguments: Sequence[str]) -> str:
    """A line for a shell that runs a program with its arguments, and nothing else."""
    return f"exec {shlex.join(arguments)}"


def together(command: str) -> str:
    """The command with both streams in one, in the order in which they were written."""
    # On its first line, so that the numbers of lines in messages stay.
    return f"exec 2>&1; {command}"


def reading(path: str, limit: int) -> Mapping[str, Any]:
    """The command that prints a file of at most ``limit`` bytes."""
    return {"command": words(["sh", "-c", _READ, "sh", path, str(limit)]), "shell": "sh"}


def writing(path: str, data: bytes) -> Mapping[str, Any]:
    """The command that writes a file, and makes its directory."""
    command = words(["sh", "-c", _WRITE, "sh", path])
    return {"command": command, "shell": "sh", "stdin": data}


def check(ran: Ran, path: str) -> None:
    """Raise what a command that reads or writes a file says in its status."""
    if ran.timed_out:
        raise TimeoutError(f"{path}: it took too long")
    if ran.exit_code == 0:
        return
    reason = _REASONS.get(ran.exit_code, errno.EIO)
    said = bytes(ran.stderr).decode(errors="replace").strip()
    raise OSError(reason, said or os.strerror(reason), path)
