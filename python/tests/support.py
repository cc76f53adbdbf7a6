"""What the tests share: a home of their own, and what is left of it."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from pathlib import Path

ENVIRONMENT = "debian:12"

# Longer than anything takes here.
LIMIT = 120


class GuestCase(unittest.TestCase):
    """A test with real guests, in the home that its caller made."""

    def setUp(self):
        if "PYRO_DATA_DIR" not in os.environ:
            self.skipTest("PYRO_DATA_DIR names no home for guests")
        self.addCleanup(self.assert_clean)
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def assert_clean(self):
        """Nothing of any vm is left, now or soon."""
        self.eventually(lambda: not leftovers(), lambda: f"left over: {leftovers()}")

    def assert_idle(self):
        """No vm runs, now or within the moment in which what was told to end does."""
        self.eventually(lambda: not processes(), lambda: f"still running: {processes()}")

    def eventually(self, is_so, message="it does not happen"):
        deadline = time.monotonic() + LIMIT
        while not is_so():
            if time.monotonic() > deadline:
                self.fail(message() if callable(message) else message)
            time.sleep(0.02)


def leftovers():
    """Directories of vms and workspaces, and processes that name this home."""
    home = Path(os.environ["PYRO_DATA_DIR"])
    left = []
    for name in ("vms", "layers", "workspaces"):
        with contextlib.suppress(FileNotFoundError):
            left += [str(entry) for entry in (home / name).iterdir()]
    return left + [line for _, line in processes()]


def processes():
    """Processes of this home's vms: supervisors and engines."""
    mark = os.environ["PYRO_DATA_DIR"].encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            line = (entry / "cmdline").read_bytes()
            is_ours = mark in line or mark in (entry / "environ").read_bytes()
            if is_ours and (b"supervise" in line or b"qemu" in line or b"root-fd" in line):
                found.append((int(entry.name), line.replace(b"\0", b" ").decode()))
    return found


def python(script, *args, **options):
    """Another interpreter with this script, which prints on a pipe."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *args],
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def heedful():
    """Let signals do what they do by default: whoever started the tests may ignore them."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler if number == 2 else signal.SIG_DFL)
