"""Every file in `examples/` does what it says, with the real libraries and a scripted model."""

import asyncio
import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import unittest
from pathlib import Path

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from scripted import Call, Model
from support import GuestCase

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"

GIT = r"git version 2\.\d+\.\d+"


def told(said):
    return f"It says: {said}"


class Examples(GuestCase):
    def run_example(self, name, *arguments, model=None):
        """What an example prints, in a directory where nothing of the work tree is found."""
        variables = {**os.environ, **(model.environment if model else {})}
        # openai-agents would send its traces to OpenAI.
        variables["OPENAI_AGENTS_DISABLE_TRACING"] = "1"
        ended = subprocess.run(
            [sys.executable, EXAMPLES / name, *arguments],
            cwd=self.directory,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=240,
        )
        faults = model.faults if model else []
        self.assertEqual((ended.returncode, faults), (0, []), ended.stdout + ended.stderr)
        return ended.stdout

    def run_with_a_call(self, name, *turns):
        """An example whose model calls ``vm_run`` once and then says what that has answered."""
        turns = turns or (Call("vm_run", {"command": "git --version"}), told)
        with Model(*turns) as model:
            printed = self.run_example(name, model=model)
        self.assertEqual(model.turns, [])
        self.assertIn("vm_run", model.tools)
        # The model has heard it from a guest.
        self.assertRegex(model.outputs[-1], GIT)
        self.assertRegex(printed, f"It says: (?s:.*){GIT}")

    def test_python_run(self):
        printed = self.run_example("python_run.py")
        self.assertRegex(printed, rf"^{GIT}\nexit status 0, on guest_\w+\n$")

    def test_python_lifecycle(self):
        self.assertRegex(self.run_example("python_lifecycle.py"), r"^Linux .*\ndeleted: True\n$")

    def test_python_workspace(self):
        printed = self.run_example("python_workspace.py")
        self.assertIn("fails with status 1\nthe test passes\n", printed)
        self.assertIn("-echo helo\n+echo hello\n", printed)
        self.assertTrue(printed.endswith("\necho hello\n"), printed)

    def test_agent_tool_schema(self):
        printed = self.run_example("agent_tool_schema.py")
        schema, end = json.JSONDecoder().raw_decode(printed)
        self.assertIn("debian:12", schema["parameters"]["properties"]["environment"]["enum"])
        self.assertRegex(json.loads(printed[end:])["stdout"], GIT)

    def test_openai_responses_vm_run(self):
        self.run_with_a_call("openai_responses_vm_run.py")

    def test_openai_responses_workspace_core(self):
        project = self.directory / "project"
        project.mkdir()
        (project / "a.txt").write_text("one\n")
        patch = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+two\n"
        heard = []

        def then(turn):
            return lambda said: heard.append(json.loads(said)) or turn

        with Model(
            Call("workspace_file_list", {"path": "."}),
            then(Call("workspace_file_read", {"path": "none.txt"})),
            then(Call("workspace_file_read", {"path": "a.txt"})),
            then(Call("workspace_patch_apply", {"patch": patch})),
            then(Call("workspace_file_write", {"path": "b.txt", "text": "new\n"})),
            then(Call("workspace_exec", {"command": "cat *.txt"})),
            then(Call("workspace_diff")),
            then("Done."),
        ) as model:
            printed = self.run_example(
                "openai_responses_workspace_core.py", str(project), "change it", model=model
            )
        self.assertEqual(model.turns, [])
        listed, missing, read, _, _, ran, diff = heard
        self.assertEqual([one["path"] for one in listed["entries"]], ["/workspace/a.txt"])
        self.assertIn("none.txt", missing["error"])
        self.assertEqual((read["content"], ran["stdout"]), ("one\n", "two\nnew\n"))
        self.assertEqual(printed, f"Done.\n{diff['patch']}")
        self.assertIn("-one\n+two\n", printed)

    def test_langchain_vm_run(self):
        self.run_with_a_call("langchain_vm_run.py")

    def test_pydantic_ai_vm_run(self):
        self.run_with_a_call("pydantic_ai_vm_run.py")

    def test_anthropic_vm_run(self):
        self.run_with_a_call("anthropic_vm_run.py")

    def test_smolagents_vm_run(self):
        def final(said):
            return Call("final_answer", {"answer": told(said)})

        self.run_with_a_call(
            "smolagents_vm_run.py", Call("vm_run", {"command": "git --version"}), final
        )

    def test_openai_agents_workspace_core(self):
        made = []

        def in_it(name, **arguments):
            def turn(said):
                made.extend(re.findall(r'"workspace_id": ?"(\w+)"', said)[:1])
                return Call(name, {"workspace_id": made[0], **arguments})

            return turn

        heard = []
        with Model(
            Call("workspace_create", {"environment": "debian:12"}),
            in_it("workspace_exec", command="git --version"),
            lambda said: heard.append(said) or in_it("workspace_delete")(said),
            lambda _: told(heard[0]),
        ) as model:
            printed = self.run_example("openai_agents_workspace_core.py", model=model)
        self.assertEqual(model.turns, [])
        self.assertIn("workspace_patch_apply", model.tools)
        self.assertRegex(printed, f"It says: (?s:.*){GIT}")


class Settings(GuestCase):
    """The files that tell an MCP client of the server: a client starts it as they say."""

    def connect(self, settings):
        server = settings["mcpServers"]["pyro"]
        arguments = [
            str(self.directory) if one == "/path/to/project" else one for one in server["args"]
        ]
        parameters = StdioServerParameters(
            command=server["command"], args=arguments, env=dict(os.environ)
        )

        async def tools():
            async with stdio_client(parameters) as (reader, writer):
                async with ClientSession(reader, writer) as session:
                    await session.initialize()
                    return {tool.name for tool in (await session.list_tools()).tools}

        self.assertLess({"workspace_create", "workspace_exec", "vm_run"}, asyncio.run(tools()))

    def test_claude_desktop(self):
        self.connect(json.loads((EXAMPLES / "claude_desktop_mcp_config.json").read_text()))

    def test_cursor(self):
        self.connect(json.loads((EXAMPLES / "cursor_mcp_config.json").read_text()))

    def test_mcp_client_config(self):
        text = (EXAMPLES / "mcp_client_config.md").read_text()
        [settings] = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
        self.connect(json.loads(settings))
        [line] = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        line = shlex.split(line.replace(":8765", ":0"))
        with contextlib.ExitStack() as closing:
            server = closing.enter_context(
                subprocess.Popen(line, stderr=subprocess.PIPE, text=True, cwd=self.directory)
            )
            closing.callback(server.kill)
            self.assertRegex(server.stderr.readline(), r"listening at http://127.0.0.1:\d+/mcp")


if __name__ == "__main__":
    unittest.main()
