"""Results about shells of workspaces."""

from __future__ import annotations

from typing import Literal, TypedDict

from .arguments import ExecutionMode


class ShellOptional(TypedDict, total=False):
    user: str


class ShellInfo(ShellOptional):
    """A shell; an ``exit_code`` below 0 is the number of the signal that ended it."""

    workspace_id: str
    shell_id: str
    cwd: str
    cols: int
    rows: int
    state: Literal["running", "stopped"]
    started_at: float
    ended_at: float | None
    exit_code: int | None
    execution_mode: ExecutionMode


class ShellScreen(TypedDict):
    """The cursor of a screen; rows and columns count from 0."""

    cursor_row: int
    cursor_col: int
    cursor_visible: bool
    alternate: bool


class ShellReadOptional(TypedDict, total=False):
    screen: ShellScreen


class ShellRead(ShellInfo, ShellReadOptional):
    """What a shell has printed; the next read begins at ``next_cursor``.

    ``missed_bytes`` made room for newer output before they were read.
    """

    cursor: int
    next_cursor: int
    output: str
    truncated: bool
    missed_bytes: int
    plain: bool
    wait_for_idle_ms: int | None


class ShellWritten(ShellInfo):
    """A shell that was typed into; the newline is not counted."""

    input_length: int
    append_newline: bool


class ShellSignalled(ShellInfo):
    """A shell whose foreground was signalled."""

    signal: str


class ShellClosed(ShellInfo):
    """A shell that is gone, as it was."""

    closed: bool


class ShellList(TypedDict):
    """The shells of a workspace, oldest first."""

    workspace_id: str
    count: int
    shells: list[ShellInfo]
