"""What all methods share: the native runtime, and the wait for its operations."""

from __future__ import annotations

from .. import _native, _program
from .._arguments import host_path
from .driver import finish

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any

    from .._output import Sink


class Base:
    """A runtime with its settings.

    ``base_dir`` holds records and disks, ``cache_dir`` installed environments. Where they are not
    given, the variables that the ``pyro`` command reads say where they are.
    """

    def __init__(
        self,
        manager: None = None,
        *,
        backend_name: None = None,
        base_dir: str | os.PathLike[str] | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        max_active_vms: int | None = None,
    ) -> None:
        for name, given in (("manager", manager), ("backend_name", backend_name)):
            if given is not None:
                raise TypeError(f"argument '{name}' has no meaning here: leave it out")
        self._native = _native.Native(
            _program.executable(),
            _program.settings(
                {
                    "PYRO_DATA_DIR": _directory(base_dir),
                    "PYRO_ENVIRONMENT_CACHE_DIR": _directory(cache_dir),
                    "PYRO_MAX_ACTIVE_VMS": _count(max_active_vms),
                }
            ),
        )

    def _finish(self, call: _native.Call, sink: Sink | None = None) -> Any:
        return finish(call, sink)


def _directory(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else host_path(path)


def _count(number: int | None) -> str | None:
    if number is None:
        return None
    if not isinstance(number, int):
        kind = type(number).__name__
        raise TypeError(f"argument 'max_active_vms': {kind!r} object is no whole number")
    return str(int(number))
