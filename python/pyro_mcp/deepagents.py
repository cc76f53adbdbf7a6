"""The backend of deepagents whose files and commands are those of a virtual machine.

Installed by ``pip install pyro-mcp[deepagents]``::

    with Pyro().workspace(environment="debian:12", seed_path=".") as workspace:
        agent = create_deep_agent(model=..., backend=PyroSandbox(workspace))

The guest needs no Python: what deepagents does by scripts of Python is done here.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import posixpath

from deepagents.backends.protocol import (
    EditResult,
    ExecuteResponse,
    FileData,
    FileDownloadResponse,
    FileInfo,
    FileUploadResponse,
    GlobResult,
    LsResult,
    ReadResult,
    WriteResult,
)
from deepagents.backends.sandbox import BaseSandbox
from deepagents.backends.utils import perform_string_replacement, slice_read_response
from wcmatch import glob as wildcards

from . import _adapter
from ._sync.workspace import Workspace

_OUTPUT = 1 << 20
"""Bytes of one command's output."""

_FILE = 16 << 20
"""Bytes of one file."""

_ERRORS = {
    errno.ENOENT: "file_not_found",
    errno.EISDIR: "is_directory",
    errno.EACCES: "permission_denied",
}

_WILDCARDS = wildcards.BRACE | wildcards.GLOBSTAR | wildcards.DOTGLOB


class PyroSandbox(BaseSandbox):
    """A workspace, which whoever made it deletes; relative paths are below ``/workspace``."""

    def __init__(self, workspace: Workspace, *, timeout_seconds: int = 120) -> None:
        self.workspace = workspace
        self._timeout_seconds = timeout_seconds

    @property
    def id(self) -> str:
        return self.workspace.id

    def execute(self, command: str, *, timeout: int | None = None) -> ExecuteResponse:
        seconds = self._timeout_seconds if timeout is None else timeout or _adapter.LONGEST
        ran = self._run(_OUTPUT, command=_adapter.together(command), timeout_seconds=seconds)
        output = ran.text
        if ran.timed_out:
            output += f"\n[ended after {seconds} s]"
        return ExecuteResponse(output=output, exit_code=ran.exit_code, truncated=ran.truncated)

    def upload_files(self, files: list[tuple[str, bytes]]) -> list[FileUploadResponse]:
        answers = []
        for path, content in files:
            try:
                self._write(path, content)
                answers.append(FileUploadResponse(path=path))
            except OSError as error:
                answers.append(FileUploadResponse(path=path, error=_told(error)))
        return answers

    def download_files(self, paths: list[str]) -> list[FileDownloadResponse]:
        answers = []
        for path in paths:
            try:
                answers.append(FileDownloadResponse(path=path, content=self._read(path)))
            except OSError as error:
                answers.append(FileDownloadResponse(path=path, error=_told(error)))
        return answers

    def ls(self, path: str) -> LsResult:
        ran = self._find(path, "-mindepth", "1", "-maxdepth", "1")
        if ran.exit_code != 0:
            return LsResult(error=ran.text.strip())
        return LsResult(entries=_entries(ran, posixpath.normpath(_absolute(path))))

    async def als(self, path: str) -> LsResult:
        return await asyncio.to_thread(self.ls, path)

    def read(self, file_path: str, offset: int = 0, limit: int = 2000) -> ReadResult:
        try:
            data = self._read(file_path)
        except OSError as error:
            return ReadResult(error=f"File '{file_path}': {_told(error)}")
        try:
            text = FileData(content=data.decode(), encoding="utf-8")
        except UnicodeDecodeError:
            encoded = base64.b64encode(data).decode()
            return ReadResult(file_data=FileData(content=encoded, encoding="base64"))
        return slice_read_response(text, offset, limit)

    async def aread(self, file_path: str, offset: int = 0, limit: int = 2000) -> ReadResult:
        return await asyncio.to_thread(self.read, file_path, offset, limit)

    def write(self, file_path: str, content: str) -> WriteResult:
        try:
            self._write(file_path, content.encode())
        except OSError as error:
            return WriteResult(error=f"Failed to write file '{file_path}': {_told(error)}")
        return WriteResult(path=file_path)

    async def awrite(self, file_path: str, content: str) -> WriteResult:
        return await asyncio.to_thread(self.write, file_path, content)

    def edit(
        self, file_path: str, old_string: str, new_string: str, replace_all: bool = False
    ) -> EditResult:
        try:
            content = self._read(file_path).decode()
            replaced = perform_string_replacement(content, old_string, new_string, replace_all)
            if isinstance(replaced, str):
                return EditResult(error=replaced)
            self._write(file_path, replaced[0].encode())
        except OSError as error:
            return EditResult(error=f"Error editing file '{file_path}': {_told(error)}")
        except UnicodeDecodeError:
            return EditResult(error=f"Error editing file '{file_path}': it is no UTF-8 text")
        return EditResult(path=file_path, occurrences=replaced[1])

    async def aedit(
        self, file_path: str, old_string: str, new_string: str, replace_all: bool = False
    ) -> EditResult:
        return await asyncio.to_thread(
            self.edit, file_path, old_string, new_string, replace_all
        )

    def glob(self, pattern: str, path: str | None = None) -> GlobResult:
        root = posixpath.normpath(_absolute(path or "."))
        ran = self._find(root, "-mindepth", "1", "-type", "f")
        if ran.exit_code != 0 and not ran.stdout:
            return GlobResult(error=ran.text.strip())
        wanted = pattern.removeprefix("/") if "/" in pattern else f"**/{pattern}"
        found = [
            one
            for one in _entries(ran, root)
            if wildcards.globmatch(posixpath.relpath(one["path"], root), wanted, flags=_WILDCARDS)
        ]
        return GlobResult(matches=found, truncated=ran.truncated)

    async def aglob(self, pattern: str, path: str | None = None) -> GlobResult:
        return await asyncio.to_thread(self.glob, pattern, path)

    def _find(self, path: str, *tests: str) -> _adapter.Ran:
        # Names hold anything but NUL.
        line = ["find", "-H", _absolute(path), *tests, "-printf", r"%y %s %P\0"]
        return self._run(_FILE, command=_adapter.words(line), shell="sh")

    def _read(self, path: str) -> bytes:
        place = _absolute(path)
        ran = self._run(_FILE, **_adapter.reading(place, _FILE))
        _adapter.check(ran, place)
        return bytes(ran.stdout)

    def _write(self, path: str, content: bytes) -> None:
        place = _absolute(path)
        _adapter.check(self._run(_OUTPUT, **_adapter.writing(place, content)), place)

    def _run(self, limit: int, **options: object) -> _adapter.Ran:
        options = {"timeout_seconds": self._timeout_seconds, **options}
        command = str(options.pop("command"))
        workspace = self.workspace
        return _adapter.run(workspace.pyro, workspace.id, command, limit=limit, **options)


def _entries(ran: _adapter.Ran, root: str) -> list[FileInfo]:
    """What ``find`` has printed, without a last piece that was cut."""
    entries = []
    for line in bytes(ran.stdout).decode(errors="replace").split("\0")[:-1]:
        kind, size, name = line.split(" ", 2)
        path = posixpath.join(root, name)
        entries.append(FileInfo(path=path, is_dir=kind == "d", size=int(size)))
    return sorted(entries, key=lambda entry: entry["path"])


def _told(error: OSError) -> str:
    return _ERRORS.get(error.errno or 0, str(error))


def _absolute(path: str) -> str:
    return posixpath.join(_adapter.WORKSPACE, path)
