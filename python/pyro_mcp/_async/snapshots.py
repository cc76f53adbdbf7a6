# Written by python/tools/twins.py from ../_sync/snapshots.py; change that file.
"""Methods on snapshots of workspaces."""

from __future__ import annotations

from .base import Base

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..types import SnapshotCreated, SnapshotDeleted, SnapshotList


class Snapshots(Base):
    """Methods on snapshots of workspaces."""

    async def create_snapshot(self, workspace_id: str, snapshot_name: str) -> SnapshotCreated:
        """Take a snapshot of a workspace's whole disk; a workspace that runs goes on."""
        call = self._native.create_snapshot(
            {"workspace_id": workspace_id, "snapshot_name": snapshot_name}
        )
        created: SnapshotCreated = await self._finish(call)
        return created

    async def list_snapshots(self, workspace_id: str) -> SnapshotList:
        """List a workspace's snapshots: its baseline, then the others, the newest first."""
        listed: SnapshotList = await self._finish(
            self._native.list_snapshots({"workspace_id": workspace_id})
        )
        return listed

    async def delete_snapshot(self, workspace_id: str, snapshot_name: str) -> SnapshotDeleted:
        """Delete a snapshot of a workspace."""
        call = self._native.delete_snapshot(
            {"workspace_id": workspace_id, "snapshot_name": snapshot_name}
        )
        deleted: SnapshotDeleted = await self._finish(call)
        return deleted
