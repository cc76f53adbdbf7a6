"""Take a virtual machine through its life: create, start, run a command, gone."""

from pyro_mcp import Pyro

pyro = Pyro()
vm_id = pyro.create_vm(environment="debian:12", ttl_seconds=600)["vm_id"]
try:
    pyro.start_vm(vm_id)
    result = pyro.exec_vm(vm_id, command="uname -a", timeout_seconds=30)
    print(result["stdout"], end="")
    # Its one command has deleted it.
    print(f"deleted: {result['cleanup']['deleted']}")
except BaseException:
    pyro.delete_vm(vm_id)
    raise
