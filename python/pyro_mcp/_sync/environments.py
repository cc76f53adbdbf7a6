"""Methods on environments and kept outputs."""

from __future__ import annotations

from .base import Base

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..types import Environment, InstalledEnvironment, OutputPage, PrunedEnvironments

# Bytes of one page where all of an output is read.
_PAGE = 1 << 20


class Environments(Base):
    """Methods on environments and kept outputs."""

    def list_environments(self) -> list[Environment]:
        """List the environments of the catalog, installed or not."""
        listed: list[Environment] = self._finish(self._native.list_environments())
        return listed

    def pull_environment(self, environment: str) -> InstalledEnvironment:
        """Install an environment, or find that it is installed."""
        call = self._native.pull_environment({"environment": environment})
        pulled: InstalledEnvironment = self._finish(call)
        return pulled

    def inspect_environment(self, environment: str) -> Environment:
        """Describe one environment."""
        described: Environment = self._finish(
            self._native.inspect_environment({"environment": environment})
        )
        return described

    def prune_environments(self) -> PrunedEnvironments:
        """Remove what no installed environment needs from the cache."""
        pruned: PrunedEnvironments = self._finish(self._native.prune_environments())
        return pruned

    def read_output(
        self, name: str, *, offset: int = 0, length: int | None = None
    ) -> OutputPage:
        """Read a page of a command's output that was too long for its result.

        ``name`` is the ``stdout_file`` or ``stderr_file`` of the result.
        """
        read: OutputPage = self._finish(
            self._native.read_output({"name": name, "offset": offset, "length": length})
        )
        return read

    def read_output_bytes(self, name: str) -> bytes:
        """Read all that was kept of an output, as it is."""
        pages: list[bytes] = []
        offset: int | None = 0
        while offset is not None:
            call = self._native.read_output_bytes(
                {"name": name, "offset": offset, "length": _PAGE}
            )
            page, offset = self._finish(call)
            pages.append(page)
        return b"".join(pages)
