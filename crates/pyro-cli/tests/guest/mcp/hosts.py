"""fastmcp connects through every file that `pyro mcp config` wrote: argv is HOST=FILE…"""

import asyncio
import json
import os
import sys
import tomllib

import yaml
from fastmcp import Client

SERVERS = {"opencode": "mcp", "vscode": "servers", "zed": "context_servers", "codex": "mcp_servers", "goose": "extensions"}


def server(host, file):
    """The server as the host would start it."""
    with open(file, encoding="utf-8") as text:
        load = tomllib.loads if host == "codex" else yaml.safe_load if host == "goose" else json.loads
        entry = load(text.read())[SERVERS.get(host, "mcpServers")]["pyro"]
    if host == "opencode":
        assert entry["type"] == "local" and entry["enabled"] is True, entry
        return entry["command"][0], entry["command"][1:]
    if host == "goose":
        assert entry["type"] == "stdio" and entry["enabled"] is True, entry
        return entry["cmd"], entry["args"]
    return entry["command"], entry["args"]


async def main():
    for host, file in (argument.split("=", 1) for argument in sys.argv[1:]):
        command, args = server(host, file)
        # A file of the project is for other machines too.
        assert command == "pyro" if host in ("claude-code", "vscode") else os.path.isabs(command), command
        command = os.environ["PYRO"] if command == "pyro" else command
        servers = {"pyro": {"command": command, "args": args, "env": dict(os.environ)}}
        async with Client({"mcpServers": servers}) as client:
            tools = [tool.name for tool in await client.list_tools()]
        assert tools == ["vm_run"], (host, tools)
        print(f"{host}: {', '.join(tools)}")


asyncio.run(main())
