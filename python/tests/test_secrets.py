"""Secrets: used, and never told."""

import unittest

import pyro_mcp
from pyro_mcp import Pyro
from support import ENVIRONMENT, GuestCase

VALUE = "s3cret-v4lue"


class Secrets(GuestCase):
    def setUp(self):
        super().setUp()
        token = self.directory / "token"
        token.write_text("fr0m-a-file")
        self.secrets = [
            {"name": "TOKEN", "value": VALUE},
            {"name": "KEY", "file_path": token},
        ]

    def test_values_are_variables_and_marks_in_what_is_told(self):
        with Pyro().workspace(environment=ENVIRONMENT, secrets=self.secrets) as ws:
            self.assertEqual(
                ws.status()["secrets"],
                [
                    {"name": "TOKEN", "source_kind": "literal"},
                    {"name": "KEY", "source_kind": "file"},
                ],
            )
            used = {"TOKEN": "TOKEN", "KEY": "API_KEY"}
            line = 'echo "$TOKEN $API_KEY ${#TOKEN} ${#API_KEY}"'
            told = "[REDACTED] [REDACTED] 12 11\n"
            self.assertEqual(ws.exec(line, secret_env=used)["stdout"], told)
            with ws.stream(line, secret_env=used) as output:
                self.assertEqual("".join(event.text for event in output), told)
            self.assertEqual({entry["stdout"] for entry in ws.logs()["entries"]}, {told})
            self.assertEqual(ws.exec('echo "${TOKEN-unset}"')["stdout"], "unset\n")
            with ws.shell(secret_env={"TOKEN": "GIVEN"}) as shell:
                shell.write('echo "<$GIVEN>"')
                text = []

                def is_told():
                    text.append(shell.read()["output"])
                    return "<[REDACTED]>" in "".join(text)

                self.eventually(is_told, lambda: "".join(text))
            with self.assertRaises(ValueError):
                ws.exec("true", secret_env={"NONE": "TOKEN"})
            self.files(ws)

    def files(self, ws):
        """Files hold what was written; on request it is not told."""
        ws.exec('echo "$TOKEN" > kept', secret_env={"TOKEN": "TOKEN"}, check=True)
        self.assertEqual(ws.read("kept")["content"], f"{VALUE}\n")
        self.assertEqual(ws.read("kept", redact=True)["content"], "[REDACTED]\n")
        self.assertIn(VALUE, ws.diff()["patch"])
        self.assertNotIn(VALUE, ws.diff(redact=True)["patch"])
        ws.export("kept", self.directory / "as-it-is")
        ws.export("kept", self.directory / "redacted", redact=True)
        self.assertEqual((self.directory / "as-it-is").read_text(), f"{VALUE}\n")
        self.assertNotIn(VALUE, (self.directory / "redacted").read_text())

    def test_what_cannot_be_one_is_refused_without_telling_it(self):
        for secrets in (
            [{"name": "TOKEN", "value": VALUE}] * 2,
            [{"name": "A-B", "value": VALUE}],
            [{"name": "TOKEN", "value": f"{VALUE}\0"}],
        ):
            with self.assertRaises(pyro_mcp.InvalidInputError) as raised:
                Pyro().create_workspace(environment=ENVIRONMENT, secrets=secrets)
            self.assertNotIn(VALUE, str(raised.exception))


if __name__ == "__main__":
    unittest.main()
