"""Services: the methods and the object; in a guest, or on a host where that is allowed."""

import unittest

import pyro_mcp
from pyro_mcp import Pyro
from support import ENVIRONMENT, GuestCase

NEVER = {"type": "file", "path": "never"}


def end(service):
    return service["state"], service["stop_reason"], service["exit_code"]


class Services(GuestCase):
    def setUp(self):
        super().setUp()
        self.pyro = Pyro()

    def workspace(self):
        return self.pyro.workspace(environment=ENVIRONMENT, allow_host_compat=True)

    def test_one_is_ready_and_read_and_stopped(self):
        line = 'echo "$NAME"; echo oh >&2; touch is-ready; exec sleep 600'
        ready = {"type": "file", "path": "is-ready"}
        options = {"readiness": ready, "ready_interval_ms": 20, "env": {"NAME": "value"}}
        with self.workspace() as ws:
            with ws.service("web", line, **options) as web:
                status = web.status()
                self.assertEqual(end(status), ("running", None, None))
                self.assertEqual(status["readiness"]["path"], "/workspace/is-ready")
                self.assertGreaterEqual(status["ready_at"], status["started_at"])
                self.eventually(lambda: web.logs()["stderr"])
                self.assertEqual(ws.services()["running_count"], 1)
                with self.assertRaises(pyro_mcp.AlreadyExistsError):
                    web.start()
            self.assertEqual(end(web.status()), ("stopped", "sigterm", None))
            self.assertEqual(end(web.stop()), ("stopped", "sigterm", None))
            logs = ws.service("web").logs(all=True)
            self.assertEqual((logs["stdout"], logs["stderr"]), ("value\n", "oh\n"))
            self.assertEqual((logs["tail_lines"], logs["truncated"]), (None, False))
            # What goes wrong in a block is what is raised.
            with self.assertRaises(ZeroDivisionError), web:
                1 / 0
            self.assertEqual(ws.services()["running_count"], 0)

    def test_one_that_does_not_start_is_a_result_or_raised(self):
        crash = "echo begins; echo why >&2; exit 7"
        with self.workspace() as ws:
            failed = self.pyro.start_service(ws.id, "crash", command=crash, readiness=NEVER)
            self.assertEqual(end(failed), ("failed", "process_exited_before_ready", 7))
            self.assertEqual((failed["stdout_tail"], failed["stderr_tail"]), ("begins\n", "why\n"))
            service = ws.service("crash", crash, readiness=NEVER)
            failure = "exit status 7\nwhy"
            with self.assertRaisesRegex(pyro_mcp.CommandError, failure) as raised, service:
                self.fail("a block begins with a service that failed")
            self.assertEqual(raised.exception.result["service_name"], "crash")
            self.assertEqual(end(service.start(check=False))[0], "failed")
            late = ws.service(
                "late",
                "sleep 600",
                readiness={"type": "command", "command": "false"},
                ready_timeout_seconds=1,
            )
            with self.assertRaisesRegex(pyro_mcp.CommandError, "its time was over"):
                late.start()
            self.assertEqual(end(late.status()), ("failed", "readiness_timeout", None))
            with self.assertRaises(pyro_mcp.NotFoundError):
                ws.service("none").status()
            with self.assertRaisesRegex(ValueError, "no command"):
                ws.service("crash").start()

    def test_one_is_followed_to_its_end_or_left(self):
        line = "echo one; until test -e go; do sleep 0.05; done; echo two >&2; exit 3"
        with self.workspace() as ws:
            counts = ws.service("counts", line)
            counts.start()
            with counts.follow() as output:
                events = iter(output)
                self.assertEqual(next(events).text, "one\n")
                ws.write("go", "")
                rest = [(event.stream, event.text) for event in events]
                self.assertEqual(rest, [("stderr", "two\n")])
                self.assertEqual(end(output.result()), ("exited", None, 3))
            # One that has ended is read to its end.
            again = counts.follow(tail_lines=1)
            self.assertEqual({event.text for event in again}, {"one\n", "two\n"})
            with ws.service("goes-on", "echo on; exec sleep 600") as service:
                with service.follow() as output:
                    self.assertEqual(next(iter(output)).text, "on\n")
                self.assertEqual(service.status()["state"], "running")

    def test_they_stop_with_their_workspace_and_may_start_with_it(self):
        with self.workspace() as ws:
            for name, restart in (("kept", True), ("gone", False)):
                ws.service(name, "echo on; exec sleep 600", restart=restart).start()
            self.eventually(lambda: ws.service("gone").logs()["stdout"])
            ws.stop()
            for service in ws.services()["services"]:
                self.assertEqual(end(service), ("stopped", "workspace_stopped", None))
            ws.start()
            states = {one["service_name"]: one["state"] for one in ws.services()["services"]}
            self.assertEqual(states, {"gone": "stopped", "kept": "running"})
            self.assertEqual(ws.service("gone").logs()["stdout"], "on\n")
            ws.service("kept").stop()


if __name__ == "__main__":
    unittest.main()
