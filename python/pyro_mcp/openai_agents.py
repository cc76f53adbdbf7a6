"""The sandbox of openai-agents whose sessions are virtual machines.

Installed by ``pip install pyro-mcp[openai-agents]``::

    sandbox = SandboxRunConfig(client=PyroSandboxClient())
    await Runner.run(agent, "...", run_config=RunConfig(sandbox=sandbox))
"""

from __future__ import annotations

import errno
import io
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any, Literal, cast

from agents.sandbox.errors import (
    ExecTimeoutError,
    ExecTransportError,
    WorkspaceArchiveReadError,
    WorkspaceArchiveWriteError,
    WorkspaceReadNotFoundError,
)
from agents.sandbox.manifest import Manifest
from agents.sandbox.session import BaseSandboxSession, SandboxSession, SandboxSessionState
from agents.sandbox.session.runtime_helpers import (
    RESOLVE_WORKSPACE_PATH_HELPER,
    RuntimeHelperScript,
)
from agents.sandbox.session.sandbox_client import BaseSandboxClient, BaseSandboxClientOptions
from agents.sandbox.snapshot import SnapshotBase, SnapshotSpec, resolve_snapshot
from agents.sandbox.types import ExecResult, User
from agents.sandbox.workspace_paths import posix_path_for_error, sandbox_path_str

from . import _adapter
from ._async.client import AsyncPyro
from .errors import NotFoundError, PyroError
from .types import NetworkPolicy

_LIMIT = 64 << 20
"""Bytes of one command's output, and of one file."""


class PyroSandboxClientOptions(BaseSandboxClientOptions):
    """The machine of a session."""

    type: str = "pyro"
    environment: str = "debian:12"
    vcpu_count: int = 1
    mem_mib: int = 1024
    network_policy: NetworkPolicy = "off"


class PyroSandboxSessionState(SandboxSessionState):
    """What finds a session again."""

    # The library registers the class by this literal, though its own field is a str.
    type: Literal["pyro"] = "pyro"  # pyright: ignore[reportIncompatibleVariableOverride]
    workspace_id: str
    machine: PyroSandboxClientOptions


class PyroSandboxSession(BaseSandboxSession):
    """A workspace of pyro."""

    # As narrow as in the library's own sessions.
    state: PyroSandboxSessionState

    def __init__(self, pyro: AsyncPyro, state: PyroSandboxSessionState) -> None:
        self._pyro = pyro
        self.state = state  # pyright: ignore[reportIncompatibleVariableOverride]

    async def exec(
        self,
        *command: str | Path,
        timeout: float | None = None,
        shell: bool | list[str] = True,
        user: str | User | None = None,
    ) -> ExecResult:
        # The guest has no sudo, and pyro needs none.
        line = self._prepare_exec_command(*command, shell=shell, user=None)
        return await self._exec_as(line, timeout, user)

    async def _exec_internal(
        self, *command: str | Path, timeout: float | None = None
    ) -> ExecResult:
        return await self._exec_as([str(word) for word in command], timeout, None)

    async def _exec_as(
        self, line: list[str], timeout: float | None, user: str | User | None
    ) -> ExecResult:
        ran = await self._run(
            _LIMIT,
            line,
            command=_adapter.words(line),
            shell="sh",
            timeout_seconds=_adapter.LONGEST if timeout is None else max(1, round(timeout)),
            user=_name(user),
            # It is there once the manifest was applied.
            cwd=self.state.manifest.root if self.state.workspace_root_ready else None,
        )
        if ran.timed_out:
            raise ExecTimeoutError(command=line, timeout_s=timeout)
        if ran.truncated:
            ran.stderr += b"\n[the output was cut]"
        return ExecResult(
            stdout=bytes(ran.stdout), stderr=bytes(ran.stderr), exit_code=ran.exit_code
        )

    async def read(self, path: Path, *, user: str | User | None = None) -> io.IOBase:
        place = await self._validate_path_access(path)
        name = sandbox_path_str(place)
        ran = await self._run(
            _LIMIT, ["cat", name], user=_name(user), **_adapter.reading(name, _LIMIT)
        )
        try:
            _adapter.check(ran, name)
        except OSError as error:
            if error.errno == errno.ENOENT:
                raise WorkspaceReadNotFoundError(path=path, cause=error) from error
            raise WorkspaceArchiveReadError(path=path, cause=error) from error
        return io.BytesIO(bytes(ran.stdout))

    async def write(
        self, path: Path, data: io.IOBase, *, user: str | User | None = None
    ) -> None:
        place = await self._validate_path_access(path, for_write=True)
        name = sandbox_path_str(place)
        ran = await self._run(
            1 << 16, ["write", name], user=_name(user), **_adapter.writing(name, _bytes(data))
        )
        try:
            _adapter.check(ran, name)
        except OSError as error:
            raise WorkspaceArchiveWriteError(path=path, cause=error) from error

    async def running(self) -> bool:
        try:
            status = await self._pyro.status_workspace(self.state.workspace_id)
        except NotFoundError:
            return False
        return status["state"] == "started"

    async def persist_workspace(self) -> io.IOBase:
        root = sandbox_path_str(self._workspace_root_path())
        left_out = [f"--exclude=./{one}" for one in self._persist_workspace_skip_relpaths()]
        line = ["tar", "-C", root, *left_out, "-cf", "-", "."]
        archive = tempfile.TemporaryFile()
        try:
            ran = await self._run(
                1 << 16, line, command=_adapter.words(line), shell="sh", into=archive
            )
            if ran.exit_code != 0:
                path = posix_path_for_error(self._workspace_root_path())
                raise WorkspaceArchiveReadError(path=path, context={"stderr": _text(ran.stderr)})
            archive.seek(0)
        except BaseException:
            archive.close()
            raise
        return cast(io.IOBase, archive)

    async def hydrate_workspace(self, data: io.IOBase) -> None:
        root = sandbox_path_str(self._workspace_root_path())
        # The guest's own tar unpacks it: a hostile archive stays in the guest.
        command = 'mkdir -p -- "$1" && exec tar -C "$1" -xf -'
        line = ["sh", "-c", command, "sh", root]
        with tempfile.TemporaryFile() as archive:
            # A file of the system is handed on as it is, however large.
            shutil.copyfileobj(data, archive)
            archive.seek(0)
            ran = await self._run(
                1 << 16, line, command=_adapter.words(line), shell="sh", stdin=archive
            )
        if ran.exit_code != 0:
            path = posix_path_for_error(self._workspace_root_path())
            raise WorkspaceArchiveWriteError(path=path, context={"stderr": _text(ran.stderr)})

    async def _ensure_backend_started(self) -> None:
        if not await self.running():
            await self._pyro.start_workspace(self.state.workspace_id)

    async def _shutdown_backend(self) -> None:
        if await self.running():
            await self._pyro.stop_workspace(self.state.workspace_id)

    def _runtime_helpers(self) -> tuple[RuntimeHelperScript, ...]:
        return (RESOLVE_WORKSPACE_PATH_HELPER,)

    def _current_runtime_helper_cache_key(self) -> object | None:
        return self.state.workspace_id

    async def _validate_path_access(self, path: Path | str, *, for_write: bool = False) -> Path:
        return await self._validate_remote_path_access(path, for_write=for_write)

    async def _run(self, limit: int, line: list[str], **options: Any) -> _adapter.Ran:
        options = {"timeout_seconds": _adapter.LONGEST, **options}
        try:
            return await _adapter.run_async(
                self._pyro, self.state.workspace_id, limit=limit, **options
            )
        except PyroError as error:
            context = {"retry_safe": error.may_have_run is False}
            raise ExecTransportError(command=line, context=context, cause=error) from error


class PyroSandboxClient(BaseSandboxClient[PyroSandboxClientOptions]):
    """Makes sessions, finds them again, and deletes them."""

    backend_id = "pyro"
    supports_default_options = True

    def __init__(self, pyro: AsyncPyro | None = None) -> None:
        super().__init__()
        self._pyro = pyro or AsyncPyro()

    async def create(
        self,
        *,
        snapshot: SnapshotSpec | SnapshotBase | None = None,
        manifest: Manifest | None = None,
        options: PyroSandboxClientOptions | None = None,
    ) -> SandboxSession:
        manifest = self._validate_manifest_for_create(manifest or Manifest())
        machine = options or PyroSandboxClientOptions()
        session_id = uuid.uuid4()
        state = PyroSandboxSessionState(
            session_id=session_id,
            snapshot=resolve_snapshot(snapshot, str(session_id)),
            manifest=manifest,
            machine=machine,
            workspace_id=await self._created(machine),
        )
        return self._wrap_session(PyroSandboxSession(self._pyro, state))

    async def delete(self, session: SandboxSession) -> SandboxSession:
        inner = session._inner
        if not isinstance(inner, PyroSandboxSession):
            raise TypeError("PyroSandboxClient deletes sessions of its own")
        try:
            await self._pyro.delete_workspace(inner.state.workspace_id)
        except NotFoundError:
            pass
        return session

    async def resume(self, state: SandboxSessionState) -> SandboxSession:
        if not isinstance(state, PyroSandboxSessionState):
            raise TypeError("PyroSandboxClient resumes sessions of its own")
        state.assert_path_grants_rebound()
        try:
            await self._pyro.status_workspace(state.workspace_id)
            is_there = True
        except NotFoundError:
            state.workspace_id = await self._created(state.machine)
            state.workspace_root_ready = False
            is_there = False
        inner = PyroSandboxSession(self._pyro, state)
        inner._set_start_state_preserved(is_there)
        return self._wrap_session(inner)

    def deserialize_session_state(self, payload: dict[str, object]) -> SandboxSessionState:
        return self._deserialize_session_state_payload(payload, PyroSandboxSessionState)

    async def _created(self, machine: PyroSandboxClientOptions) -> str:
        created = await self._pyro.create_workspace(
            environment=machine.environment,
            vcpu_count=machine.vcpu_count,
            mem_mib=machine.mem_mib,
            network_policy=machine.network_policy,
            # A model may think for as long as it likes.
            ttl_seconds=_adapter.LONGEST,
        )
        return created["workspace_id"]


def _name(user: str | User | None) -> str | None:
    return user.name if isinstance(user, User) else user


def _text(output: bytearray) -> str:
    return bytes(output).decode(errors="replace")


def _bytes(data: io.IOBase) -> bytes:
    given = data.read()
    return given.encode() if isinstance(given, str) else bytes(given)
