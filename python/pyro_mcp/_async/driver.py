"""Awaiting an operation on an event loop: its output handed on, cancellation taken to its end."""

from __future__ import annotations

import asyncio
from inspect import isawaitable

from .._outcome import outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._native import Call
    from .._output import Sink


async def finish(call: Call, sink: Sink | None = None) -> Any:
    """The result of an operation. Whatever interrupts the wait ends the operation, and is raised
    once nothing of it is left."""
    waiting = Waiting(call)
    try:
        while (chunks := await waiting.next_chunks()) is not None:
            if sink is not None:
                for event in sink.events(chunks):
                    await _awaited(sink.call(event))
        if sink is not None:
            for event in sink.rest():
                await _awaited(sink.call(event))
    except BaseException:
        await waiting.abandon()
        raise
    return outcome(call)


async def _awaited(answer: Any) -> None:
    """A callback may be a coroutine function."""
    if isawaitable(answer):
        await answer


class Waiting:
    """An operation that an event loop waits for, woken from the operation's own thread."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._woken = asyncio.Event()
        loop = asyncio.get_running_loop()
        woken = self._woken
        call.on_ready(lambda: loop.call_soon_threadsafe(woken.set))

    async def next_chunks(self) -> list[tuple[bool, bytes]] | None:
        """What came next; none at the end."""
        while True:
            # Before the look: what comes after it wakes again.
            self._woken.clear()
            chunks = self._call.take()
            if chunks is None or chunks:
                return chunks
            await self._woken.wait()

    async def abandon(self) -> None:
        """End the operation and wait until nothing of it is left, also where the task is cancelled
        once more."""
        self._call.cancel()
        again: asyncio.CancelledError | None = None
        while True:
            try:
                while await self.next_chunks() is not None:
                    pass
                break
            except asyncio.CancelledError as cancelled:
                again = cancelled
        if again is not None:
            raise again
