"""Write `pyro_mcp/_async` from `pyro_mcp/_sync`, so that both classes have the same methods.

    python3 python/tools/twins.py [--check]

`driver.py` is written by hand on both sides. In all other files a method becomes a coroutine where
it waits: where it calls `_finish`, the driver, or a method of `self.pyro` that waits.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "pyro_mcp"
BY_HAND = {"driver.py"}
HEAD = "# Written by python/tools/twins.py from ../_sync/{name}; change that file.\n"

# What waits, where it is called.
WAITS = re.compile(
    r"(?<![\w.])("
    r"self\._finish\(|finish\(|self\.pyro\.(?!stream_|follow_)\w+\(|self\.(?:create|delete|open|close|start|stop)\("
    r"|self\._waiting\.\w+\()"
)
WIDTH = 100
LOOPS = "for _ in self:"
NAMES = [
    (r"\bPyro\b", "AsyncPyro"),
    (r"\bWorkspace\b", "AsyncWorkspace"),
    (r"\bWorkspaceService\b", "AsyncWorkspaceService"),
    (r"\bWorkspaceShell\b", "AsyncWorkspaceShell"),
    (r"\bCommandStream\b", "AsyncCommandStream"),
    (r"\bOnOutput\b", "OnOutputAsync"),
    (r"\bIterator\b", "AsyncIterator"),
    (r"__enter__", "__aenter__"),
    (r"__exit__", "__aexit__"),
    (r"__iter__", "__aiter__"),
    (r"\ba ``with``", "an ``async with``"),
    (LOOPS, f"async {LOOPS}"),
    (r"as a method that waits for it", "as a coroutine"),
    (
        r"Safe to use from many threads. Ctrl-C during a call ends what runs in the guest.",
        "Safe to use from many event loops and threads. Cancelling a task ends what runs in the "
        "guest.",
    ),
]


def twin(name: str, text: str) -> str:
    """The file with coroutines."""
    blocks = re.split(r"(?m)^(?=    (?:def|@property)\b)", text)
    blocks = [block if "@property" in block else coroutine(block) for block in blocks]
    text = "".join(blocks)
    for pattern, replacement in NAMES:
        text = re.sub(pattern, replacement, text)
    return HEAD.format(name=name) + text


def coroutine(block: str) -> str:
    """A method that waits as one that awaits."""
    head, separator, body = block.partition("\n")
    if not re.match(r"    def ", head):
        return block
    waits = bool(WAITS.search(body) or re.search(r"__(enter|iter)__", head) or LOOPS in body)
    if not waits:
        return block
    head = head.replace("    def ", "    async def ", 1)
    if len(head) > WIDTH:
        head = re.sub(r"\((.*)\)( ->.*)", r"(\n        \1\n    )\2", head)
    return head + separator + WAITS.sub(r"await \1", body)


def main() -> int:
    check = "--check" in sys.argv[1:]
    stale = []
    for source in sorted((PACKAGE / "_sync").glob("*.py")):
        if source.name in BY_HAND:
            continue
        target = PACKAGE / "_async" / source.name
        text = twin(source.name, source.read_text())
        if not target.exists() or target.read_text() != text:
            stale.append(target.name)
            if not check:
                target.write_text(text)
    if check and stale:
        print(f"not as _sync has it: {', '.join(stale)}; run python3 {sys.argv[0]}")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
