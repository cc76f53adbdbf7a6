"""Results about environments, commands and vms."""

from __future__ import annotations

from typing import Literal, TypedDict

from .arguments import ExecutionMode, VmState


class EnvironmentOptional(TypedDict, total=False):
    install_manifest: str


class Environment(EnvironmentOptional):
    """An environment of the catalog."""

    name: str
    version: str
    description: str
    default_packages: list[str]
    distribution: str
    distribution_version: str
    platform: str
    oci_registry: str | None
    oci_repository: str | None
    oci_reference: str | None
    source_digest: str | None
    compatibility: str
    catalog_version: str
    installed: bool
    cache_dir: str
    install_dir: str


class InstalledEnvironment(Environment):
    """An environment that was installed, or found to be."""

    kernel_image: str
    rootfs_image: str
    source: str


class PrunedEnvironments(TypedDict):
    """What was removed of the cache."""

    count: int
    deleted_environment_dirs: list[str]


class CommandOutputOptional(TypedDict, total=False):
    stdout_base64: str
    stderr_base64: str


class CommandOutput(CommandOutputOptional):
    """The output of a command: the text that fits in a result, and where the whole is.

    ``*_file`` is a name for ``read_output``, where something was left out.
    """

    stdout: str
    stderr: str
    stdout_encoding: Literal["utf-8", "utf-8-replaced"]
    stderr_encoding: Literal["utf-8", "utf-8-replaced"]
    stdout_truncated: bool
    stderr_truncated: bool
    stdout_bytes: int
    stderr_bytes: int
    stdout_file: str | None
    stderr_file: str | None


class CommandResultOptional(TypedDict, total=False):
    out_of_memory: str


class CommandResult(CommandOutput, CommandResultOptional):
    """How a command ended, and its output.

    ``exit_code`` is as a shell has it: 128+n for signal n, 124 where its time was over.
    """

    command: str
    exit_code: int | None
    signal: int | None
    timed_out: bool
    duration_ms: int
    execution_mode: ExecutionMode


class VmDeleted(TypedDict):
    """That a vm is gone."""

    vm_id: str
    deleted: bool
    reason: Literal["explicit_delete", "post_exec_cleanup"]


class VmExec(CommandResult):
    """A command that ran in a vm, which is gone since."""

    vm_id: str
    environment: str
    environment_version: str | None
    cleanup: VmDeleted


class Vm(TypedDict):
    """A vm."""

    vm_id: str
    environment: str
    environment_version: str | None
    vcpu_count: int
    mem_mib: int
    ttl_seconds: int
    created_at: float
    expires_at: float | None
    state: VmState
    network_enabled: bool
    allow_host_compat: bool
    guest_ip: str | None
    tap_name: str | None
    execution_mode: ExecutionMode
    metadata: dict[str, str]
    last_error: str | None


class VmNetwork(TypedDict):
    """The network of a vm."""

    vm_id: str
    network_enabled: bool
    outbound_connectivity_expected: bool
    reason: str


class ReapedVms(TypedDict):
    """The vms whose lifetime was over."""

    count: int
    deleted_vm_ids: list[str]


class OutputPage(TypedDict):
    """A page of a command's output."""

    name: str
    offset: int
    next_offset: int | None
    total_bytes: int
    output_bytes: int
    text: str
    encoding: Literal["utf-8", "utf-8-replaced"]
