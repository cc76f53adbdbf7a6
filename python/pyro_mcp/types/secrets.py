"""Secrets of workspaces, as they are given and as results name them."""

from __future__ import annotations

from typing import Literal, TypedDict, Union

from .arguments import Path


class SecretValue(TypedDict):
    """A secret of a new workspace by its value."""

    name: str
    value: str


class SecretFile(TypedDict):
    """A secret of a new workspace by the file of the host that holds its value."""

    name: str
    file_path: Path


Secret = Union[SecretValue, SecretFile]
"""A secret of a new workspace."""


class SecretInfo(TypedDict):
    """A secret of a workspace; nobody is told its value."""

    name: str
    source_kind: Literal["literal", "file", "variable"]
