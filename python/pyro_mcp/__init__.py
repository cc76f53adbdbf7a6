"""Real, disposable virtual machines for coding agents.

::

    from pyro_mcp import Pyro

    result = Pyro().run_in_vm(environment="debian:12", command="git --version")
    print(result["stdout"])
"""

from __future__ import annotations

from ._native import __version__
from ._sync.client import Pyro
from .errors import (
    AlreadyExistsError,
    BusyError,
    CommandError,
    ConflictError,
    CorruptError,
    DeniedError,
    GuestError,
    HostError,
    InternalError,
    InvalidInputError,
    NotFoundError,
    PyroError,
    TimedOutError,
    UnavailableError,
    UnsupportedError,
    WrongStateError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from . import types
    from ._async.client import AsyncPyro
    from ._async.service import AsyncWorkspaceService
    from ._async.shell import AsyncWorkspaceShell
    from ._async.stream import AsyncCommandStream
    from ._async.workspace import AsyncWorkspace
    from ._output import OutputEvent
    from ._server import Server
    from ._sync.service import WorkspaceService
    from ._sync.shell import WorkspaceShell
    from ._sync.stream import CommandStream
    from ._sync.workspace import Workspace

__all__ = [
    "AlreadyExistsError",
    "AsyncCommandStream",
    "AsyncPyro",
    "AsyncWorkspace",
    "AsyncWorkspaceService",
    "AsyncWorkspaceShell",
    "BusyError",
    "CommandError",
    "CommandStream",
    "ConflictError",
    "CorruptError",
    "DeniedError",
    "GuestError",
    "HostError",
    "InternalError",
    "InvalidInputError",
    "NotFoundError",
    "OutputEvent",
    "Pyro",
    "PyroError",
    "Server",
    "TimedOutError",
    "UnavailableError",
    "UnsupportedError",
    "Workspace",
    "WorkspaceService",
    "WorkspaceShell",
    "WrongStateError",
    "__version__",
    "create_server",
    "types",
]

# Loaded when they are first asked for: whoever imports the package pays for what they use.
_LATER = {
    "AsyncCommandStream": "_async.stream",
    "AsyncPyro": "_async.client",
    "AsyncWorkspace": "_async.workspace",
    "AsyncWorkspaceService": "_async.service",
    "AsyncWorkspaceShell": "_async.shell",
    "CommandStream": "_sync.stream",
    "OutputEvent": "_output",
    "Server": "_server",
    "Workspace": "_sync.workspace",
    "WorkspaceService": "_sync.service",
    "WorkspaceShell": "_sync.shell",
}


def create_server(manager: None = None, *, profile: types.Profile = "workspace-full") -> Server:
    """An MCP server that runs in this process, with the tools of ``profile``."""
    return Pyro(manager).create_server(profile=profile)


def __getattr__(name: str) -> Any:
    if name == "types" or name in _LATER:
        from importlib import import_module

        module = import_module(f".{_LATER.get(name, name)}", __name__)
        found = module if name == "types" else getattr(module, name)
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
