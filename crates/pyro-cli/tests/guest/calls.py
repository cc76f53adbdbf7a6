"""Calls of MCP tools: one a line of stdin as {tool: arguments}, made in turn of one server.

Where arguments say ID or SHELL, that stands for the id of the workspace that was created last, or
of the shell that was opened last.
"""

import json
import subprocess
import sys

server = subprocess.Popen(
    ["pyro", "mcp", "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
)


def send(method, params, **more):
    message = {"jsonrpc": "2.0", "method": method, "params": params, **more}
    print(json.dumps(message), file=server.stdin, flush=True)


def ask(number, method, params):
    """The result of a request; what is told meanwhile does not matter."""
    send(method, params, id=number)
    for line in server.stdout:
        message = json.loads(line)
        if message.get("id") == number and "method" not in message:
            return message["result"]
    sys.exit(f"the server ended before it answered {method}")


client = {"name": "docs", "version": "1"}
ask(0, "initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client})
send("notifications/initialized", {})
ids = {}
for number, line in enumerate(sys.stdin, 1):
    for name, value in ids.items():
        line = line.replace(f'"{name}"', json.dumps(value))
    ((tool, arguments),) = json.loads(line).items()
    result = ask(number, "tools/call", {"name": tool, "arguments": arguments})
    told = result["content"][0]["text"]
    fields = result.get("structuredContent") or {}
    failed = {"workspace_exec": fields.get("exit_code"), "service_start": fields.get("stop_reason")}
    if result.get("isError") or failed.get(tool):
        sys.exit(f"{tool}: {told}")
    print(tool, told)
    if tool == "workspace_create":
        ids["ID"] = fields["workspace_id"]
    if tool == "shell_open":
        ids["SHELL"] = fields["shell_id"]
server.stdin.close()
sys.exit(server.wait())
