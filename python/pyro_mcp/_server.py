"""``Server``: the MCP server in this process."""

from __future__ import annotations

import os
import sys

from . import _native
from ._arguments import host_path
from ._output import OutputEvent, Sink
from .errors import InvalidInputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .types import Path, Profile, Transport


class Server:
    """An MCP server with the tools of one profile, as ``create_server`` gives it."""

    def __init__(self, native: _native.Native, profile: Profile) -> None:
        names = _native.Native.profiles()
        if profile not in names:
            raise InvalidInputError(
                f"there is no profile {profile!r}", hint=f"take one of {', '.join(names)}"
            )
        self._native = native
        self.profile: Profile = profile

    def run(
        self,
        transport: Transport = "stdio",
        *,
        listen: str = "127.0.0.1:8765",
        token_file: Path | None = None,
        allow_host: Sequence[str] = (),
        allow_path: Sequence[Path] = (),
        allow_network: bool = False,
        allow_host_compat: bool = False,
        concurrency: int | None = None,
        warm: int = 0,
    ) -> None:
        """Serve until the client ends, or until Ctrl-C.

        What a model may reach is granted here: ``allow_path`` are directories of the host, by
        default the project that this process works in. ``listen``, ``token_file`` and
        ``allow_host`` are for the transport ``http``.
        """
        from ._sync.driver import finish

        options = _options(
            self.profile,
            transport,
            listen,
            token_file,
            allow_host,
            allow_path,
            allow_network,
            allow_host_compat,
            concurrency,
            warm,
        )
        finish(self._native.serve(options), _Listening())

    async def run_async(
        self,
        transport: Transport = "stdio",
        *,
        listen: str = "127.0.0.1:8765",
        token_file: Path | None = None,
        allow_host: Sequence[str] = (),
        allow_path: Sequence[Path] = (),
        allow_network: bool = False,
        allow_host_compat: bool = False,
        concurrency: int | None = None,
        warm: int = 0,
    ) -> None:
        """As ``run``, until the task is cancelled."""
        from ._async.driver import finish

        options = _options(
            self.profile,
            transport,
            listen,
            token_file,
            allow_host,
            allow_path,
            allow_network,
            allow_host_compat,
            concurrency,
            warm,
        )
        await finish(self._native.serve(options), _Listening())


def _options(
    profile: Profile,
    transport: Transport,
    listen: str,
    token_file: Path | None,
    allow_host: Sequence[str],
    allow_path: Sequence[Path],
    allow_network: bool,
    allow_host_compat: bool,
    concurrency: int | None,
    warm: int,
) -> dict[str, Any]:
    if transport not in ("stdio", "http"):
        raise InvalidInputError(f"there is no transport {transport!r}", hint="take stdio or http")
    over_http = transport == "http"
    if not over_http and (token_file is not None or allow_host):
        raise InvalidInputError(
            "token_file and allow_host are for another transport", hint='take transport="http"'
        )
    home = os.environ.get("HOME") or None
    paths = [host_path(path) for path in allow_path]
    for path in paths:
        if not os.path.isdir(path):
            raise InvalidInputError(f"allow_path {os.fsdecode(path)!r} is no directory")
    return {
        "profile": profile,
        "listen": listen if over_http else None,
        "token_file": None if token_file is None else host_path(token_file),
        "allow_host": list(allow_host),
        "allow_path": paths,
        "here": None if paths else os.getcwd(),
        "allow_network": allow_network,
        "allow_host_compat": allow_host_compat,
        "concurrency": concurrency,
        "warm": warm,
        "home": home,
        "kept": [os.path.expanduser("~"), os.getcwd()],
    }


class _Listening(Sink):
    """Tells the person at the terminal where an HTTP server listens."""

    def call(self, event: OutputEvent) -> None:
        print(f"[mcp] listening at {event.text}", file=sys.stderr, flush=True)
