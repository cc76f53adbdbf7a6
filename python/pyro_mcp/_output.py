"""A command's output as it comes."""

from __future__ import annotations

import codecs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Literal

    from .types import OnOutput


class OutputEvent:
    """A piece of a command's output."""

    __slots__ = ("data", "stream", "text")

    stream: Literal["stdout", "stderr"]
    """Which of the two it is."""
    data: bytes
    """The piece as it is."""
    text: str
    """The piece as text. A character that is cut is in the next one; invalid UTF-8 is replaced."""

    def __init__(self, stream: Literal["stdout", "stderr"], data: bytes, text: str) -> None:
        self.stream = stream
        self.data = data
        self.text = text

    def __repr__(self) -> str:
        return f"OutputEvent({self.stream}, {self.data!r})"


class Sink:
    """Makes events of output, and calls who wants to hear of them."""

    def __init__(self, on_stdout: OnOutput | None = None, on_stderr: OnOutput | None = None):
        for name, callback in (("on_stdout", on_stdout), ("on_stderr", on_stderr)):
            if callback is not None and not callable(callback):
                kind = type(callback).__name__
                raise TypeError(f"argument '{name}': {kind!r} object cannot be called")
        decoder = codecs.getincrementaldecoder("utf-8")
        self._stdout = decoder("replace")
        self._stderr = decoder("replace")
        self._on_stdout = on_stdout
        self._on_stderr = on_stderr

    def events(self, chunks: list[tuple[bool, bytes]]) -> Iterator[OutputEvent]:
        """The events of what came."""
        for is_stderr, data in chunks:
            if is_stderr:
                yield OutputEvent("stderr", data, self._stderr.decode(data))
            else:
                yield OutputEvent("stdout", data, self._stdout.decode(data))

    def rest(self) -> Iterator[OutputEvent]:
        """At the end: what is left of characters that were cut."""
        if text := self._stdout.decode(b"", True):
            yield OutputEvent("stdout", b"", text)
        if text := self._stderr.decode(b"", True):
            yield OutputEvent("stderr", b"", text)

    def call(self, event: OutputEvent) -> Any:
        """Tell of an event; what the callback returned."""
        callback = self._on_stdout if event.stream == "stdout" else self._on_stderr
        if callback is not None and event.text:
            return callback(event.text)
        return None


def sink(on_stdout: OnOutput | None, on_stderr: OnOutput | None) -> Sink | None:
    """A sink, where somebody wants to hear of output."""
    if on_stdout is None and on_stderr is None:
        return None
    return Sink(on_stdout, on_stderr)
