# Written by python/tools/twins.py from ../_sync/service.py; change that file.
"""``AsyncWorkspaceService``: a service as an object."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from ..errors import NotFoundError, PyroError
from ..types import ServiceInfo, ServiceLogs
from .client import AsyncPyro
from .stream import AsyncCommandStream


class AsyncWorkspaceService:
    """A service in a workspace, as ``AsyncWorkspace.service`` gives it.

    In an ``async with`` statement it is started at the start, which raises ``CommandError`` where it does
    not become ready, and stopped at the end.
    """

    def __init__(
        self, pyro: AsyncPyro, workspace_id: str, name: str, start: Mapping[str, Any] | None
    ) -> None:
        self.pyro = pyro
        self.workspace_id = workspace_id
        self.name = name
        self._start = None if start is None else dict(start)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    async def start(self, *, check: bool = True) -> ServiceInfo:
        """Start it and wait until it is ready; without ``check`` a failed start is a result."""
        if self._start is None:
            raise ValueError(f"service {self.name} has no command here: give AsyncWorkspace.service one")
        return await self.pyro.start_service(
            self.workspace_id, self.name, check=check, **self._start
        )

    async def __aenter__(self) -> AsyncWorkspaceService:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self.stop()
        except NotFoundError:
            pass  # The block has reset or deleted its workspace.
        except PyroError as failure:
            if error is None:
                raise
            # What went wrong first is what is raised.
            if add_note := getattr(error, "add_note", None):
                add_note(f"service {self.name} was not stopped: {failure}")

    async def status(self) -> ServiceInfo:
        """Describe it as it is now."""
        return await self.pyro.status_service(self.workspace_id, self.name)

    async def logs(self, *, tail_lines: int = 200, all: bool = False) -> ServiceLogs:
        """Read the last lines that it has printed, or with ``all`` everything that is kept."""
        return await self.pyro.logs_service(
            self.workspace_id, self.name, tail_lines=tail_lines, all=all
        )

    def follow(self, *, tail_lines: int = 200, all: bool = False) -> AsyncCommandStream[ServiceInfo]:
        """Iterate over its last lines and what it prints from then on, until it ends."""
        return self.pyro.follow_service(
            self.workspace_id, self.name, tail_lines=tail_lines, all=all
        )

    async def stop(self) -> ServiceInfo:
        """End it with all that it has started."""
        return await self.pyro.stop_service(self.workspace_id, self.name)
