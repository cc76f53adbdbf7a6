"""Work on a project in a workspace, and take the changes out as a patch."""

import tempfile
from pathlib import Path

from pyro_mcp import CommandError, Pyro

project = Path(tempfile.mkdtemp())
(project / "greet.sh").write_text("echo helo\n")

with Pyro().workspace(environment="debian:12", seed_path=project) as workspace:
    try:
        workspace.exec("test \"$(sh greet.sh)\" = hello", check=True)
    except CommandError as error:
        print(f"the test fails with status {error.exit_code}")

    workspace.write("greet.sh", "echo hello\n")
    workspace.exec("test \"$(sh greet.sh)\" = hello", check=True)
    print("the test passes")

    print(workspace.diff()["patch"], end="")
    workspace.export("greet.sh", project / "greet.fixed.sh")

print((project / "greet.fixed.sh").read_text(), end="")
