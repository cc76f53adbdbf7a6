"""Results about tasks: workspaces by their oldest name."""

from __future__ import annotations

from typing import Literal, TypedDict

from .files import SyncFields
from .workspaces import ExecFields, LogsFields, WorkspaceFields


class Task(WorkspaceFields):
    """A workspace by its oldest name."""

    task_id: str


class TaskExec(ExecFields):
    """A command that ran in a task."""

    task_id: str


class TaskLogs(LogsFields):
    """A page of a task's history, oldest first."""

    task_id: str


class TaskSync(SyncFields):
    """A push that is done."""

    task_id: str


class TaskDeleted(TypedDict):
    """That a task is gone."""

    task_id: str
    deleted: bool
    reason: Literal["explicit_delete"]
