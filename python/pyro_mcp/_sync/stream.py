"""``CommandStream``: a command's output as an iterator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Generic, TypeVar

from .. import _native
from .._outcome import checked, outcome
from .._output import OutputEvent, Sink
from . import driver

Result = TypeVar("Result")


class CommandStream(Generic[Result]):
    """A command under way: iterate over its output, then ask for its ``result()``.

    The command waits while nobody takes what it prints. Used in a ``with`` statement it ends
    with the block. Of a service that is followed, only the following does.
    """

    def __init__(self, begin: Callable[[], _native.Call], check: bool = False) -> None:
        self._call = begin()
        self._waiting = driver.Waiting(self._call)
        self._sink = Sink()
        self._check = check
        self._ended = False
        self._result: Result | None = None

    def __iter__(self) -> Iterator[OutputEvent]:
        while not self._ended:
            try:
                chunks = self._waiting.next_chunks()
            except BaseException:
                self.close()
                raise
            if chunks is None:
                self._ended = True
                for event in self._sink.rest():
                    yield event
                return
            for event in self._sink.events(chunks):
                yield event

    def result(self) -> Result:
        """The command's result; output that nobody has taken is dropped."""
        for _ in self:
            pass
        if self._result is None:
            ended: Result = outcome(self._call)
            self._result = ended
        return checked(self._result, self._check)

    def close(self) -> None:
        """End the command if it runs, and wait until nothing of it is left."""
        if not self._ended:
            self._ended = True
            self._waiting.abandon()

    def __enter__(self) -> CommandStream[Result]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
