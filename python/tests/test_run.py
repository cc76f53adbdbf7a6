"""Commands in vms: results, streams, interruption."""

import contextlib
import io
import os
import signal
import tempfile
import threading
import time
import unittest

import pyro_mcp
from pyro_mcp import Pyro
from support import ENVIRONMENT, GuestCase, heedful, processes, python


class Run(GuestCase):
    def setUp(self):
        super().setUp()
        self.pyro = Pyro()

    def run_in_vm(self, command, **options):
        return self.pyro.run_in_vm(environment=ENVIRONMENT, command=command, **options)

    def test_the_first_snippet_prints_gits_version(self):
        result = self.run_in_vm("git --version")
        self.assertTrue(result["stdout"].startswith("git version 2."), result)
        self.assertEqual((result["exit_code"], result["cleanup"]["deleted"]), (0, True))
        self.assertTrue(result["execution_mode"].startswith("guest_"))

    def test_how_a_command_is_run(self):
        result = self.run_in_vm(
            'cat; echo "$A in $PWD as $(id -u)" >&2; exit 7',
            stdin="hello ä",
            env={"A": "b"},
            cwd="/tmp",
            user="65534:65534",
            shell="sh",
        )
        self.assertEqual(
            (result["stdout"], result["stderr"], result["exit_code"]),
            ("hello ä", "b in /tmp as 65534\n", 7),
        )

    def test_stdin_may_be_bytes_or_a_file(self):
        with tempfile.TemporaryFile() as file:
            file.write(b"0123456789")
            file.seek(3)
            for given, expected in ((b"a\xffb", "a\ufffdb"), (file, "3456789"), ("", "")):
                self.assertEqual(self.run_in_vm("cat", stdin=given)["stdout"], expected)
        # Files without a descriptor are read first.
        for given in (io.BytesIO(b"x"), io.StringIO("x")):
            self.assertEqual(self.run_in_vm("cat", stdin=given)["stdout"], "x")

    def test_a_failed_command_raises_where_it_is_asked_for(self):
        with self.assertRaises(pyro_mcp.CommandError) as raised:
            self.run_in_vm("echo out; echo why >&2; exit 5", check=True)
        error = raised.exception
        self.assertEqual((error.exit_code, error.stdout, error.stderr), (5, "out\n", "why\n"))
        self.assertEqual((error.may_have_run, error.result["exit_code"]), (True, 5))
        self.assertIsInstance(error, RuntimeError)
        self.assertEqual(self.run_in_vm("true", check=True)["exit_code"], 0)

    def test_a_limit_is_no_error(self):
        result = self.run_in_vm("echo before; sleep 600", timeout_seconds=8)
        self.assertEqual(
            (result["exit_code"], result["timed_out"], result["stdout"]), (124, True, "before\n")
        )

    def test_output_comes_to_callbacks_while_the_command_runs(self):
        came = []
        # It goes on only once its first words were read.
        reader, writer = os.pipe()

        def told(text):
            came.append(("out", text))
            if text == "first\n":
                os.write(writer, b"go\n")
                os.close(writer)

        with open(reader, "rb") as stdin:
            result = self.run_in_vm(
                "echo first; cat; echo last >&2",
                stdin=stdin,
                on_stdout=told,
                on_stderr=lambda text: came.append(("err", text)),
            )
        self.assertEqual(came, [("out", "first\n"), ("out", "go\n"), ("err", "last\n")])
        # The result has it all the same.
        self.assertEqual((result["stdout"], result["stderr"]), ("first\ngo\n", "last\n"))

    def test_text_is_cut_through_no_character_and_bytes_are_whole(self):
        command = r"printf '\303'; sleep 0.2; printf '\244\377x\342\202'"
        texts = []
        result = self.run_in_vm(command, on_stdout=texts.append)
        self.assertEqual("".join(texts), "ä\ufffdx\ufffd")
        self.assertEqual(result["stdout_encoding"], "utf-8-replaced")
        with self.pyro.stream_in_vm(environment=ENVIRONMENT, command=command) as output:
            events = list(output)
        self.assertEqual(b"".join(event.data for event in events), b"\xc3\xa4\xffx\xe2\x82")
        self.assertEqual("".join(event.text for event in events), "ä\ufffdx\ufffd")

    def test_a_stream_is_an_iterator_with_a_result(self):
        stream = self.pyro.stream_in_vm(
            environment=ENVIRONMENT, command="echo a; echo b >&2; exit 3", check=True
        )
        self.assertEqual(
            sorted((event.stream, event.text) for event in stream),
            [("stderr", "b\n"), ("stdout", "a\n")],
        )
        with self.assertRaises(pyro_mcp.CommandError):
            stream.result()
        stream = self.pyro.stream_in_vm(environment=ENVIRONMENT, command="seq 200000")
        self.assertEqual(stream.result()["stdout_bytes"], 1288895)

    def test_a_stream_that_is_left_ends_its_command(self):
        with self.pyro.stream_in_vm(
            environment=ENVIRONMENT, command="echo on; sleep 600", timeout_seconds=600
        ) as output:
            self.assertEqual(next(iter(output)).text, "on\n")
        self.assert_idle()
        dropped = self.pyro.stream_in_vm(
            environment=ENVIRONMENT, command="yes", timeout_seconds=600
        )
        next(iter(dropped))
        del dropped
        self.assert_clean()

    def test_a_callback_that_raises_ends_the_command(self):
        class Enough(Exception):
            pass

        def told(text):
            raise Enough(text)

        with self.assertRaisesRegex(Enough, "y"):
            self.run_in_vm("yes", timeout_seconds=600, on_stdout=told)
        self.assert_idle()

    def test_much_output_takes_little_memory(self):
        counted = 0
        peak = resident()

        def told(text):
            nonlocal counted, peak
            counted += len(text)
            peak = max(peak, resident())

        before = resident()
        command = "head -c 104857600 /dev/zero | tr '\\0' x"
        result = self.run_in_vm(command, timeout_seconds=600, on_stdout=told)
        self.assertEqual((counted, result["stdout_bytes"]), (104857600, 104857600))
        self.assertLess(peak - before, 40 << 20)
        # What did not fit is kept, and read as it is.
        self.assertTrue(result["stdout_truncated"])
        kept = self.pyro.read_output(result["stdout_file"], offset=5, length=10)
        self.assertEqual((kept["text"], kept["next_offset"]), ("x" * 10, 15))
        self.assertEqual(len(self.pyro.read_output_bytes(result["stdout_file"])), 104857600)

    def test_nobody_is_blocked_by_who_waits(self):
        ticks = []
        done = threading.Event()

        def tick():
            while not done.wait(0.005):
                ticks.append(time.monotonic())

        ticking = threading.Thread(target=tick)
        ticking.start()
        self.run_in_vm("sleep 1")
        done.set()
        ticking.join()
        self.assertGreater(len(ticks), 50)

    def test_32_threads_at_once(self):
        results = [None] * 32

        def work(number):
            results[number] = self.run_in_vm(f"echo {number}", timeout_seconds=300)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([result["stdout"] for result in results], [f"{n}\n" for n in range(32)])


class Interrupted(GuestCase):
    def test_ctrl_c_ends_the_command_before_it_is_raised(self):
        pyro = Pyro()
        heedful()

        def interrupt(text):
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()

        for options in ({}, {"on_stdout": interrupt}):
            if not options:
                threading.Timer(2, os.kill, (os.getpid(), signal.SIGINT)).start()
            began = time.monotonic()
            with self.assertRaises(KeyboardInterrupt):
                pyro.run_in_vm(
                    environment=ENVIRONMENT,
                    command="echo on; sleep 600",
                    timeout_seconds=600,
                    **options,
                )
            self.assertLess(time.monotonic() - began, 60)
            self.assert_idle()

    def test_an_interpreter_that_is_killed_leaves_nothing(self):
        for command in ("echo on; sleep 600", "yes"):
            child = python(
                f"""
                import sys
                from pyro_mcp import Pyro
                with Pyro().stream_in_vm(environment="{ENVIRONMENT}", command="{command}",
                                         timeout_seconds=600) as output:
                    for event in output:
                        print("on", flush=True)
                """
            )
            self.assertEqual(child.stdout.readline(), "on\n")
            child.kill()
            child.communicate()
            self.assert_clean()


class Vms(GuestCase):
    def test_a_vm_that_stays_until_a_command_used_it(self):
        pyro = Pyro()
        vm = pyro.create_vm(environment=ENVIRONMENT, ttl_seconds=3600)
        self.assertEqual((vm["state"], vm["mem_mib"], vm["ttl_seconds"]), ("created", 1024, 3600))
        id = vm["vm_id"]
        with self.assertRaises(pyro_mcp.WrongStateError) as raised:
            pyro.exec_vm(id, command="true")
        self.assertIn(f'pyro.start_vm("{id}")', raised.exception.hint)
        self.assertIs(raised.exception.may_have_run, False)
        self.assertEqual(pyro.start_vm(id)["state"], "started")
        self.assertFalse(pyro.network_info_vm(id)["network_enabled"])
        self.assertEqual(pyro.stop_vm(id)["state"], "stopped")
        pyro.start_vm(id)
        texts = []
        result = pyro.exec_vm(id, command="cat", stdin="x", on_stdout=texts.append)
        self.assertEqual((result["stdout"], texts), ("x", ["x"]))
        with self.assertRaises(pyro_mcp.NotFoundError):
            pyro.status_vm(id)
        vm = pyro.create_vm(environment=ENVIRONMENT)
        self.assertTrue(pyro.delete_vm(vm["vm_id"])["deleted"])

    def test_a_vm_that_is_killed_under_a_command_may_have_run_it(self):
        pyro = Pyro()

        def kill(text):
            for pid, line in processes():
                with contextlib.suppress(ProcessLookupError):
                    if "qemu" in line:
                        os.kill(pid, signal.SIGKILL)

        with self.assertRaises(pyro_mcp.PyroError) as raised:
            pyro.run_in_vm(
                environment=ENVIRONMENT,
                command="echo on; sleep 600",
                timeout_seconds=600,
                on_stdout=kill,
            )
        self.assertIs(raised.exception.may_have_run, True)
        self.assertIsInstance(raised.exception, RuntimeError)


def resident():
    """Bytes of this process's memory."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    unittest.main()
