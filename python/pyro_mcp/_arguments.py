"""Arguments as Python programs give them, and as the native module takes them."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from .types import Input, Path, Secret


def host_path(path: Path) -> str:
    """A path of the host: a thread may change the working directory before it is used."""
    return os.path.join(os.getcwd(), os.path.expanduser(os.fsdecode(path)))


def guest_path(path: Path) -> str:
    """A path of the guest; bytes that are not UTF-8 stand as surrogates."""
    return os.fsdecode(path)


def content(text: str | bytes | bytearray | memoryview, name: str) -> bytes:
    """Text or bytes that are written to a file."""
    if isinstance(text, str):
        return text.encode("utf-8", "surrogateescape")
    if isinstance(text, (bytes, bytearray, memoryview)):
        return bytes(text)
    raise TypeError(f"argument '{name}': {type(text).__name__!r} object is neither text nor bytes")


def stdin(given: Input | None) -> bytes | int | None:
    """What a command reads: text, bytes, or a file. One without a descriptor is read here."""
    if given is None or isinstance(given, bytes):
        return given
    if isinstance(given, (str, bytearray, memoryview)):
        return content(given, "stdin")
    if not hasattr(given, "fileno"):
        kind = type(given).__name__
        raise TypeError(f"argument 'stdin': {kind!r} object is neither text, bytes nor a file")
    try:
        return given.fileno()
    except OSError:
        return content(given.read(), "stdin")


def line(
    command: str,
    timeout_seconds: int,
    cwd: Path | None,
    env: Mapping[str, str] | None,
    user: str | None,
    shell: str,
) -> dict[str, Any]:
    """A command and how it is to run."""
    return {
        "command": command,
        "timeout_seconds": timeout_seconds,
        "cwd": None if cwd is None else guest_path(cwd),
        "env": list(mapping(env, "env").items()),
        "user": user,
        "shell": shell,
    }


def machine(
    environment: str, vcpu_count: int, mem_mib: int, ttl_seconds: int, allow_host_compat: bool
) -> dict[str, Any]:
    """The machine that an operation makes."""
    return {
        "environment": environment,
        "vcpu_count": vcpu_count,
        "mem_mib": mem_mib,
        "ttl_seconds": ttl_seconds,
        "allow_host_compat": allow_host_compat,
    }


def mapping(given: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    """A mapping as a dictionary; none is an empty one."""
    if given is None:
        return {}
    try:
        return dict(given)
    except (TypeError, ValueError):
        kind = type(given).__name__
        raise TypeError(f"argument '{name}': {kind!r} object is no mapping") from None


def secrets(
    given: Iterable[Secret | Mapping[str, str]] | None,
) -> list[tuple[str, str | None, str | None]]:
    """The secrets of a new workspace: the name of each, and its value or its file."""
    told: list[tuple[str, str | None, str | None]] = []
    for one in given or ():
        fields = mapping(one, "secrets")
        if set(fields) == {"name", "value"}:
            told.append((fields["name"], fields["value"], None))
        elif set(fields) == {"name", "file_path"}:
            told.append((fields["name"], None, host_path(fields["file_path"])))
        else:
            from .errors import InvalidInputError

            raise InvalidInputError(
                "each of secrets has a name and either a value or a file_path",
                hint='give them as {"name": "TOKEN", "file_path": "/path"}, or with a value',
            )
    return told


def secret_env(given: Mapping[str, str] | None) -> list[tuple[str, str]]:
    """Secrets by name, and the variables that a process finds them in."""
    return list(mapping(given, "secret_env").items())


def unsupported(what: object, name: str) -> None:
    """Refuse a parameter of the contract whose feature is not built yet."""
    if what:
        from .errors import UnsupportedError

        raise UnsupportedError(
            f"{name} cannot be used in this version of pyro", hint=f"leave {name} out"
        )
