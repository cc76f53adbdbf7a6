"""What a call in Python costs beside the same call in Rust, and output through a callback beside the command line, in turn.

    cargo build --profile trial -p pyro-cli -p pyro-python --example calls --bin pyro --lib
    python3 bench/python.py target/trial [ROUNDS] [--mib MIB]

Settings are those of the environment (PYRO_ACCEL and others); it wants a quiet host. It prints one JSON object: medians in
milliseconds and MiB/s, and what is promised: a call costs at most 1 ms more, output has at least 80 % of the command line's
throughput. It exits with 1 where that does not hold.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUILT = Path(sys.argv[1]).resolve()
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2].isdigit() else 200
MIB = int(sys.argv[sys.argv.index("--mib") + 1]) if "--mib" in sys.argv else 1024
OUTPUTS = 3


def package():
    """The work tree's package with the module that was built, as an installation has them."""
    folder = tempfile.TemporaryDirectory()
    there = Path(folder.name) / "pyro_mcp"
    there.mkdir()
    for entry in (Path(__file__).resolve().parent.parent / "python/pyro_mcp").iterdir():
        if entry.suffix != ".so":
            (there / entry.name).symlink_to(entry)
    (there / "_native.abi3.so").symlink_to(BUILT / "libpyro_python.so")
    sys.path.insert(0, folder.name)
    return folder


class Rust:
    """The same calls by the Rust SDK, in a process that stays."""

    def __init__(self):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        self.process = subprocess.Popen([BUILT / "examples/calls"], **pipes)

    def call(self, line):
        self.process.stdin.write(line + "\n")
        return float(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


def timed(call):
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def calls(pyro, rust, ws):
    """Medians of both, of a call without a guest and of one in a guest."""
    told = {}
    for name, line, call in (
        ("list", "list", pyro.list_workspaces),
        ("exec", f"exec {ws.id}", lambda: ws.exec("true")),
    ):
        pairs = []
        for number in range(ROUNDS + 5):
            # Each begins every other time: what the first leaves to be done costs the second.
            if number % 2:
                theirs, ours = rust.call(line), timed(call)
            else:
                ours, theirs = timed(call), rust.call(line)
            pairs.append((ours, theirs))
        # The first are not counted, neither here nor there.
        pairs = pairs[5:]
        python, other = (statistics.median(times) * 1000 for times in zip(*pairs))
        more = statistics.median(ours - theirs for ours, theirs in pairs) * 1000
        told[name] = {"python_ms": python, "rust_ms": other, "more_ms": more}
    return told


def outputs(ws):
    """Throughput of a callback and of the command line, whose output another process reads."""
    # The guest makes it as fast as it can: what is measured is the way out of it.
    command = f"head -c {MIB << 20} /dev/zero | tr '\\0' x"
    pairs = []
    for _ in range(OUTPUTS):
        came = 0

        def told(text):
            nonlocal came
            came += len(text)

        ours = timed(lambda: ws.exec(command, timeout_seconds=3600, on_stdout=told))
        assert came == MIB << 20, came
        words = [BUILT / "pyro", "workspace", "exec", ws.id, "--timeout-seconds", "3600", "--", command]

        def read():
            with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
                count = 0
                while block := process.stdout.read1(1 << 20):
                    count += len(block)
            assert (process.returncode, count) == (0, MIB << 20), (process.returncode, count)

        pairs.append((ours, timed(read)))
    python, cli = (MIB / statistics.median(times) for times in zip(*pairs))
    share = statistics.median(theirs / ours for ours, theirs in pairs)
    return {"python_mib_s": python, "cli_mib_s": cli, "share": share}


def main():
    os.environ["PYRO_PROGRAM"] = str(BUILT / "pyro")
    folder = package()
    from pyro_mcp import Pyro

    pyro, rust = Pyro(), Rust()
    with pyro.workspace(environment="debian:12") as ws:
        mode = ws.exec("true")["execution_mode"]
        told = {"mode": mode, "load": os.getloadavg()[0], "rounds": ROUNDS, "mib": MIB}
        told |= {"calls": calls(pyro, rust, ws), "output": outputs(ws)}
    rust.end()
    folder.cleanup()
    holds = told["output"]["share"] >= 0.8
    holds = holds and all(call["more_ms"] <= 1 for call in told["calls"].values())
    print(json.dumps({**told, "holds": holds}, indent=2))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
