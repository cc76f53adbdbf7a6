"""A model of OpenAI's Responses API runs commands, each in a virtual machine of its own.

pip install pyro-mcp openai; set OPENAI_API_KEY, and OPENAI_BASE_URL for another endpoint.
"""

import json
import os

from openai import OpenAI
from openai.types.responses import FunctionToolParam, ResponseInputParam

from pyro_mcp import Pyro

VM_RUN: FunctionToolParam = {
    "type": "function",
    "name": "vm_run",
    "description": "Run one shell command in a new virtual machine, deleted when it ends.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"command": {"type": "string"}},
        "required": ["command"],
        "additionalProperties": False,
    },
}


def vm_run(command: str) -> str:
    result = Pyro().run_in_vm(environment="debian:12", command=command)
    return json.dumps({name: result[name] for name in ("exit_code", "stdout", "stderr")})


MODEL = os.environ.get("OPENAI_MODEL", "gpt-5")
QUESTION = "Which version of git does Debian 12 have? Run it and see."

client = OpenAI()
response = client.responses.create(model=MODEL, input=QUESTION, tools=[VM_RUN])
while calls := [item for item in response.output if item.type == "function_call"]:
    outputs: ResponseInputParam = []
    for call in calls:
        output = vm_run(**json.loads(call.arguments))
        outputs.append(
            {"type": "function_call_output", "call_id": call.call_id, "output": output}
        )
    response = client.responses.create(
        model=MODEL, previous_response_id=response.id, input=outputs, tools=[VM_RUN]
    )
print(response.output_text)
