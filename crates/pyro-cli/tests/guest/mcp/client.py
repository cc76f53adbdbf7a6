"""The official Python client against `pyro mcp serve`: argv is PYRO [URL TOKEN]."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time

from mcp import Client, StdioServerParameters

PYRO, WEB = sys.argv[1], sys.argv[2:]
RUN = {"environment": "debian:12", "command": "git --version"}


def target():
    if not WEB:
        return StdioServerParameters(command=PYRO, args=["mcp", "serve", "--concurrency", "6"], env=dict(os.environ))
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    headers = {"Authorization": f"Bearer {WEB[1]}"}
    return streamable_http_client(WEB[0], http_client=httpx2.AsyncClient(headers=headers, timeout=120))


def guests():
    """Guests of this home: their command lines name it."""
    lines = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    return sum("qemu-system" in line and os.environ["PYRO_DATA_DIR"] in line for line in lines)


async def until(what, check):
    began = time.monotonic()
    while not check():
        assert time.monotonic() - began < 120, f"no {what} in time"
        await asyncio.sleep(0.02)
    return time.monotonic() - began


async def refused(client, tool, arguments):
    result = await client.call_tool(tool, arguments)
    assert result.is_error, result
    told = json.loads(result.content[0].text)
    assert told["hint"], told
    return told


async def calls(client):
    assert client.server_info.name == "pyro", client.server_info
    tools = [tool.name for tool in (await client.list_tools()).tools]
    assert tools == ["vm_run", *sorted(tool for tool in tools if tool != "vm_run")], tools
    words = []

    async def heard(progress, total, message):
        words.append(message)

    took = []
    for number in range(20):
        began = time.monotonic()
        result = await client.call_tool("vm_run", RUN)
        took.append(time.monotonic() - began)
        assert not result.is_error and result.structured_content["stdout"].startswith("git version 2."), result
    # Long enough for a line of output to be told: a quick command's answer is there first.
    slow = {**RUN, "command": "git --version; sleep 3"}
    result = await client.call_tool("vm_run", slow, progress_callback=heard)
    assert not result.is_error and result.structured_content["exit_code"] == 0, result
    assert words[0].startswith("starting") and words[-1].startswith("running: git version"), words
    print(f"vm_run of git --version, twenty in a row: median {statistics.median(took) * 1000:.0f} ms")
    told = await refused(client, "vm_run", {"environment": "debian:12"})
    assert told["kind"] == "invalid_input" and "command is missing" in told["message"], told
    told = await refused(client, "vm_run", {**RUN, "cmd": "x"})
    assert 'unknown argument "cmd"' in told["message"], told
    told = await refused(client, "vm_run", {**RUN, "network": True})
    assert told["kind"] == "denied" and "not built" in told["message"], told
    told = await refused(client, "vm_fly", {})
    assert told["kind"] == "not_found", told


async def cancels(client):
    command = {**RUN, "command": "sleep 250", "timeout_seconds": 280}
    call = asyncio.create_task(client.call_tool("vm_run", command))
    await until("guest", lambda: guests() == 1)
    await asyncio.sleep(1)
    call.cancel()
    took = await until("end of the guest", lambda: guests() == 0)
    # As `home.rs` has it: exact on a machine that does nothing else.
    assert took < (2 if os.environ.get("PYRO_TEST_STRICT") == "1" else 20), took
    print(f"a cancelled call's guest was gone after {took:.2f} s")


async def pings(client):
    """Quick requests while four commands run: pings, or lists where the revision has no ping."""
    busy = {**RUN, "command": "while :; do :; done", "timeout_seconds": 280}
    running = [asyncio.create_task(client.call_tool("vm_run", busy)) for _ in range(4)]
    await until("four guests", lambda: guests() == 4)
    took = []
    end = time.monotonic() + 8
    while time.monotonic() < end:
        began = time.monotonic()
        await client.send_ping()
        took.append(time.monotonic() - began)
        await asyncio.sleep(0.01)
    assert not any(call.done() for call in running), running
    for call in running:
        call.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await until("end of the four guests", lambda: guests() == 0)
    took.sort()
    p99 = took[int(len(took) * 0.99)] * 1000
    print(f"{len(took)} pings beside four commands: median {took[len(took) // 2] * 1000:.1f} ms, p99 {p99:.1f} ms")


async def main():
    async with Client(target()) as client:
        print("revision", client.protocol_version)
        await calls(client)
        await cancels(client)
    async with Client(target(), mode="legacy") as client:
        print("revision", client.protocol_version)
        assert not (await client.call_tool("vm_run", RUN)).is_error
        await pings(client)
        await cancels(client)


asyncio.run(main())
