"""mini-swe-agent fixes a failing test in a guest."""

import unittest
from pathlib import Path

from minisweagent.agents.default import DefaultAgent
from minisweagent.environments import get_environment
from minisweagent.models.test_models import DeterministicModel, make_output

from support import ENVIRONMENT, GuestCase

CLASS = "pyro_mcp.mini_swe_agent.PyroEnvironment"

TEST = """\
#!/bin/sh
[ "$(sh add.sh 2 3)" = 5 ] || { echo "2 + 3 is $(sh add.sh 2 3)" >&2; exit 1; }
echo passed
"""


class MiniSweAgent(GuestCase):
    def environment(self, **settings):
        made = get_environment(
            {"environment_class": CLASS, "environment": ENVIRONMENT, **settings}
        )
        self.addCleanup(made.cleanup)
        return made

    def test_it_fixes_a_failing_test(self):
        project = self.directory / "project"
        project.mkdir()
        (project / "add.sh").write_text("echo $(($1 - $2))\n")
        (project / "test.sh").write_text(TEST)
        environment = self.environment(seed_path=str(project))
        fix = "sed -i 's/ - / + /' add.sh && sh test.sh"
        submit = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT; cat add.sh"
        commands = ["sh test.sh", fix, submit]
        agent = DefaultAgent(
            DeterministicModel(
                outputs=[make_output(one, [{"command": one}]) for one in commands]
            ),
            environment,
            system_template="You work on {{system}}, in {{cwd}}.",
            instance_template="{{task}}",
            cost_limit=0,
        )
        ended = agent.run("make the test pass")
        self.assertEqual(ended["exit_status"], "Submitted")
        self.assertEqual(ended["submission"], "echo $(($1 + $2))\n")
        said = [message["content"] for message in agent.messages]
        self.assertEqual(said[0], "You work on Linux, in /workspace.")
        self.assertIn("<returncode>1</returncode>\n<output>\n2 + 3 is -1", said[3])
        self.assertIn("<returncode>0</returncode>\n<output>\npassed", said[5])
        # The work came out as a patch, and the host's project is what it was.
        patch = environment.workspace.diff()["patch"]
        self.assertIn("+echo $(($1 + $2))", patch)
        self.assertIn("-", Path(project, "add.sh").read_text())
        self.assertEqual(agent.serialize()["info"]["config"]["environment_type"], CLASS)

    def test_output_is_in_order_and_a_limit_is_told(self):
        environment = self.environment(env={"A": "b"}, cwd="/tmp")
        ran = environment.execute({"command": "echo 1; echo 2 >&2; printf '\\377'; echo $A $PWD"})
        self.assertEqual((ran["output"], ran["returncode"]), ("1\n2\n\ufffdb /tmp\n", 0))
        ran = environment.execute({"command": "if; then"})
        self.assertIn("syntax error", ran["output"])
        ran = environment.execute({"command": "echo on; sleep 600"}, timeout=3)
        self.assertEqual((ran["output"], ran["returncode"]), ("on\n", 124))
        self.assertIn("3 s", ran["exception_info"])
        environment.cleanup()
        ran = environment.execute({"command": "true"})
        self.assertEqual(ran["returncode"], -1)
        self.assertIn("no workspace", ran["exception_info"])


if __name__ == "__main__":
    unittest.main()
