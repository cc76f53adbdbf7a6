"""The tool ``vm_run`` as a JSON schema, and the function that answers a call of it.

Any API with function calls takes the schema; each has its own envelope around it.
"""

import json
from typing import Any

from pyro_mcp import Pyro, PyroError

VM_RUN: dict[str, Any] = {
    "name": "vm_run",
    "description": (
        "Run one shell command in a new virtual machine, which is deleted when the command ends."
    ),
    "parameters": {
        "type": "object",
        "properties": {
            "command": {"type": "string", "description": "A line for bash."},
            "environment": {
                "type": "string",
                "enum": [one["name"] for one in Pyro().list_environments()],
                "default": "debian:12",
            },
            "timeout_seconds": {"type": "integer", "minimum": 1, "default": 30},
        },
        "required": ["command"],
        "additionalProperties": False,
    },
}


def vm_run(arguments: str) -> str:
    """Answer a call with the model's arguments, in JSON; what it did wrong it can read."""
    try:
        given = {"environment": "debian:12", **json.loads(arguments)}
        result = Pyro().run_in_vm(**given)
    except (PyroError, TypeError, ValueError) as error:
        return json.dumps({"error": str(error)})
    return json.dumps({name: result[name] for name in ("exit_code", "stdout", "stderr")})


if __name__ == "__main__":
    print(json.dumps(VM_RUN, indent=2))
    print(vm_run('{"command": "git --version"}'))
