"""Results about services of workspaces, and how it is seen that one is ready."""

from __future__ import annotations

from typing import Literal, TypedDict, Union

from .arguments import ExecutionMode, ServiceState, StopReason


class FileReadiness(TypedDict):
    """Ready when a file is there; a relative path is below ``/workspace``."""

    type: Literal["file"]
    path: str


class TcpReadiness(TypedDict):
    """Ready when ``HOST:PORT`` in the guest takes connections."""

    type: Literal["tcp"]
    address: str


class HttpReadiness(TypedDict):
    """Ready when a GET in the guest is answered with a status from 200 to 399."""

    type: Literal["http"]
    url: str


class CommandReadiness(TypedDict):
    """Ready when a command ends with status 0."""

    type: Literal["command"]
    command: str


Readiness = Union[FileReadiness, TcpReadiness, HttpReadiness, CommandReadiness]
"""How it is seen that a service is ready."""


class ServiceOptional(TypedDict, total=False):
    user: str
    stdout_tail: str
    stderr_tail: str


class ServiceInfo(ServiceOptional):
    """A service; an ``exit_code`` below 0 is the number of the signal that ended it.

    The tails are the end of its output, where it failed to start.
    """

    workspace_id: str
    service_name: str
    state: ServiceState
    command: str
    cwd: str
    started_at: float
    ended_at: float | None
    exit_code: int | None
    pid: int | None
    execution_mode: ExecutionMode
    readiness: Readiness | None
    ready_at: float | None
    stop_reason: StopReason | None
    published_ports: list[int]
    restart: bool


class ServiceList(TypedDict):
    """The services of a workspace by their names."""

    workspace_id: str
    count: int
    running_count: int
    services: list[ServiceInfo]


class ServiceLogs(ServiceInfo):
    """What a service has printed; ``tail_lines`` is none where all was asked for."""

    stdout: str
    stderr: str
    tail_lines: int | None
    truncated: bool
