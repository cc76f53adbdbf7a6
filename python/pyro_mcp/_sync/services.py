"""Methods on services of workspaces."""

from __future__ import annotations

from .. import _arguments
from .._outcome import came_up
from .base import Base

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..types import Path, Readiness, ServiceInfo, ServiceList, ServiceLogs
    from .stream import CommandStream


class Services(Base):
    """Methods on services of workspaces."""

    def start_service(
        self,
        workspace_id: str,
        service_name: str,
        *,
        command: str,
        cwd: Path = "/workspace",
        readiness: Readiness | Mapping[str, str] | None = None,
        ready_timeout_seconds: int = 30,
        ready_interval_ms: int = 500,
        secret_env: Mapping[str, str] | None = None,
        published_ports: Sequence[Mapping[str, int | None]] | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        restart: bool = False,
        check: bool = False,
    ) -> ServiceInfo:
        """Start a server or another long command, and wait until it is ready.

        ``readiness`` says how that is seen in the guest, such as
        ``{"type": "tcp", "address": "localhost:8000"}``; without it the service is ready at once.
        One that does not become ready is a result with the state ``failed``; with ``check`` it
        raises ``CommandError``.

        A service goes on when this process ends, until it or its workspace is stopped; with
        ``restart`` it is started again with its workspace.
        """
        _arguments.unsupported(secret_env, "secret_env")
        _arguments.unsupported(published_ports, "published_ports")
        ready = None if readiness is None else _arguments.mapping(readiness, "readiness")
        call = self._native.start_service(
            {
                "workspace_id": workspace_id,
                "service_name": service_name,
                "command": command,
                "cwd": _arguments.guest_path(cwd),
                "env": list(_arguments.mapping(env, "env").items()),
                "user": user,
                "readiness": ready,
                "ready_timeout_seconds": ready_timeout_seconds,
                "ready_interval_ms": ready_interval_ms,
                "restart": restart,
            }
        )
        started: ServiceInfo = self._finish(call)
        return came_up(started, check)

    def list_services(self, workspace_id: str) -> ServiceList:
        """List a workspace's services by their names; those that have ended too."""
        call = self._native.list_services({"workspace_id": workspace_id})
        listed: ServiceList = self._finish(call)
        return listed

    def status_service(self, workspace_id: str, service_name: str) -> ServiceInfo:
        """Describe one service as it is now."""
        call = self._native.status_service(
            {"workspace_id": workspace_id, "service_name": service_name}
        )
        status: ServiceInfo = self._finish(call)
        return status

    def logs_service(
        self, workspace_id: str, service_name: str, *, tail_lines: int = 200, all: bool = False
    ) -> ServiceLogs:
        """Read the last lines that a service has printed, or with ``all`` everything that is kept.

        Of each stream the first 4 MiB and the last 12 are kept, also after the service or its
        workspace stopped.
        """
        call = self._native.logs_service(
            {
                "workspace_id": workspace_id,
                "service_name": service_name,
                "tail_lines": tail_lines,
                "all": all,
            }
        )
        logs: ServiceLogs = self._finish(call)
        return logs

    def follow_service(
        self, workspace_id: str, service_name: str, *, tail_lines: int = 200, all: bool = False
    ) -> CommandStream[ServiceInfo]:
        """Iterate over a service's last lines and what it prints from then on, until it ends.

        The service goes on when the iteration is left; ``result()`` waits for its end.
        """
        from .stream import CommandStream

        return CommandStream(
            lambda: self._native.follow_service(
                {
                    "workspace_id": workspace_id,
                    "service_name": service_name,
                    "tail_lines": tail_lines,
                    "all": all,
                }
            )
        )

    def stop_service(self, workspace_id: str, service_name: str) -> ServiceInfo:
        """End a service with all that it has started; one that has ended stays as it is."""
        call = self._native.stop_service(
            {"workspace_id": workspace_id, "service_name": service_name}
        )
        stopped: ServiceInfo = self._finish(call)
        return stopped
