"""``Pyro``: every operation as a method that waits for it."""

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
    from .workspace import Workspace


class Pyro(Environments, Vms, Workspaces, Files, Snapshots, Shells, Services, Disks, Tasks):
    """Real, disposable virtual machines, one method for each operation.

    Safe to use from many threads. Ctrl-C during a call ends what runs in the guest.
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
    ) -> Workspace:
        """A workspace as an object, for a ``with`` statement that creates and deletes it.

        With ``keep`` it is not deleted at the end of the statement.
        """
        from .workspace import Workspace

        return Workspace(
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

    def open_workspace(self, workspace_id: str, *, keep: bool = True) -> Workspace:
        """A workspace that is there already, as an object."""
        from .workspace import Workspace

        return Workspace(self, workspace_id, keep=keep)

    def create_server(self, *, profile: Profile = "workspace-full") -> Server:
        """An MCP server that runs in this process, with the tools of ``profile``."""
        from .._server import Server

        return Server(self._native, profile)
