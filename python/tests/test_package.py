"""What needs no guest: import, arguments, errors, processes."""

import contextlib
import copy
import os
import pickle
import re
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path
from unittest import mock

import pyro_mcp
from pyro_mcp import Pyro, _program, errors

ID = "0123456789ab"


class Import(unittest.TestCase):
    def test_the_version_is_the_crates(self):
        manifest = (Path(__file__).resolve().parents[2] / "Cargo.toml").read_text()
        self.assertIn(f'version = "{pyro_mcp.__version__}"', manifest)

    def test_it_is_quick_and_needs_nothing_else(self):
        script = """
            import sys, time
            before = set(sys.modules)
            began = time.perf_counter()
            import pyro_mcp
            took = time.perf_counter() - began
            later = {"asyncio", "typing", "inspect", "dataclasses", "subprocess", "json"}
            print(took, sorted(later & (set(sys.modules) - before)))
            print(sorted({name.partition(".")[0] for name in set(sys.modules) - before}
                         - set(sys.stdlib_module_names)))
        """
        runs = [run(script).split("\n") for _ in range(5)]
        took, loaded = min(lines[0].split(" ", 1) for lines in runs)
        self.assertEqual(loaded, "[]")
        self.assertEqual(runs[0][1], "['pyro_mcp']")
        # A test's module is not stripped, and other tests take the processors.
        limit = 0.03 if os.environ.get("PYRO_TEST_STRICT") == "1" else 0.3
        self.assertLess(float(took), limit)

    def test_all_that_is_named_is_there(self):
        for name in pyro_mcp.__all__:
            self.assertIsNotNone(getattr(pyro_mcp, name), name)
        with self.assertRaises(AttributeError):
            pyro_mcp.nothing  # noqa: B018


class Arguments(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.pyro = Pyro(base_dir=directory.name)

    def test_wrong_types_are_named(self):
        command = {"environment": "debian:12", "command": "true"}
        wrong = {
            "environment": 3,
            "command": b"true",
            "vcpu_count": "one",
            "mem_mib": 1.5,
            "timeout_seconds": None,
            "network": "no",
            "env": ["A"],
            "user": 0,
            "shell": None,
            "stdin": 3,
            "on_stdout": "print",
        }
        for name, value in wrong.items():
            with self.assertRaisesRegex(TypeError, f"argument '{name}'"):
                self.pyro.run_in_vm(**{**command, name: value})
        for name, value in {"workspace_id": 3, "limit": "x", "after": []}.items():
            arguments = {"workspace_id": ID, name: value}
            with self.assertRaisesRegex(TypeError, f"argument '{name}'"):
                self.pyro.logs_workspace(**arguments)
        with self.assertRaisesRegex(TypeError, "argument 'text'"):
            self.pyro.write_workspace_file(ID, "x", text=3)
        for name, value in {"shell_id": 3, "cursor": "0", "plain": 1, "screen": None}.items():
            arguments = {"workspace_id": ID, "shell_id": ID, name: value}
            with self.assertRaisesRegex(TypeError, f"argument '{name}'"):
                self.pyro.read_shell(**arguments)
        for name, value in {"cols": "80", "rows": 2.5, "env": ["A"], "user": 0}.items():
            with self.assertRaisesRegex(TypeError, f"argument '{name}'"):
                self.pyro.open_shell(ID, **{name: value})
        with self.assertRaisesRegex(TypeError, "argument 'snapshot_name'"):
            self.pyro.create_snapshot(ID, 3)
        with self.assertRaisesRegex(TypeError, "argument 'from_'"):
            self.pyro.diff_workspace(ID, from_=None)
        with self.assertRaisesRegex(TypeError, "argument 'labels'"):
            self.pyro.create_workspace(environment="debian:12", labels={"a": 1})
        for secrets in (["A=b"], [{"name": "A", "value": 1}]):
            with self.assertRaisesRegex(TypeError, "argument 'secrets'"):
                self.pyro.create_workspace(environment="debian:12", secrets=secrets)
        for name, value in {"secret_env": ["A"], "redact": 1}.items():
            call = self.pyro.exec_workspace if name == "secret_env" else self.pyro.diff_workspace
            command = {"command": "true"} if name == "secret_env" else {}
            with self.assertRaisesRegex(TypeError, f"argument '{name}'"):
                call(ID, **command, **{name: value})
        for name, value in {"readiness": "file", "restart": 1, "command": b"true"}.items():
            arguments = {"command": "true", name: value}
            with self.assertRaisesRegex(TypeError, f"argument '{name}'"):
                self.pyro.start_service(ID, "web", **arguments)
        with self.assertRaisesRegex(TypeError, "argument 'snapshot'"):
            self.pyro.list_workspace_disk(ID, snapshot=3)

    def test_unknown_keywords_are_named(self):
        with self.assertRaisesRegex(TypeError, "comand"):
            self.pyro.run_in_vm(environment="debian:12", comand="true")
        with self.assertRaisesRegex(TypeError, "positional"):
            self.pyro.run_in_vm("debian:12", "true")
        with self.assertRaisesRegex(TypeError, "width"):
            self.pyro.open_shell(ID, width=80)
        with self.assertRaisesRegex(TypeError, "name"):
            self.pyro.create_snapshot(ID, name="a")

    def test_what_has_no_meaning_is_taken_as_none_only(self):
        Pyro(None, backend_name=None)
        for arguments in ({"manager": object()}, {"backend_name": "mock"}):
            with self.assertRaisesRegex(TypeError, next(iter(arguments))):
                Pyro(**arguments)
        with self.assertRaisesRegex(TypeError, "max_active_vms"):
            Pyro(max_active_vms="4")

    def test_bad_input_is_a_value_error_and_says_what_to_do(self):
        calls = [
            lambda: self.pyro.run_in_vm(environment="debian:99", command="true"),
            lambda: self.pyro.run_in_vm(environment="debian:12", command=" "),
            lambda: self.pyro.run_in_vm(environment="debian:12", command="x", vcpu_count=-1),
            lambda: self.pyro.run_in_vm(environment="debian:12", command="x", mem_mib=10**30),
            lambda: self.pyro.run_in_vm(environment="debian:12", command="x", shell="zsh"),
            lambda: self.pyro.run_in_vm(environment="debian:12", command="x", cwd="here"),
            lambda: self.pyro.status_workspace("no id"),
            lambda: self.pyro.status_workspace(ID),
            lambda: self.pyro.status_vm(ID),
            lambda: self.pyro.read_workspace_file(ID, "x", max_bytes=0),
            lambda: self.pyro.logs_workspace(ID, limit=0),
            lambda: self.pyro.read_output("0123456789ab-stdout"),
            lambda: self.pyro.create_workspace(environment="debian:12", network_policy="on"),
            lambda: self.pyro.create_server(profile="all"),
            lambda: self.pyro.open_shell(ID, cols=0),
            lambda: self.pyro.open_shell(ID, cwd="here"),
            lambda: self.pyro.read_shell(ID, ID, max_chars=0),
            lambda: self.pyro.read_shell(ID, ID, cursor=-1),
            lambda: self.pyro.read_shell(ID, ID, wait_for_idle_ms=10_001),
            lambda: self.pyro.read_shell(ID, "no id"),
            lambda: self.pyro.signal_shell(ID, ID, signal_name="STOP"),
            lambda: self.pyro.create_snapshot(ID, "baseline"),
            lambda: self.pyro.list_snapshots(ID),
            lambda: self.pyro.diff_workspace(ID, from_="../x"),
            lambda: self.pyro.reset_workspace(ID, snapshot="now"),
            lambda: self.pyro.create_workspace(environment="debian:12", secrets=[{"name": "A"}]),
            lambda: self.pyro.exec_workspace(ID, command="true", secret_env={"A-B": "A"}),
            lambda: self.pyro.list_services(ID),
            lambda: self.pyro.status_service(ID, "../x"),
            lambda: self.pyro.logs_service(ID, "web", tail_lines=0),
            lambda: self.pyro.follow_service(ID, "web").result(),
            lambda: self.pyro.start_service(ID, "web", command=" "),
            lambda: self.pyro.start_service(ID, "web", command="x", ready_interval_ms=0),
            lambda: self.pyro.list_workspace_disk(ID),
            lambda: self.pyro.list_workspace_disk(ID, limit=0),
            lambda: self.pyro.read_workspace_disk(ID, "x", snapshot="../x"),
            lambda: self.pyro.export_workspace_disk(ID, output_path="x", format="vmdk"),
        ]
        for readiness in (
            {},
            {"type": "udp", "address": "localhost:1"},
            {"type": "tcp", "path": "x"},
            {"type": "tcp", "address": "localhost"},
            {"type": "file", "path": "x", "url": "http://localhost"},
        ):
            calls.append(
                lambda readiness=readiness: self.pyro.start_service(
                    ID, "web", command="x", readiness=readiness
                )
            )
        for number, call in enumerate(calls):
            with self.assertRaises(ValueError, msg=number) as raised:
                call()
            self.assertIsInstance(raised.exception, pyro_mcp.PyroError)
            self.assertIs(raised.exception.may_have_run, False)

    def test_what_is_not_built_yet_is_refused(self):
        with self.assertRaises(pyro_mcp.UnsupportedError) as raised:
            self.pyro.create_workspace(environment="debian:12", network_policy="egress")
        self.assertIsInstance(raised.exception, RuntimeError)
        self.assertTrue(raised.exception.hint)
        for arguments in (
            {"secret_env": {"A": "A"}},
            {"published_ports": [{"guest_port": 80, "host_port": None}]},
        ):
            with self.assertRaises(pyro_mcp.UnsupportedError):
                self.pyro.start_service(ID, "web", command="true", **arguments)

    def test_lists_are_those_of_the_command_line(self):
        listed = self.pyro.list_environments()
        self.assertEqual([one["name"] for one in listed][:1], ["debian:12"])
        self.assertEqual(self.pyro.list_workspaces(), {"count": 0, "workspaces": []})
        self.assertEqual(self.pyro.reap_expired(), {"count": 0, "deleted_vm_ids": []})

    def test_settings_that_cannot_be_are_explained_by_the_first_call(self):
        with mock.patch.dict(os.environ, {"PYRO_ACCEL": "warp"}):
            pyro = Pyro()
        with self.assertRaisesRegex(pyro_mcp.InvalidInputError, "PYRO_ACCEL"):
            pyro.list_environments()
        with self.assertRaisesRegex(pyro_mcp.InvalidInputError, "PYRO_MAX_ACTIVE_VMS"):
            Pyro(max_active_vms=0).list_environments()


class Errors(unittest.TestCase):
    def test_they_say_everything_and_survive_pickling(self):
        failure = {
            "kind": "busy",
            "message": "it is taken",
            "causes": ["somebody has it"],
            "hint": "wait",
            "may_have_run": None,
        }
        error = errors.of_failure(failure)
        self.assertEqual(str(error), "it is taken\n  caused by: somebody has it\nhint: wait")
        for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            self.assertIs(type(again), pyro_mcp.BusyError)
            self.assertEqual(
                (str(again), again.hint, again.may_have_run, again.causes),
                (str(error), "wait", None, ("somebody has it",)),
            )

    def test_a_failed_command_has_its_result(self):
        result = {
            "command": "make",
            "exit_code": 2,
            "timed_out": False,
            "stdout": "",
            "stderr": "x\ny",
        }
        error = pickle.loads(pickle.dumps(pyro_mcp.CommandError(result)))
        self.assertEqual((error.exit_code, error.stderr, error.may_have_run), (2, "x\ny", True))
        self.assertEqual(str(error), "the command 'make' failed: exit status 2\nx\ny")


class Program(unittest.TestCase):
    def with_program(self, path):
        with mock.patch.dict(os.environ, {"PYRO_PROGRAM": str(path)}):
            return Pyro()

    def test_a_missing_executable_is_named(self):
        with self.assertRaisesRegex(pyro_mcp.UnavailableError, "/no/such/pyro") as raised:
            self.with_program("/no/such/pyro").list_environments()
        self.assertIn("pip install", raised.exception.hint)

    def test_it_is_found_beside_a_package_that_was_installed_to_a_folder(self):
        with tempfile.TemporaryDirectory() as directory:
            program = Path(directory, "bin/pyro")
            program.parent.mkdir()
            program.touch()
            file = str(Path(directory, "pyro_mcp/_program.py"))
            without = mock.patch.dict(os.environ, {"PYRO_PROGRAM": ""})
            with without, mock.patch.object(_program, "__file__", file):
                # Unless this interpreter's own environment has one.
                is_ours = _program.executable() == str(program)
                self.assertTrue(is_ours or Path(_program.executable()).is_file())

    def test_one_of_another_version_is_refused(self):
        with tempfile.TemporaryDirectory() as directory:
            for says, expected in (("pyro 1.2.3", "version 1.2.3"), ("hello", "no pyro")):
                program = Path(directory, "pyro")
                program.write_text(f"#!/bin/sh\necho '{says}'\n")
                program.chmod(0o755)
                with self.assertRaisesRegex(pyro_mcp.UnavailableError, expected):
                    self.with_program(program).list_environments()
            program.write_text("#!/bin/sh\nexit 3\n")
            with self.assertRaisesRegex(pyro_mcp.UnavailableError, "failed"):
                self.with_program(program).list_environments()


class Processes(unittest.TestCase):
    def test_a_fork_before_the_first_call_is_as_good_as_none(self):
        self.assertEqual(
            run(
                """
                import os, sys
                from pyro_mcp import Pyro
                if os.fork() == 0:
                    print(len(Pyro().list_environments()), flush=True)
                    os._exit(0)
                os.wait()
                """
            ),
            "3",
        )

    def test_a_fork_after_it_is_a_clear_error(self):
        said = run(
            """
            import os, sys
            from pyro_mcp import Pyro
            pyro = Pyro()
            pyro.list_environments()
            if os.fork() == 0:
                try:
                    pyro.list_environments()
                except RuntimeError as error:
                    print(error, flush=True)
                os._exit(0)
            os.wait()
            print(len(pyro.list_environments()))
            """
        )
        self.assertRegex(said, re.compile("forked.*spawn.*\n3", re.DOTALL))

    def test_an_interpreter_may_end_at_any_time(self):
        for _ in range(5):
            run(
                """
                import threading
                from pyro_mcp import Pyro
                for _ in range(8):
                    threading.Thread(target=Pyro().list_environments, daemon=True).start()
                """
            )


class Server(unittest.TestCase):
    def test_it_serves_a_client_on_stdio(self):
        hello = (
            '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":'
            '"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}\n'
            '{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
            '{"jsonrpc":"2.0","id":2,"method":"tools/list"}\n'
        )
        said = run(
            """
            from pyro_mcp import create_server
            create_server(profile="vm-run").run(transport="stdio")
            """,
            input=hello,
        )
        self.assertIn('"name":"vm_run"', said)
        self.assertIn(f'"version":"{pyro_mcp.__version__}"', said)

    def test_it_serves_over_http_until_it_is_interrupted(self):
        script = """
            from pyro_mcp import Pyro
            try:
                Pyro().create_server(profile="task").run("http", listen="127.0.0.1:0")
            except KeyboardInterrupt:
                print("interrupted")
        """
        server = subprocess.Popen(
            [sys.executable, "-c", HEEDFUL + textwrap.dedent(script)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with contextlib.ExitStack() as closing:
            closing.enter_context(server)
            closing.callback(server.kill)
            line = server.stderr.readline()
            self.assertRegex(line, r"listening at http://127.0.0.1:\d+/mcp")
            server.send_signal(2)
            self.assertEqual(server.communicate(timeout=60)[0].strip(), "interrupted")

    def test_what_cannot_be_served_is_explained(self):
        server = pyro_mcp.create_server(profile="vm-run")
        for arguments in (
            {"transport": "sse"},
            {"token_file": "x"},
            {"allow_path": ["/no/such/directory"]},
            {"transport": "http", "listen": "here"},
            {"transport": "http", "listen": "127.0.0.1:0", "concurrency": 0},
        ):
            with self.assertRaises(pyro_mcp.InvalidInputError, msg=arguments):
                server.run(**arguments)
        with self.assertRaisesRegex(pyro_mcp.HostError, "no token"):
            server.run("http", listen="0.0.0.0:0")


# Whoever started the tests may ignore signals.
HEEDFUL = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"


def run(script, **options):
    """What another interpreter prints, which must end well."""
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
        **options,
    )
    return ended.stdout.strip()


if __name__ == "__main__":
    unittest.main()
