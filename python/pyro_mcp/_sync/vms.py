"""Methods on vms."""

from __future__ import annotations

from .. import _arguments
from .._outcome import checked
from .._output import sink
from .base import Base

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..types import (
        Input,
        OnOutput,
        Path,
        ReapedVms,
        Shell,
        Vm,
        VmDeleted,
        VmExec,
        VmNetwork,
    )
    from .stream import CommandStream


class Vms(Base):
    """Methods on vms."""

    def run_in_vm(
        self,
        *,
        environment: str,
        command: str,
        vcpu_count: int = 1,
        mem_mib: int = 1024,
        timeout_seconds: int = 30,
        ttl_seconds: int = 600,
        network: bool = False,
        allow_host_compat: bool = False,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        shell: Shell = "login",
        stdin: Input | None = None,
        check: bool = False,
        on_stdout: OnOutput | None = None,
        on_stderr: OnOutput | None = None,
    ) -> VmExec:
        """Run one command in a vm of its own, and delete the vm.

        ``on_stdout`` and ``on_stderr`` are called with output as it comes; the command waits for
        them. With ``check`` a status other than 0 raises ``CommandError``.
        """
        heard = sink(on_stdout, on_stderr)
        machine = _arguments.machine(
            environment, vcpu_count, mem_mib, ttl_seconds, allow_host_compat
        )
        line = _arguments.line(command, timeout_seconds, cwd, env, user, shell)
        call = self._native.run_in_vm(
            {
                **machine,
                "network": network,
                **line,
                "stdin": _arguments.stdin(stdin),
                "streams": heard is not None,
            }
        )
        ran: VmExec = self._finish(call, heard)
        return checked(ran, check)

    def stream_in_vm(
        self,
        *,
        environment: str,
        command: str,
        vcpu_count: int = 1,
        mem_mib: int = 1024,
        timeout_seconds: int = 30,
        ttl_seconds: int = 600,
        network: bool = False,
        allow_host_compat: bool = False,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        shell: Shell = "login",
        stdin: Input | None = None,
        check: bool = False,
    ) -> CommandStream[VmExec]:
        """Run one command in a vm of its own, and iterate over its output as it comes."""
        from .stream import CommandStream

        machine = _arguments.machine(
            environment, vcpu_count, mem_mib, ttl_seconds, allow_host_compat
        )
        line = _arguments.line(command, timeout_seconds, cwd, env, user, shell)
        given = _arguments.stdin(stdin)
        return CommandStream(
            lambda: self._native.run_in_vm(
                {**machine, "network": network, **line, "stdin": given, "streams": True}
            ),
            check,
        )

    def create_vm(
        self,
        *,
        environment: str,
        vcpu_count: int = 1,
        mem_mib: int = 1024,
        ttl_seconds: int = 600,
        network: bool = False,
        allow_host_compat: bool = False,
    ) -> Vm:
        """Create a vm that stays until a command has used it; nothing runs yet."""
        machine = _arguments.machine(
            environment, vcpu_count, mem_mib, ttl_seconds, allow_host_compat
        )
        created: Vm = self._finish(self._native.create_vm({**machine, "network": network}))
        return created

    def start_vm(self, vm_id: str) -> Vm:
        """Start a vm that is created or stopped."""
        started: Vm = self._finish(self._native.start_vm({"vm_id": vm_id}))
        return started

    def exec_vm(
        self,
        vm_id: str,
        *,
        command: str,
        timeout_seconds: int = 30,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        shell: Shell = "login",
        stdin: Input | None = None,
        check: bool = False,
        on_stdout: OnOutput | None = None,
        on_stderr: OnOutput | None = None,
    ) -> VmExec:
        """Run one command in a started vm, and delete the vm."""
        heard = sink(on_stdout, on_stderr)
        line = _arguments.line(command, timeout_seconds, cwd, env, user, shell)
        call = self._native.exec_vm(
            {
                "vm_id": vm_id,
                **line,
                "stdin": _arguments.stdin(stdin),
                "streams": heard is not None,
            }
        )
        ran: VmExec = self._finish(call, heard)
        return checked(ran, check)

    def stop_vm(self, vm_id: str) -> Vm:
        """Stop a started vm; its disk is kept."""
        stopped: Vm = self._finish(self._native.stop_vm({"vm_id": vm_id}))
        return stopped

    def delete_vm(self, vm_id: str) -> VmDeleted:
        """Delete a vm with its disk, whatever its state."""
        deleted: VmDeleted = self._finish(self._native.delete_vm({"vm_id": vm_id}))
        return deleted

    def status_vm(self, vm_id: str) -> Vm:
        """Describe one vm as it is now."""
        status: Vm = self._finish(self._native.status_vm({"vm_id": vm_id}))
        return status

    def network_info_vm(self, vm_id: str) -> VmNetwork:
        """Describe the network of a vm."""
        network: VmNetwork = self._finish(self._native.network_info_vm({"vm_id": vm_id}))
        return network

    def reap_expired(self) -> ReapedVms:
        """Delete every vm whose lifetime is over."""
        reaped: ReapedVms = self._finish(self._native.reap_expired())
        return reaped
