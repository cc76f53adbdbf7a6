"""A host that can run no guest: what is explained, and what runs on it where that is allowed."""

import asyncio
import os
import signal
import threading
import unittest

import pyro_mcp
from pyro_mcp import AsyncPyro, Pyro
from support import ENVIRONMENT, GuestCase, heedful


class Host(GuestCase):
    def test_the_first_call_explains(self):
        with self.assertRaises(pyro_mcp.UnavailableError) as raised:
            Pyro().run_in_vm(environment=ENVIRONMENT, command="true")
        error = raised.exception
        self.assertIn("allow_host_compat", error.hint)
        self.assertIs(error.may_have_run, False)

    def test_it_is_used_where_that_is_allowed(self):
        pyro = Pyro()
        texts = []
        result = pyro.run_in_vm(
            environment=ENVIRONMENT,
            command="cat; exit 3",
            stdin="hello",
            allow_host_compat=True,
            on_stdout=texts.append,
        )
        self.assertEqual(
            (result["execution_mode"], result["exit_code"], texts), ("host_compat", 3, ["hello"])
        )
        with pyro.workspace(environment=ENVIRONMENT, allow_host_compat=True) as ws:
            ws.write("a", "b")
            self.assertEqual(ws.exec("cat a")["stdout"], "b")
            with self.assertRaises(pyro_mcp.PyroError):
                ws.fork()
            ws.stop()
            with self.assertRaises(pyro_mcp.UnsupportedError):
                ws.disk_list()
        secrets = [{"name": "TOKEN", "value": "s3cret-v4lue"}]
        with self.assertRaises(pyro_mcp.UnsupportedError):
            pyro.create_workspace(environment=ENVIRONMENT, allow_host_compat=True, secrets=secrets)

    def test_interruption_and_cancellation(self):
        heedful()
        options = {
            "environment": ENVIRONMENT,
            "command": "echo on; sleep 600",
            "timeout_seconds": 600,
            "allow_host_compat": True,
        }

        def interrupt(_):
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()

        with self.assertRaises(KeyboardInterrupt):
            Pyro().run_in_vm(**options, on_stdout=interrupt)
        self.assert_idle()

        async def main():
            began = asyncio.Event()
            task = asyncio.create_task(
                AsyncPyro().run_in_vm(**options, on_stdout=lambda _: began.set())
            )
            await began.wait()
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        asyncio.run(main())
        self.assert_idle()


if __name__ == "__main__":
    unittest.main()
