"""The package is what the contract says: methods, parameters, defaults, fields of results."""

import inspect
import json
import re
import typing
import unittest
from pathlib import Path

import pyro_mcp
from pyro_mcp import AsyncPyro, Pyro, types

HERE = Path(__file__).resolve().parent
CONTRACT = json.loads((HERE / "contract.json").read_text())

# Defaults that are ours: CHANGELOG.md says why.
OURS = {("Pyro", "max_active_vms"): None}

# What each operation that is built returns, and the fields of the contract that it must have.
FIELDS = {
    "vm": types.Vm,
    "vm_exec": types.VmExec,
    "vm_delete": types.VmDeleted,
    "network_off": types.VmNetwork,
    "reap": types.ReapedVms,
    "env": types.Environment,
    "workspace": types.WorkspaceInfo,
    "workspace_reset": types.WorkspaceReset,
    "workspace_list": types.WorkspaceList,
    "workspace_exec": types.WorkspaceExec,
    "sync": types.WorkspaceSync,
    "logs": types.WorkspaceLogs,
    "export": types.WorkspaceExport,
    "diff": types.WorkspaceDiff,
    "file_list": types.FileList,
    "file_read": types.FileRead,
    "file_write": types.FileWritten,
    "patch": types.WorkspacePatch,
    "ws_delete": types.WorkspaceDeleted,
    "shell": types.ShellInfo,
    "shell_read": types.ShellRead,
    "shell_write": types.ShellWritten,
    "shell_signal": types.ShellSignalled,
    "shell_close": types.ShellClosed,
    "snap_create": types.SnapshotCreated,
    "snap_list": types.SnapshotList,
    "snap_delete": types.SnapshotDeleted,
    "service": types.ServiceInfo,
    "service_list": types.ServiceList,
    "service_logs": types.ServiceLogs,
    "disk_list": types.DiskList,
    "disk_read": types.DiskRead,
    "disk_export": types.DiskExport,
}


def operations():
    """Each method that `contract.toml` names, and whether it is built."""
    text = (HERE / "../../contract.toml").resolve().read_text()
    for row in text.split("[[operation]]")[1:]:
        name = re.search(r'^python = "(\w+)"', row, re.MULTILINE)
        built = re.search(r"^built = \[(.*)\]", row, re.MULTILINE)
        if name:
            yield name[1], '"python"' in built[1]


class Contract(unittest.TestCase):
    def test_methods_are_those_of_the_operations_that_exist(self):
        for client in (Pyro, AsyncPyro):
            for name, is_built in operations():
                self.assertEqual(hasattr(client, name), is_built, f"{client.__name__}.{name}")

    def test_parameters_and_defaults(self):
        built = {name for name, is_built in operations() if is_built}
        for client in (Pyro, AsyncPyro):
            for name, parameters in CONTRACT["methods"].items():
                if name in built:
                    self.check(getattr(client, name), parameters, name)
            self.check(client, CONTRACT["constructor"], "Pyro", skip=0)
        self.check(pyro_mcp.create_server, CONTRACT["create_server"], "create_server", skip=0)

    def check(self, callable_, promised, name, skip=1):
        given = list(inspect.signature(callable_).parameters.values())[skip:]
        ours = {one.name: one for one in given}
        positional = [one.name for one in given if one.kind is one.POSITIONAL_OR_KEYWORD]
        self.assertEqual(
            positional, [one["name"] for one in promised if not one.get("keyword_only")], name
        )
        for one in promised:
            found = ours.pop(one["name"])
            default = OURS.get((name, one["name"]), one.get("default", found.empty))
            self.assertEqual(found.default, default, f"{name}({one['name']})")
        for extra in ours.values():
            self.assertEqual(extra.kind, extra.KEYWORD_ONLY, f"{name}({extra.name})")
            self.assertIsNot(extra.default, extra.empty, f"{name}({extra.name})")

    def test_fields_of_results(self):
        for name, promised in CONTRACT["fields"].items():
            fields = set(typing.get_type_hints(FIELDS[name]))
            self.assertEqual(set(promised) - fields, set(), name)

    def test_both_classes_have_the_same_methods(self):
        for one, other in (
            (Pyro, AsyncPyro),
            (pyro_mcp.Workspace, pyro_mcp.AsyncWorkspace),
            (pyro_mcp.WorkspaceShell, pyro_mcp.AsyncWorkspaceShell),
            (pyro_mcp.WorkspaceService, pyro_mcp.AsyncWorkspaceService),
        ):
            names = [name for name in vars_of(one) if not name.startswith("_")]
            self.assertEqual(names, [name for name in vars_of(other) if not name.startswith("_")])
            for name in names:
                ours, theirs = getattr(one, name), getattr(other, name)
                if callable(ours):
                    self.assertEqual(
                        list(inspect.signature(ours).parameters),
                        list(inspect.signature(theirs).parameters),
                    )
                    self.assertTrue(ours.__doc__ and theirs.__doc__, name)

    def test_every_error_of_core_has_a_class(self):
        text = (HERE / "../../crates/pyro-core/src/error/kind.rs").resolve().read_text()
        kinds = set(re.findall(r'= "(\w+)"', text))
        classes = {
            one.kind: one
            for one in vars(pyro_mcp.errors).values()
            if isinstance(one, type) and issubclass(one, pyro_mcp.PyroError)
        }
        self.assertEqual(set(classes) - {"command"}, kinds)
        for kind, one in classes.items():
            if one is not pyro_mcp.PyroError:
                is_input = kind in ("invalid_input", "not_found")
                self.assertTrue(issubclass(one, ValueError if is_input else RuntimeError), kind)
                self.assertIn(one.__name__, pyro_mcp.__all__)


def vars_of(one):
    return sorted(name for base in one.__mro__[:-1] for name in vars(base))


if __name__ == "__main__":
    unittest.main()
