"""deepagents works in a guest, with an agent and without."""

import asyncio
import os
import unittest
from unittest import mock

from deepagents import create_deep_agent
from langchain_openai import ChatOpenAI

from pyro_mcp import Pyro
from pyro_mcp.deepagents import PyroSandbox
from scripted import Call, Model
from support import ENVIRONMENT, GuestCase


class DeepAgents(GuestCase):
    def setUp(self):
        super().setUp()
        self.workspace = Pyro().workspace(environment=ENVIRONMENT)
        self.enterContext(self.workspace)
        self.sandbox = PyroSandbox(self.workspace)

    def test_an_agent_works_in_it(self):
        with Model(
            Call("write_file", {"file_path": "/workspace/a.txt", "content": "one\ntwo\n"}),
            Call(
                "edit_file",
                {"file_path": "/workspace/a.txt", "old_string": "two", "new_string": "three"},
            ),
            Call("execute", {"command": "cat a.txt; uname -s"}),
            lambda said: f"It says {said}",
        ) as model:
            with mock.patch.dict(os.environ, model.environment):
                agent = create_deep_agent(
                    model=ChatOpenAI(model="scripted"), backend=self.sandbox
                )
                ended = agent.invoke({"messages": [("user", "write a file")]})
        self.assertEqual(model.faults, [])
        self.assertIn("execute", model.tools)
        self.assertIn("one\nthree\nLinux", ended["messages"][-1].text)
        self.assertEqual(self.workspace.read_bytes("a.txt"), b"one\nthree\n")

    def test_commands(self):
        ran = self.sandbox.execute("echo a; echo b >&2; exit 3")
        self.assertEqual((ran.output, ran.exit_code, ran.truncated), ("a\nb\n", 3, False))
        ran = self.sandbox.execute("head -c 3000000 /dev/zero | tr '\\0' x")
        self.assertEqual((len(ran.output), ran.truncated), (1 << 20, True))
        ran = self.sandbox.execute("sleep 600", timeout=2)
        self.assertEqual((ran.exit_code, ran.output), (124, "\n[ended after 2 s]"))

    def test_files(self):
        sandbox = self.sandbox
        path = "/tmp/ä ö/x\ny.txt"
        self.assertEqual(sandbox.write(path, "eins\nzwei\ndrei\n").path, path)
        self.assertEqual(sandbox.read(path, 1, 1).file_data["content"], "zwei\n")
        self.assertEqual(sandbox.edit(path, "zwei", "2").occurrences, 1)
        self.assertIn("not found", sandbox.edit(path, "vier", "4").error)
        self.assertIn("file_not_found", sandbox.read("/tmp/none").error)
        [entry] = asyncio.run(sandbox.als("/tmp/ä ö")).entries
        self.assertEqual((entry["path"], entry["is_dir"], entry["size"]), (path, False, 12))
        self.assertIn("No such file", sandbox.ls("/none").error)
        up = sandbox.upload_files([("b.bin", b"\xff\0"), ("/tmp", b"")])
        self.assertEqual([one.error for one in up], [None, "is_directory"])
        down = sandbox.download_files(["b.bin", "/none", "/etc"])
        self.assertEqual(
            [(one.content, one.error) for one in down],
            [(b"\xff\0", None), (None, "file_not_found"), (None, "is_directory")],
        )
        self.assertEqual(sandbox.read("b.bin").file_data["encoding"], "base64")

    def test_what_is_looked_for_is_found(self):
        self.sandbox.execute("mkdir -p src/a; touch src/y.py src/z.txt; echo hit > src/a/x.py")
        found = self.sandbox.glob("*.py", "/workspace/src").matches
        self.assertEqual(
            [one["path"] for one in found], ["/workspace/src/a/x.py", "/workspace/src/y.py"]
        )
        found = self.sandbox.glob("src/*.{py,txt}", "/workspace").matches
        self.assertEqual(
            [one["path"] for one in found], ["/workspace/src/y.py", "/workspace/src/z.txt"]
        )
        [match] = self.sandbox.grep("hit", "/workspace").matches
        self.assertEqual((match["path"], match["line"]), ("/workspace/src/a/x.py", 1))


if __name__ == "__main__":
    unittest.main()
