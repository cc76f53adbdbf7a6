"""Waiting for an operation: its output handed on, Ctrl-C handled, its end awaited."""

from __future__ import annotations

from .._outcome import outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._native import Call
    from .._output import Sink


def finish(call: Call, sink: Sink | None = None) -> Any:
    """The result of an operation. Whatever interrupts the wait ends the operation, and is raised
    once nothing of it is left."""
    waiting = Waiting(call)
    try:
        while (chunks := waiting.next_chunks()) is not None:
            if sink is not None:
                for event in sink.events(chunks):
                    sink.call(event)
        if sink is not None:
            for event in sink.rest():
                sink.call(event)
    except BaseException:
        waiting.abandon()
        raise
    return outcome(call)


class Waiting:
    """An operation that this thread waits for."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def next_chunks(self) -> list[tuple[bool, bytes]] | None:
        """What came next, at once where something waits; none at the end."""
        self._call.wait()
        return self._call.take()

    def abandon(self) -> None:
        """End the operation and wait until nothing of it is left; a second Ctrl-C waits no
        longer."""
        self._call.cancel()
        self._call.wait()
