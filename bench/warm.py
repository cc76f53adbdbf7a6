"""`vm_run` of `git --version` on one server with `--warm 2`, in turn with another command: A B A B.

    target/tmp/checkers/venv/bin/python bench/warm.py PYRO [ROUNDS] [-- OTHER COMMAND…]

The client is the official one for Python, `mcp`. Two ways: waiting before each call until the queue is full again, which
the server's log tells, and back to back. Last, pings beside four busy commands. Settings are those of the environment
(PYRO_ACCEL and others); it wants a quiet host.
"""

import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

PYRO = sys.argv[1]
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] != "--" else 20
OTHER = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
WARM = 2
RUN = {"environment": "debian:12", "command": "git --version"}
ENOUGH = 60


def server(log):
    env = {**os.environ, "PYRO_LOG": os.environ.get("PYRO_LOG", "pyro_core::vm::standby=info")}
    args = ["mcp", "serve", "--profile", "vm-run", "--warm", str(WARM)]
    return stdio_client(StdioServerParameters(command=PYRO, args=args, env=env), errlog=log)


def ready(log):
    """How many vms have come to stand by since the server started."""
    log.seek(0)
    return len(re.findall(r"a vm stands by", log.read()))


async def full(log, used):
    began = time.monotonic()
    while ready(log) < used + WARM:
        assert time.monotonic() - began < ENOUGH, "the queue does not fill"
        await asyncio.sleep(0.02)
    # What the start of the last one left to do is done.
    await asyncio.sleep(0.2)


def other():
    began = time.monotonic()
    subprocess.run(OTHER, check=True, stdout=subprocess.PIPE)
    return time.monotonic() - began


async def runs(waiting):
    with tempfile.NamedTemporaryFile("w+") as log:
        async with Client(server(log)) as client:
            await full(log, 0)
            ours, others = [], []
            # The first round is not counted, neither here nor there.
            for used in range(ROUNDS + 1):
                if waiting:
                    await full(log, used)
                began = time.monotonic()
                result = await client.call_tool("vm_run", RUN)
                ours.append(time.monotonic() - began)
                assert not result.is_error, result.content
                ran = result.structured_content
                assert ran["exit_code"] == 0 and ran["stdout"].startswith("git version 2."), ran
                if OTHER:
                    others.append(other())
            return ours[1:], others[1:], ran["execution_mode"]


def told(name, times):
    times = sorted(time * 1000 for time in times)
    p95 = times[max(0, -(-len(times) * 95 // 100) - 1)]
    print(f"{name}: n {len(times)}, min {times[0]:.1f}, median {statistics.median(times):.1f}, p95 {p95:.1f} ms")
    return statistics.median(times)


async def pings():
    busy = {**RUN, "command": "end=$(($(date +%s)+6)); while [ $(date +%s) -lt $end ]; do :; done"}
    with tempfile.NamedTemporaryFile("w+") as log:
        async with Client(server(log), mode="legacy") as client:
            await full(log, 0)
            running = [asyncio.create_task(client.call_tool("vm_run", busy)) for _ in range(4)]
            await asyncio.sleep(2)
            took = []
            while not any(call.done() for call in running):
                began = time.monotonic()
                await client.send_ping()
                took.append(time.monotonic() - began)
                await asyncio.sleep(0.005)
            await asyncio.gather(*running)
    took.sort()
    p99 = took[int(len(took) * 0.99)] * 1000
    print(f"ping beside four commands: n {len(took)}, median {statistics.median(took) * 1000:.1f}, p99 {p99:.1f} ms")


async def main():
    print(f"load {os.getloadavg()[0]:.2f} before")
    for name, waiting in [("the queue full before each call", True), ("back to back", False)]:
        ours, others, mode = await runs(waiting)
        median = told(f"vm_run of git --version, {mode}, {name}", ours)
        if others:
            print(f"  over the other command: {median / told('  ' + ' '.join(OTHER), others):.2f}")
    await pings()


asyncio.run(main())
