"""What arguments may be, and the names that results use."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import IO, Literal, Union

Path = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
"""A path of the host, or of the guest."""

Input = Union[str, bytes, bytearray, memoryview, IO[bytes], IO[str]]
"""What a command reads: text, bytes, or a file with a descriptor."""

OnOutput = Callable[[str], object]
"""Takes output as text, as it comes; invalid UTF-8 is replaced."""

OnOutputAsync = Callable[[str], object]
"""As ``OnOutput``; it may be a coroutine function."""

Shell = Literal["login", "bash", "sh"]
SignalName = Literal["HUP", "INT", "TERM", "KILL"]
NetworkPolicy = Literal["off", "egress", "egress+published-ports"]
ExportFormat = Literal["dir", "tar", "patch"]
DiskFormat = Literal["ext4", "qcow2"]
Profile = Literal["vm-run", "workspace-core", "workspace-full", "task"]
Transport = Literal["stdio", "http"]
ExecutionMode = Literal["pending", "guest_kvm", "guest_tcg", "host_compat"]
VmState = Literal["created", "starting", "started", "stopping", "stopped", "deleting"]
CommandState = Literal["running", "ended", "interrupted", "lost", "abandoned"]
ServiceState = Literal["running", "exited", "stopped", "failed"]
StopReason = Literal[
    "sigterm",
    "sigkill",
    "process_exited_before_ready",
    "readiness_timeout",
    "workspace_stopped",
]
