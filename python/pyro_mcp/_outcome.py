"""The end of an operation as a result or an exception."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from ._native import Call

    _Result = TypeVar("_Result")


def outcome(call: Call) -> Any:
    """The result of an operation that has ended."""
    ended = call.outcome()
    if ended is None:
        raise RuntimeError("the operation has not ended, or its result was taken")
    went_well, value = ended
    if went_well:
        return value
    from .errors import of_failure

    raise of_failure(value)


def checked(result: _Result, check: bool) -> _Result:
    """The result of a command; with ``check`` only where its status is 0."""
    fields: Any = result
    if check and fields["exit_code"] != 0:
        from .errors import CommandError

        raise CommandError(fields)
    return result


def came_up(service: _Result, check: bool) -> _Result:
    """A service that was started; with ``check`` only where it did not fail to start."""
    fields: Any = service
    if check and fields["state"] == "failed":
        from .errors import CommandError

        is_late = fields["stop_reason"] == "readiness_timeout"
        output = {name: fields.get(f"{name}_tail", "") for name in ("stdout", "stderr")}
        raise CommandError({**fields, **output, "timed_out": is_late})
    return service


def as_task(result: Any) -> Any:
    """The same of a task, as workspaces were called once."""
    result["task_id"] = result.pop("workspace_id")
    return result
