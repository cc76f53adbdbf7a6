"""openai-agents works in a guest, with an agent and without."""

import asyncio
import io
import os
import unittest
from pathlib import Path
from unittest import mock

from agents import Runner, set_tracing_disabled
from agents.run import RunConfig
from agents.sandbox import Manifest, SandboxAgent, SandboxRunConfig
from agents.sandbox.entries import File
from agents.sandbox.errors import ExecTimeoutError, WorkspaceReadNotFoundError
from agents.sandbox.snapshot import LocalSnapshotSpec

from pyro_mcp import Pyro
from pyro_mcp.openai_agents import PyroSandboxClient, PyroSandboxClientOptions
from scripted import Call, Model
from support import ENVIRONMENT, GuestCase

OPTIONS = PyroSandboxClientOptions(environment=ENVIRONMENT)


class OpenAiAgents(GuestCase):
    def setUp(self):
        super().setUp()
        # Traces would go to OpenAI.
        set_tracing_disabled(True)

    def test_an_agent_works_in_it(self):
        manifest = Manifest(entries={"notes.txt": File(content=b"buy milk\n")})
        agent = SandboxAgent(
            name="worker", model="scripted", default_manifest=manifest, instructions="Work."
        )
        sandbox = SandboxRunConfig(client=PyroSandboxClient())
        with Model(
            Call("exec_command", {"cmd": "cat notes.txt; uname -s"}),
            lambda said: f"It says {said}",
        ) as model:
            with mock.patch.dict(os.environ, model.environment):
                ran = Runner.run_sync(
                    agent, "what is to be done?", run_config=RunConfig(sandbox=sandbox)
                )
        self.assertEqual(model.faults, [])
        self.assertIn("buy milk\nLinux", ran.final_output)
        self.assertEqual(Pyro().list_workspaces()["count"], 0)

    def test_a_session(self):
        async def work():
            client = PyroSandboxClient()
            session = await client.create(options=OPTIONS)
            async with session:
                ran = await session.exec("echo out; echo err >&2; exit 3")
                self.assertEqual(
                    (ran.stdout, ran.stderr, ran.exit_code), (b"out\n", b"err\n", 3)
                )
                ran = await session.exec("id", "-un", shell=False, user="nobody")
                self.assertEqual(ran.stdout, b"nobody\n")
                with self.assertRaises(ExecTimeoutError):
                    await session.exec("sleep 600", timeout=2)
                await session.write(Path("deep/x.bin"), io.BytesIO(b"\xff\0"))
                read = await session.read(Path("deep/x.bin"))
                self.assertEqual(read.read(), b"\xff\0")
                with self.assertRaises(WorkspaceReadNotFoundError):
                    await session.read(Path("none"))
                self.assertTrue(await session.running())
            self.assertFalse(await session.running())
            await client.delete(session)
            await client.delete(session)

        asyncio.run(work())

    def test_a_session_is_resumed_with_its_machine_and_without(self):
        async def work():
            client = PyroSandboxClient()
            snapshot = LocalSnapshotSpec(base_path=self.directory)
            session = await client.create(options=OPTIONS, snapshot=snapshot)
            async with session:
                await session.write(Path("x.txt"), io.BytesIO(b"kept"))
            payload = client.serialize_session_state(session.state)
            for is_there in (True, False):
                state = client.deserialize_session_state(dict(payload))
                before = state.workspace_id
                if not is_there:
                    await client.delete(session)
                session = await client.resume(state)
                self.assertEqual(session.state.workspace_id == before, is_there)
                async with session:
                    read = await session.read(Path("x.txt"))
                    self.assertEqual(read.read(), b"kept")
            await client.delete(session)

        asyncio.run(work())


if __name__ == "__main__":
    unittest.main()
