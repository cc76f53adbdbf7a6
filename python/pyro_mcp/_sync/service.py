"""``WorkspaceService``: a service as an object."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from ..errors import NotFoundError, PyroError
from ..types import ServiceInfo, ServiceLogs
from .client import Pyro
from .stream import CommandStream


class WorkspaceService:
    """A service in a workspace, as ``Workspace.service`` gives it.

    In a ``with`` statement it is started at the start, which raises ``CommandError`` where it does
    not become ready, and stopped at the end.
    """

    def __init__(
        self, pyro: Pyro, workspace_id: str, name: str, start: Mapping[str, Any] | None
    ) -> None:
        self.pyro = pyro
        self.workspace_id = workspace_id
        self.name = name
        self._start = None if start is None else dict(start)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def start(self, *, check: bool = True) -> ServiceInfo:
        """Start it and wait until it is ready; without ``check`` a failed start is a result."""
        if self._start is None:
            raise ValueError(f"service {self.name} has no command here: give Workspace.service one")
        return self.pyro.start_service(
            self.workspace_id, self.name, check=check, **self._start
        )

    def __enter__(self) -> WorkspaceService:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        except NotFoundError:
            pass  # The block has reset or deleted its workspace.
        except PyroError as failure:
            if error is None:
                raise
            # What went wrong first is what is raised.
            if add_note := getattr(error, "add_note", None):
                add_note(f"service {self.name} was not stopped: {failure}")

    def status(self) -> ServiceInfo:
        """Describe it as it is now."""
        return self.pyro.status_service(self.workspace_id, self.name)

    def logs(self, *, tail_lines: int = 200, all: bool = False) -> ServiceLogs:
        """Read the last lines that it has printed, or with ``all`` everything that is kept."""
        return self.pyro.logs_service(
            self.workspace_id, self.name, tail_lines=tail_lines, all=all
        )

    def follow(self, *, tail_lines: int = 200, all: bool = False) -> CommandStream[ServiceInfo]:
        """Iterate over its last lines and what it prints from then on, until it ends."""
        return self.pyro.follow_service(
            self.workspace_id, self.name, tail_lines=tail_lines, all=all
        )

    def stop(self) -> ServiceInfo:
        """End it with all that it has started."""
        return self.pyro.stop_service(self.workspace_id, self.name)
