# Written by python/tools/twins.py from ../_sync/stream.py; change that file.
"""``AsyncCommandStream``: a command's output as an iterator."""

from __future__ import annotations

from collections.abc import Callable, AsyncIterator
from types import TracebackType
from typing import Generic, TypeVar

from .. import _native
from .._outcome import checked, outcome
from .._output import OutputEvent, Sink
from . import driver

Result = TypeVar("Result")


class AsyncCommandStream(Generic[Result]):
    """A command under way: iterate over its output, then ask for its ``result()``.

    The command waits while nobody takes what it prints. Used in an ``async with`` statement it ends
    with the block. Of a service that is followed, only the following does.
    """

    def __init__(self, begin: Callable[[], _native.Call], check: bool = False) -> None:
        self._call = begin()
        self._waiting = driver.Waiting(self._call)
        self._sink = Sink()
        self._check = check
        self._ended = False
        self._result: Result | None = None

    async def __aiter__(self) -> AsyncIterator[OutputEvent]:
        while not self._ended:
            try:
                chunks = await self._waiting.next_chunks()
            except BaseException:
                await self.close()
                raise
            if chunks is None:
                self._ended = True
                for event in self._sink.rest():
                    yield event
                return
            for event in self._sink.events(chunks):
                yield event

    async def result(self) -> Result:
        """The command's result; output that nobody has taken is dropped."""
        async for _ in self:
            pass
        if self._result is None:
            ended: Result = outcome(self._call)
            self._result = ended
        return checked(self._result, self._check)

    async def close(self) -> None:
        """End the command if it runs, and wait until nothing of it is left."""
        if not self._ended:
            self._ended = True
            await self._waiting.abandon()

    async def __aenter__(self) -> AsyncCommandStream[Result]:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
