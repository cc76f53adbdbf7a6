"""Coroutines: cancellation, many loops, callbacks."""

import asyncio
import threading
import time
import unittest

import pyro_mcp
from pyro_mcp import AsyncPyro
from support import ENVIRONMENT, GuestCase


class Async(GuestCase):
    def setUp(self):
        super().setUp()
        self.pyro = AsyncPyro()

    async def run_in_vm(self, command, **options):
        return await self.pyro.run_in_vm(environment=ENVIRONMENT, command=command, **options)

    def test_a_command_is_awaited_while_the_loop_goes_on(self):
        async def main():
            ticks = 0

            async def tick():
                nonlocal ticks
                while True:
                    await asyncio.sleep(0.005)
                    ticks += 1

            ticking = asyncio.create_task(tick())
            result = await self.run_in_vm("sleep 1; cat", stdin="x")
            ticking.cancel()
            return result["stdout"], ticks > 50

        self.assertEqual(asyncio.run(main()), ("x", True))

    def test_cancelling_ends_the_command_first(self):
        async def main():
            for repeated in (False, True):
                began = asyncio.Event()
                task = asyncio.create_task(
                    self.run_in_vm(
                        "echo on; sleep 600",
                        timeout_seconds=600,
                        on_stdout=lambda _, began=began: began.set(),
                    )
                )
                await began.wait()
                task.cancel()
                if repeated:
                    await asyncio.sleep(0)
                    task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
                self.assert_idle()
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(self.run_in_vm("sleep 600", timeout_seconds=600), 3)
            self.assert_idle()

        asyncio.run(main())

    def test_callbacks_may_be_coroutines(self):
        async def main():
            texts = []

            async def told(text):
                await asyncio.sleep(0.01)
                texts.append(text)

            await self.run_in_vm("echo a; sleep 0.1; echo b", on_stdout=told)
            self.assertEqual("".join(texts), "a\nb\n")

            async def fails(text):
                raise LookupError(text)

            with self.assertRaisesRegex(LookupError, "y"):
                await self.run_in_vm("yes", on_stdout=fails, timeout_seconds=600)
            self.assert_idle()

        asyncio.run(main())

    def test_a_stream_is_an_async_iterator(self):
        async def main():
            async with self.pyro.stream_in_vm(
                environment=ENVIRONMENT, command="echo a; echo b >&2; exit 4"
            ) as output:
                events = [(event.stream, event.text) async for event in output]
                self.assertEqual(sorted(events), [("stderr", "b\n"), ("stdout", "a\n")])
                self.assertEqual((await output.result())["exit_code"], 4)
            async with self.pyro.stream_in_vm(
                environment=ENVIRONMENT, command="yes", timeout_seconds=600
            ) as output:
                async for event in output:
                    break
            self.assert_idle()

        asyncio.run(main())

    def test_32_coroutines_at_once(self):
        async def main():
            calls = [self.run_in_vm(f"echo {n}", timeout_seconds=300) for n in range(32)]
            return [result["stdout"] for result in await asyncio.gather(*calls)]

        self.assertEqual(asyncio.run(main()), [f"{n}\n" for n in range(32)])

    def test_many_loops_in_many_threads(self):
        results = {}

        def work(number):
            async def main():
                results[number] = (await self.run_in_vm(f"echo {number}"))["stdout"]

            asyncio.run(main())
            # A loop that is there already, as in a notebook.
            loop = asyncio.new_event_loop()
            loop.run_until_complete(main())
            loop.close()

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, {n: f"{n}\n" for n in range(4)})

    def test_a_running_loop_is_no_obstacle_to_either_class(self):
        async def main():
            # A notebook's cell runs on a loop: the methods that wait work there too.
            waited = pyro_mcp.Pyro().run_in_vm(environment=ENVIRONMENT, command="echo 1")
            awaited = await self.run_in_vm("echo 2")
            return waited["stdout"] + awaited["stdout"]

        self.assertEqual(asyncio.run(main()), "1\n2\n")

    def test_a_loop_that_is_closed_in_the_middle_leaves_nothing(self):
        loop = asyncio.new_event_loop()
        call = self.run_in_vm("sleep 600", timeout_seconds=600)
        task = loop.create_task(call)
        loop.call_later(2, loop.stop)
        loop.run_forever()
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()
        self.assert_idle()

    def test_workspaces_and_errors(self):
        async def main():
            async with self.pyro.workspace(environment=ENVIRONMENT) as ws:
                await ws.write("a", "b")
                read, ran = await asyncio.gather(ws.read("a"), ws.exec("cat a", check=True))
                self.assertEqual((read["content"], ran["stdout"]), ("b", "b"))
                (fork,) = await ws.fork()
                async with fork:
                    self.assertEqual(await fork.read_bytes("a"), b"b")
                with self.assertRaises(pyro_mcp.CommandError):
                    await ws.exec("false", check=True)
                await ws.snapshot("one")
                await ws.write("a", "c")
                self.assertIn("-b\n", (await ws.diff(from_="one"))["patch"])
                async with ws.shell() as shell:
                    await shell.write("echo $((6*7))")
                    text = ""
                    while "42\n" not in text:
                        text += (await shell.read())["output"]
                self.assertEqual((await ws.shells())["count"], 0)
                await ws.reset("one")
                self.assertEqual((await ws.read("a"))["content"], "b")
                async with ws.stream("echo x") as output:
                    self.assertEqual([event.text async for event in output], ["x\n"])
            with self.assertRaises(pyro_mcp.NotFoundError):
                await ws.status()
            self.assertEqual((await self.pyro.list_workspaces())["count"], 0)

        asyncio.run(main())

    def test_a_service_is_followed_and_left(self):
        async def main():
            async with self.pyro.workspace(environment=ENVIRONMENT) as ws:
                async with ws.service("web", "echo on; exec sleep 600") as web:
                    async with web.follow() as output:
                        async for event in output:
                            self.assertEqual(event.text, "on\n")
                            break
                    self.assertEqual((await web.status())["state"], "running")
                self.assertEqual((await web.status())["stop_reason"], "sigterm")
                self.assertEqual((await ws.services())["running_count"], 0)

        asyncio.run(main())

    def test_a_call_costs_little(self):
        async def main():
            await self.pyro.list_environments()
            began = time.perf_counter()
            for _ in range(50):
                await self.pyro.list_environments()
            return (time.perf_counter() - began) / 50

        self.assertLess(asyncio.run(main()), 0.1)


if __name__ == "__main__":
    unittest.main()
