# Written by python/tools/twins.py from ../_sync/client.py; change that file.
"""``AsyncPyro``: every operation as a coroutine."""

from __future__ import annotations

from .disks import Disks
from .environments import Environments
from .files import Files
from .services import Services
from .shells import Shells
from .snapshots import Snapshots
from .tasks import Tasks
from .vms import Vms
from .workspaces import Workspaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .._server import Server
    from ..types import NetworkPolicy, Path, Profile, Secret
    from .workspace import AsyncWorkspace


class AsyncPyro(Environments, Vms, Workspaces, Files, Snapshots, Shells, Services, Disks, Tasks):
    """Real, disposable virtual machines, one method for each operation.

    Safe to use from many event loops and threads. Cancelling a task ends what runs in the guest.
    """

    def workspace(
        self,
        *,
        environment: str,
        vcpu_count: int = 1,
        mem_mib: int = 1024,
        ttl_seconds: int = 600,
        network_policy: NetworkPolicy = "off",
        allow_host_compat: bool = False,
        seed_path: Path | None = None,
        secrets: Sequence[Secret | Mapping[str, str]] | None = None,
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        respect_ignore: bool = False,
        keep: bool = False,
    ) -> AsyncWorkspace:
        """A workspace as an object, for an ``async with`` statement that creates and deletes it.

        With ``keep`` it is not deleted at the end of the statement.
        """
        from .workspace import AsyncWorkspace

        return AsyncWorkspace(
            self,
            keep=keep,
            create={
                "environment": environment,
                "vcpu_count": vcpu_count,
                "mem_mib": mem_mib,
                "ttl_seconds": ttl_seconds,
                "network_policy": network_policy,
                "allow_host_compat": allow_host_compat,
                "seed_path": seed_path,
                "secrets": secrets,
                "name": name,
                "labels": labels,
                "respect_ignore": respect_ignore,
            },
        )

    def open_workspace(self, workspace_id: str, *, keep: bool = True) -> AsyncWorkspace:
        """A workspace that is there already, as an object."""
        from .workspace import AsyncWorkspace

        return AsyncWorkspace(self, workspace_id, keep=keep)

    def create_server(self, *, profile: Profile = "workspace-full") -> Server:
        """An MCP server that runs in this process, with the tools of ``profile``."""
        from .._server import Server

        return Server(self._native, profile)
