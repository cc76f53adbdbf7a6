"""What pyro raises: one class for each kind of failure, all of them ``PyroError``.

Classes for bad input and unknown ids are also ``ValueError``, all others also ``RuntimeError``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, ClassVar


class PyroError(Exception):
    """A failure: what happened, why, and what to do next."""

    kind: ClassVar[str] = "internal"
    """The name that JSON and MCP use for this kind of failure."""

    message: str
    """What happened, in one line."""
    causes: tuple[str, ...]
    """Why, the nearest cause first."""
    hint: str | None
    """What to do next."""
    may_have_run: bool | None
    """Whether the command may have run: ``False`` where it certainly has not, so that the call can
    be made again; ``True`` where it began; ``None`` where nobody can say."""

    def __init__(
        self,
        message: str,
        *,
        causes: Sequence[str] = (),
        hint: str | None = None,
        may_have_run: bool | None = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.causes = tuple(causes)
        self.hint = hint
        self.may_have_run = may_have_run

    def __str__(self) -> str:
        lines = [self.message]
        lines += [f"  caused by: {cause}" for cause in self.causes]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.message, self.causes, self.hint, self.may_have_run)


class InvalidInputError(PyroError, ValueError):
    """What was asked for is not valid in itself."""

    kind = "invalid_input"


class NotFoundError(PyroError, ValueError):
    """What was named does not exist."""

    kind = "not_found"


class AlreadyExistsError(PyroError, RuntimeError):
    """It exists already."""

    kind = "already_exists"


class WrongStateError(PyroError, RuntimeError):
    """It is not in a state for this."""

    kind = "wrong_state"


class BusyError(PyroError, RuntimeError):
    """Somebody else is changing it, or a limit is reached."""

    kind = "busy"


class ConflictError(PyroError, RuntimeError):
    """It changed meanwhile, or a patch does not fit."""

    kind = "conflict"


class UnavailableError(PyroError, RuntimeError):
    """This host lacks what it takes."""

    kind = "unavailable"


class UnsupportedError(PyroError, RuntimeError):
    """This version of pyro cannot do it."""

    kind = "unsupported"


class TimedOutError(PyroError, RuntimeError):
    """It took too long. A command that exceeds its own limit is no error: its status is 124."""

    kind = "timeout"


class GuestError(PyroError, RuntimeError):
    """The guest failed."""

    kind = "guest"


class CorruptError(PyroError, RuntimeError):
    """A file of pyro's is damaged."""

    kind = "corrupt"


class DeniedError(PyroError, RuntimeError):
    """It was not granted."""

    kind = "denied"


class HostError(PyroError, RuntimeError):
    """The host's files, network or processes failed."""

    kind = "io"


class InternalError(PyroError, RuntimeError):
    """A fault of pyro's own."""

    kind = "internal"


class CommandError(PyroError, RuntimeError):
    """A command that was run with ``check=True`` and ended with another status than 0, or a
    service that did not become ready."""

    kind = "command"

    result: Mapping[str, Any]
    """Its result, as the call would have returned it."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        super().__init__(_ended(result), may_have_run=True)
        self.result = result

    @property
    def exit_code(self) -> int | None:
        """The command's status."""
        code: int | None = self.result["exit_code"]
        return code

    @property
    def stdout(self) -> str:
        """What it printed, as the result has it."""
        return str(self.result["stdout"])

    @property
    def stderr(self) -> str:
        """What it printed on standard error, as the result has it."""
        return str(self.result["stderr"])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.result,)


_KINDS: dict[str, type[PyroError]] = {
    one.kind: one
    for one in (
        InvalidInputError,
        NotFoundError,
        AlreadyExistsError,
        WrongStateError,
        BusyError,
        ConflictError,
        UnavailableError,
        UnsupportedError,
        TimedOutError,
        GuestError,
        CorruptError,
        DeniedError,
        HostError,
        InternalError,
    )
}


def of_failure(failure: Mapping[str, Any]) -> PyroError:
    """The exception of what the native module tells of a failure."""
    kind = _KINDS.get(failure["kind"], InternalError)
    return kind(
        failure["message"],
        causes=failure["causes"],
        hint=failure["hint"],
        may_have_run=failure["may_have_run"],
    )


def _rebuilt(
    kind: type[PyroError],
    message: str,
    causes: tuple[str, ...],
    hint: str | None,
    may_have_run: bool | None,
) -> PyroError:
    """What unpickling calls: keywords cannot be pickled otherwise."""
    return kind(message, causes=causes, hint=hint, may_have_run=may_have_run)


_LAST_LINES = 5


def _ended(result: Mapping[str, Any]) -> str:
    how = f"exit status {result['exit_code']}"
    if result["timed_out"]:
        how = "its time was over"
    command = str(result["command"])
    shown = command if len(command) <= 200 else f"{command[:200]}..."
    said = str(result["stderr"] or result["stdout"]).rstrip().splitlines()[-_LAST_LINES:]
    return "\n".join([f"the command {shown!r} failed: {how}", *said])
