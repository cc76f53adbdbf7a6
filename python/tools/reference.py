"""Write `docs/python-api.md` from the package's docstrings.

    python3 python/tools/reference.py [--check]

Sources are read, not imported, so this needs no module that is built.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "python" / "pyro_mcp"
TARGET = ROOT / "docs" / "python-api.md"

HEAD = """\
# The Python API

Written by `python/tools/reference.py` from the docstrings in `python/pyro_mcp`; change those.

`AsyncPyro`, `AsyncWorkspace`, `AsyncWorkspaceShell`, `AsyncWorkspaceService` and
`AsyncCommandStream` have the same methods as coroutines; cancelling one ends what runs in the
guest. Their callbacks may be coroutine functions.
"""

# The classes, in the order of a reader: title, file, class.
CLIENT = [
    ("Environments", "environments", "Environments"),
    ("Virtual machines", "vms", "Vms"),
    ("Workspaces", "workspaces", "Workspaces"),
    ("Files of workspaces", "files", "Files"),
    ("Snapshots of workspaces", "snapshots", "Snapshots"),
    ("Shells of workspaces", "shells", "Shells"),
    ("Services of workspaces", "services", "Services"),
    ("Disks of workspaces", "disks", "Disks"),
    ("Tasks", "tasks", "Tasks"),
    ("Objects and servers", "client", "Pyro"),
]
OBJECTS = [
    ("workspace", "Workspace"),
    ("shell", "WorkspaceShell"),
    ("service", "WorkspaceService"),
    ("stream", "CommandStream"),
]


def classes(path: Path) -> dict[str, ast.ClassDef]:
    """The public classes of a file, in its order."""
    body = ast.parse(path.read_text()).body
    found = [one for one in body if isinstance(one, ast.ClassDef)]
    return {one.name: one for one in found if not one.name.startswith("_")}


def documented(one: ast.ClassDef | ast.FunctionDef) -> str:
    """Its docstring, with Markdown's marks for code."""
    text = ast.get_docstring(one)
    if not text:
        raise SystemExit(f"{one.name} has no docstring")
    return text.replace("``", "`")


def signature(method: ast.FunctionDef) -> str:
    """A call of the method as it is declared, without `self`."""
    arguments = method.args
    arguments.args = [one for one in arguments.args if one.arg != "self"]
    # As people write it: a space at each side of the default of an annotated parameter.
    given = re.sub(r"(?<=[\w\]])=(?=\S)", " = ", ast.unparse(arguments))
    result = ast.unparse(method.returns) if method.returns else "None"
    line = f"{method.name}({given}) -> {result}"
    if len(line) <= 96:
        return line
    return f"{method.name}(\n    " + ",\n    ".join(split(given)) + f",\n) -> {result}"


def split(given: str) -> Iterator[str]:
    """Parameters, cut at the commas between them."""
    depth, start = 0, 0
    for at, letter in enumerate(given):
        depth += (letter in "[(") - (letter in "])")
        if letter == "," and depth == 0:
            yield given[start:at].strip()
            start = at + 1
    yield given[start:].strip()


def methods(one: ast.ClassDef, level: str) -> Iterator[str]:
    """The public methods of a class."""
    for method in one.body:
        if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
            is_property = any(ast.unparse(mark) == "property" for mark in method.decorator_list)
            yield f"{level} `{method.name}`\n"
            if not is_property:
                yield f"```text\n{signature(method)}\n```\n"
            yield documented(method) + "\n"


def fields(one: ast.ClassDef, all_of: dict[str, ast.ClassDef]) -> Iterator[str]:
    """Rows of a dictionary's fields, those of its bases first."""
    for base in one.bases:
        if inherited := all_of.get(ast.unparse(base)):
            yield from fields(inherited, all_of)
    may_lack = any(word.arg == "total" for word in one.keywords)
    for field in one.body:
        if isinstance(field, ast.AnnAssign):
            kind = ast.unparse(field.annotation).replace("|", "\\|")
            yield f"| `{ast.unparse(field.target)}` | `{kind}` | {'maybe' if may_lack else ''} |"


def dictionaries() -> Iterator[str]:
    """Every dictionary that has a description of its own."""
    files = ["vms", "workspaces", "files", "snapshots", "shells", "services", "disks", "secrets", "tasks"]
    all_of: dict[str, ast.ClassDef] = {}
    for name in files:
        all_of |= classes(PACKAGE / "types" / f"{name}.py")
    for name, one in all_of.items():
        if not ast.get_docstring(one) or name.endswith("Fields"):
            continue
        yield f"### `{name}`\n"
        yield documented(one) + "\n"
        yield "| field | type | |\n|---|---|---|"
        yield "\n".join(fields(one, all_of)) + "\n"


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    base = classes(PACKAGE / "_sync" / "base.py")["Base"]
    client = classes(PACKAGE / "_sync" / "client.py")["Pyro"]
    init = next(one for one in base.body if getattr(one, "name", "") == "__init__")
    assert isinstance(init, ast.FunctionDef)
    parts += ["## `Pyro`\n", documented(client) + "\n"]
    parts += [f"```text\n{signature(init).replace('__init__', 'Pyro', 1)}\n```\n"]
    parts += [documented(base) + "\n"]
    for title, file, name in CLIENT:
        parts.append(f"### {title}\n")
        parts += methods(classes(PACKAGE / "_sync" / f"{file}.py")[name], "####")
    for file, name in OBJECTS:
        one = classes(PACKAGE / "_sync" / f"{file}.py")[name]
        parts += [f"## `{name}`\n", documented(one) + "\n"]
        parts += methods(one, "###")
    for name, one in classes(PACKAGE / "_server.py").items():
        parts += [f"## `{name}`\n", documented(one) + "\n"]
        parts += methods(one, "###")
    parts.append("## Errors\n")
    for name, one in classes(PACKAGE / "errors.py").items():
        bases = ", ".join(f"`{ast.unparse(base)}`" for base in one.bases)
        parts += [f"### `{name}`\n", f"A {bases}. {documented(one)}\n"]
    parts += ["## Dictionaries\n", "A field marked `maybe` is there where there is something to tell.\n"]
    parts += dictionaries()
    return "\n".join(parts)


def main() -> int:
    text = page()
    if TARGET.exists() and TARGET.read_text() == text:
        return 0
    if "--check" in sys.argv[1:]:
        print(f"{TARGET.name} is not as the docstrings are; run python3 {sys.argv[0]}")
        return 1
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
