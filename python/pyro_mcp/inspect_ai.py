"""The sandbox ``pyro`` of inspect_ai: each sample has a virtual machine of its own.

Installed by ``pip install pyro-mcp[inspect]``; inspect_ai finds it by its entry point::

    Task(dataset=..., solver=..., sandbox="pyro")
    Task(dataset=..., solver=..., sandbox=("pyro", "debian:12-build"))
    Task(dataset=..., solver=..., sandbox=SandboxEnvironmentSpec("pyro", PyroConfig(mem_mib=2048)))
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Literal, overload

import anyio
from inspect_ai.util import (
    ExecResult,
    OutputLimitExceededError,
    SandboxConnection,
    SandboxEnvironment,
    SandboxEnvironmentConfigType,
    SandboxEnvironmentLimits,
    sandboxenv,
)
from inspect_ai.util._sandbox.environment import SandboxUnavailableError
from pydantic import BaseModel

from . import _adapter
from ._async.client import AsyncPyro
from .errors import NotFoundError, PyroError
from .types import NetworkPolicy

_LABEL = "inspect-ai"


class PyroConfig(BaseModel, frozen=True, extra="forbid"):
    """The machine of a sample."""

    environment: str = "debian:12"
    vcpu_count: int = 1
    mem_mib: int = 1024
    network_policy: NetworkPolicy = "off"
    seed_path: str | None = None
    """A directory of the host or an archive that becomes ``/workspace``."""


@sandboxenv(name="pyro")
class PyroSandboxEnvironment(SandboxEnvironment):
    """A workspace of pyro; relative paths are below ``/workspace``."""

    def __init__(self, pyro: AsyncPyro, workspace_id: str) -> None:
        super().__init__()
        self._pyro = pyro
        self.workspace_id = workspace_id

    @classmethod
    def default_concurrency(cls) -> int | None:
        return 2 * (os.cpu_count() or 1)

    @classmethod
    def config_deserialize(cls, config: dict[str, Any]) -> BaseModel:
        return PyroConfig(**config)

    @classmethod
    async def task_init(
        cls, task_name: str, config: SandboxEnvironmentConfigType | None
    ) -> None:
        await AsyncPyro().pull_environment(_config(config).environment)

    @classmethod
    async def sample_init(
        cls,
        task_name: str,
        config: SandboxEnvironmentConfigType | None,
        metadata: dict[str, str],
    ) -> dict[str, SandboxEnvironment]:
        machine = _config(config)
        pyro = AsyncPyro()
        created = await pyro.create_workspace(
            environment=machine.environment,
            vcpu_count=machine.vcpu_count,
            mem_mib=machine.mem_mib,
            network_policy=machine.network_policy,
            seed_path=machine.seed_path,
            # A model may think for as long as it likes.
            ttl_seconds=_adapter.LONGEST,
            labels={"made-by": _LABEL},
        )
        return {"default": cls(pyro, created["workspace_id"])}

    @classmethod
    async def sample_cleanup(
        cls,
        task_name: str,
        config: SandboxEnvironmentConfigType | None,
        environments: dict[str, SandboxEnvironment],
        interrupted: bool,
    ) -> None:
        with anyio.CancelScope(shield=True):
            for environment in environments.values():
                sandbox = environment.as_type(PyroSandboxEnvironment)
                try:
                    await sandbox._pyro.delete_workspace(sandbox.workspace_id)
                except NotFoundError:
                    pass

    @classmethod
    async def cli_cleanup(cls, id: str | None) -> None:
        pyro = AsyncPyro()
        listed = await pyro.list_workspaces()
        for one in listed["workspaces"]:
            is_ours = one["labels"].get("made-by") == _LABEL
            if is_ours and id in (None, one["workspace_id"]):
                await pyro.delete_workspace(one["workspace_id"])

    async def connection(self, *, user: str | None = None) -> SandboxConnection:
        command = f"pyro workspace shell {self.workspace_id}"
        return SandboxConnection(type="pyro", command=command)

    async def exec(
        self,
        cmd: list[str],
        input: str | bytes | None = None,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        user: str | None = None,
        timeout: int | None = None,
        timeout_retry: bool = True,
        concurrency: bool = True,
    ) -> ExecResult[str]:
        """Run a program. It is never run again: after a timeout it may have done its work."""
        ran = await self._run(
            {"command": _adapter.words(cmd), "shell": "sh", "stdin": input},
            SandboxEnvironmentLimits.MAX_EXEC_OUTPUT_SIZE,
            cwd=None if cwd is None else _absolute(cwd),
            env=env,
            user=user,
            timeout_seconds=_adapter.LONGEST if timeout is None else timeout,
        )
        if ran.timed_out:
            raise TimeoutError(f"the command did not end within {timeout} s")
        stdout, stderr = (bytes(one).decode(errors="replace") for one in (ran.stdout, ran.stderr))
        if ran.truncated:
            raise OutputLimitExceededError(
                SandboxEnvironmentLimits.MAX_EXEC_OUTPUT_SIZE_STR, stdout + stderr
            )
        if ran.exit_code == 126 and "permission denied" in stderr.lower():
            raise PermissionError(errno.EACCES, stderr.strip(), cmd[0])
        return ExecResult(ran.exit_code == 0, ran.exit_code, stdout, stderr)

    async def write_file(self, file: str, contents: str | bytes) -> None:
        path = _absolute(file)
        data = contents.encode() if isinstance(contents, str) else contents
        _adapter.check(await self._run(_adapter.writing(path, data), 1 << 16), path)

    @overload
    async def read_file(self, file: str, text: Literal[True] = True) -> str: ...

    @overload
    async def read_file(self, file: str, text: Literal[False]) -> bytes: ...

    async def read_file(self, file: str, text: bool = True) -> str | bytes:
        path, limit = _absolute(file), SandboxEnvironmentLimits.MAX_READ_FILE_SIZE
        ran = await self._run(_adapter.reading(path, limit), limit)
        try:
            _adapter.check(ran, path)
        except OSError as error:
            if error.errno != errno.EFBIG:
                raise
            ran.truncated = True
        if ran.truncated:
            raise OutputLimitExceededError(SandboxEnvironmentLimits.MAX_READ_FILE_SIZE_STR, None)
        data = bytes(ran.stdout)
        return data.decode() if text else data

    async def _run(
        self,
        command: Mapping[str, Any],
        limit: int,
        *,
        timeout_seconds: int = _adapter.LONGEST,
        **options: Any,
    ) -> _adapter.Ran:
        try:
            return await _adapter.run_async(
                self._pyro,
                self.workspace_id,
                limit=limit,
                timeout_seconds=timeout_seconds,
                **command,
                **options,
            )
        except PyroError as error:
            # What is wrong with the call itself is no fault of the sandbox.
            if error.may_have_run is False and isinstance(error, RuntimeError | NotFoundError):
                raise SandboxUnavailableError(str(error)) from error
            raise


def _config(given: SandboxEnvironmentConfigType | None) -> PyroConfig:
    if given is None:
        return PyroConfig()
    if isinstance(given, str):
        return PyroConfig(environment=given)
    if isinstance(given, PyroConfig):
        return given
    raise TypeError(f"the sandbox 'pyro' takes a PyroConfig, not a {type(given).__name__}")


def _absolute(path: str) -> str:
    return str(PurePosixPath(_adapter.WORKSPACE) / path)
