"""The loop of a workspace, through the command line: what each step takes, in turn, and a large file both ways.

    python3 bench/workspace.py PYRO [ROUNDS] [--large MIB] [--output FILE]

The tree is 5,000 files of 4 KiB of random text in 50 directories; the large file is random too. Settings are those of the environment
(PYRO_ACCEL and others); it wants a quiet host. It prints one JSON object: milliseconds, and peak memory in MiB of the processes
that move the large file.
"""

import hashlib
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PYRO = sys.argv[1]
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2].isdigit() else 7
FILES, DIRECTORIES, LEN = 5000, 50, 4096


def flag(name, default=None):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


def pyro(*words):
    done = subprocess.run([PYRO, "workspace", *words, "--json"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return json.loads(done.stdout)


def timed(*words):
    began = time.monotonic()
    told = pyro(*words)
    return (time.monotonic() - began) * 1000, told


def tree(at):
    letters = random.Random(7)
    for number in range(FILES):
        path = at / f"d{number % DIRECTORIES}" / f"f{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(letters.choices("abcdefgh \n", k=LEN)))


def rounds(home):
    seed, text = home / "seed", home / "text"
    tree(seed)
    text.write_text("x" * (1 << 20))
    took = {}

    def note(name, value):
        took.setdefault(name, []).append(value)

    for _ in range(ROUNDS):
        ms, made = timed("create", "debian:12", "--seed-path", str(seed))
        note("create_with_seed", ms)
        id = made["workspace_id"]
        for name, words in {
            "push_unchanged": ["sync", "push", id, str(seed)],
            "diff_unchanged": ["diff", id],
            "write_1_mib": ["file", "write", id, "large.txt", "--text-file", str(text)],
            "reset": ["reset", id],
            "exec_true": ["exec", id],
        }.items():
            if name == "exec_true":
                began = time.monotonic()
                subprocess.run([PYRO, "workspace", *words, "--", "true"], stdin=subprocess.DEVNULL, check=True)
                note(name, (time.monotonic() - began) * 1000)
            else:
                note(name, timed(*words)[0])
        ms, forks = timed("fork", id)
        note("fork", ms)
        note("fork_held", forks["held_ms"])
        for gone in [id, *(fork["workspace_id"] for fork in forks["workspaces"])]:
            pyro("delete", gone)
    return {
        name: {"n": len(values), "min": min(values), "median": statistics.median(values), "max": max(values)}
        for name, values in took.items()
    }


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def peak(pid):
    """The most memory that a process has had so far, in MiB."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)


def watched(*words):
    """Run it; how long it took, and the peak of the client."""
    began = time.monotonic()
    child = subprocess.Popen([PYRO, "workspace", *words, "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    most = 0
    while child.poll() is None:
        most = max(most, peak(child.pid))
        time.sleep(0.02)
    assert child.returncode == 0, words
    return (time.monotonic() - began) * 1000, most, json.loads(child.stdout.read())


def supervisors(data_dir):
    mark = f"PYRO_DATA_DIR={data_dir}\0".encode()
    for process in Path("/proc").iterdir():
        try:
            if b"supervise" in (process / "cmdline").read_bytes() and mark in (process / "environ").read_bytes():
                yield int(process.name)
        except OSError:
            pass


def large(home, mib):
    seed, out = home / "large", home / "out"
    seed.mkdir()
    with open(seed / "file", "wb") as file:
        for _ in range(mib):
            file.write(os.urandom(1 << 20))
    seeded, client_in, made = watched("create", "debian:12", "--seed-path", str(seed))
    id = made["workspace_id"]
    exported, client_out, _ = watched("export", id, "file", "--output", str(out))
    supervisor = max(peak(pid) for pid in supervisors(os.environ["PYRO_DATA_DIR"]))
    equal = digest(seed / "file") == digest(out)
    pyro("delete", id)
    assert equal, "what came back is something else"
    return {
        "mib": mib,
        "seed": seeded,
        "export": exported,
        "client_peak_mib": max(client_in, client_out),
        "supervisor_peak_mib": supervisor,
        "equal": equal,
    }


home = Path(tempfile.mkdtemp(prefix="pyro-bench-"))
os.environ["PYRO_DATA_DIR"] = str(home / "data")
try:
    report = {
        "host": {"cores": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg()[0]},
        "settings": {name: os.environ[name] for name in ("PYRO_ACCEL", "PYRO_KERNEL_DIR") if name in os.environ},
        "files": FILES,
        "bytes": FILES * LEN,
        "milliseconds": rounds(home),
    }
    if flag("--large"):
        report["large_file"] = large(home, int(flag("--large")))
    text = json.dumps(report, indent=2)
    print(text)
    if flag("--output"):
        Path(flag("--output")).write_text(text + "\n")
finally:
    shutil.rmtree(home, ignore_errors=True)
