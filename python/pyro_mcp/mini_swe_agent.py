"""The environment of mini-swe-agent in which commands run in a virtual machine.

Installed by ``pip install pyro-mcp[mini-swe-agent]``; the agent's configuration names it::

    environment:
      environment_class: pyro_mcp.mini_swe_agent.PyroEnvironment
      seed_path: ./my-project
"""

from __future__ import annotations

import weakref
from typing import Any

from minisweagent.exceptions import Submitted
from minisweagent.utils.serialize import recursive_merge
from pydantic import BaseModel

from . import _adapter
from ._sync.client import Pyro
from ._sync.workspace import Workspace
from .errors import NotFoundError, PyroError
from .types import NetworkPolicy

_SUBMIT = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"

# Bytes of one command's output: the agent's templates show a few thousand.
_LIMIT = 1 << 20


class PyroEnvironmentConfig(BaseModel, extra="forbid"):
    """The machine, and how commands are run in it."""

    environment: str = "debian:12"
    vcpu_count: int = 1
    mem_mib: int = 1024
    network_policy: NetworkPolicy = "off"
    seed_path: str | None = None
    """A directory of the host or an archive that becomes ``/workspace``."""
    cwd: str = _adapter.WORKSPACE
    env: dict[str, str] = {}
    timeout: int = 30
    """Seconds for one command."""
    keep: bool = False
    """Whether the workspace stays when the environment ends."""


class PyroEnvironment:
    """A workspace of pyro, deleted by ``cleanup`` or at the end of the process."""

    def __init__(self, *, config_class: type = PyroEnvironmentConfig, **kwargs: Any) -> None:
        self.config = config_class(**kwargs)
        pyro = Pyro()
        created = pyro.create_workspace(
            environment=self.config.environment,
            vcpu_count=self.config.vcpu_count,
            mem_mib=self.config.mem_mib,
            network_policy=self.config.network_policy,
            seed_path=self.config.seed_path,
            # A model may think for as long as it likes.
            ttl_seconds=_adapter.LONGEST,
        )
        self.workspace: Workspace = pyro.open_workspace(created["workspace_id"])
        self._end = None if self.config.keep else weakref.finalize(self, _delete, self.workspace)
        self._system = self._uname()

    def execute(
        self, action: dict[str, Any], cwd: str = "", *, timeout: int | None = None
    ) -> dict[str, Any]:
        """Run the command of an action; raise ``Submitted`` when it submits the work."""
        try:
            ran = self._run(
                _adapter.together(action.get("command", "")),
                cwd=cwd or self.config.cwd,
                env=self.config.env,
                timeout_seconds=timeout or self.config.timeout,
            )
        except PyroError as error:
            return {
                "output": "",
                "returncode": -1,
                "exception_info": f"the command could not be run: {error}",
                "extra": {"exception_type": type(error).__name__, "exception": str(error)},
            }
        output = {"output": ran.text, "returncode": ran.exit_code, "exception_info": ""}
        if ran.timed_out:
            seconds = timeout or self.config.timeout
            output["exception_info"] = f"the command was ended after {seconds} s"
        _raise_submitted(output)
        return output

    def cleanup(self) -> None:
        """Delete the workspace, unless it is to be kept."""
        if self._end is not None:
            self._end()

    def get_template_vars(self, **kwargs: Any) -> dict[str, Any]:
        """What the agent's templates may name: the settings, and the guest's system."""
        variables: dict[str, Any] = recursive_merge(
            self.config.model_dump(), self._system, kwargs
        )
        return variables

    def serialize(self) -> dict[str, Any]:
        """What the agent's trajectory tells of the environment."""
        kind = type(self)
        return {
            "info": {
                "config": {
                    "environment": self.config.model_dump(mode="json"),
                    "environment_type": f"{kind.__module__}.{kind.__name__}",
                }
            }
        }

    def _run(self, command: str, **options: Any) -> _adapter.Ran:
        return _adapter.run(
            self.workspace.pyro, self.workspace.id, command, limit=_LIMIT, **options
        )

    def _uname(self) -> dict[str, str]:
        names = ("system", "node", "release", "version", "machine")
        ran = self._run("for part in s n r v m; do uname -$part; done", shell="sh")
        return dict(zip(names, ran.text.splitlines()))


def _raise_submitted(output: dict[str, Any]) -> None:
    first, _, submission = output["output"].lstrip().partition("\n")
    if first.strip() == _SUBMIT and output["returncode"] == 0:
        raise Submitted(
            {
                "role": "exit",
                "content": submission,
                "extra": {"exit_status": "Submitted", "submission": submission},
            }
        )


def _delete(workspace: Workspace) -> None:
    try:
        workspace.delete()
    except NotFoundError:
        pass
