"""Every tool of a workspace, as the official Python client calls it, against a real guest: argv is PYRO and the execution mode."""

import asyncio
import base64
import json
import os
import sys
import time

from mcp import Client, MCPError, StdioServerParameters
from mcp.types import ListRootsResult, Root

PYRO = sys.argv[1]
# In a project: the home itself is not granted by being worked in.
os.mkdir("work")
os.chdir("work")
NOBODY = "0123456789ab"


def server(*flags):
    return StdioServerParameters(command=PYRO, args=["mcp", "serve", *flags], env=dict(os.environ), cwd=os.getcwd())


async def done(client, tool, **arguments):
    """A call that succeeds: its structured content, which the client has held against the output schema."""
    called.add(tool)
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, (tool, result)
    for name, value in json.loads(result.content[0].text).items():
        whole = result.structured_content[name]
        assert whole == value or isinstance(whole, (dict, list)), (tool, name, value)
    return result.structured_content


async def refused(client, kind, tool, **arguments):
    """A call that fails, with a reason to branch on and a hint."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error, (tool, result)
    told = json.loads(result.content[0].text)
    assert told["kind"] == kind and told["hint"], (tool, told)
    return told


called = set()


async def life(client, mode):
    made = await done(client, "workspace_create", environment="debian:12", name="first", labels={"for": "tests"})
    workspace = made["workspace_id"]
    assert made["state"] == "started" and made["execution_mode"] == mode, made
    assert made["labels"] == {"for": "tests"} and made["workspace_path"] == "/workspace", made
    seen = (await done(client, "workspace_list"))["workspaces"]
    assert [one["workspace_id"] for one in seen] == [workspace] and seen[0]["name"] == "first", seen
    changed = await done(client, "workspace_update", workspace_id=workspace, clear_name=True, labels={"a": "b"})
    assert changed["name"] is None and changed["labels"] == {"a": "b", "for": "tests"}, changed
    changed = await done(client, "workspace_update", workspace_id=workspace, name="second", clear_labels=["for"])
    assert changed["name"] == "second" and changed["labels"] == {"a": "b"}, changed
    await refused(client, "invalid_input", "workspace_update", workspace_id=workspace)
    await refused(client, "invalid_input", "workspace_update", workspace_id=workspace, labels={"a": 1})
    for tool in ["workspace_status", "workspace_logs", "workspace_reset", "workspace_delete"]:
        told = await refused(client, "not_found", tool, workspace_id=NOBODY)
        assert told["hint"] == "workspace_list", told
        await refused(client, "invalid_input", tool, workspace_id="../../etc")
        told = await refused(client, "invalid_input", tool)
        assert "workspace_id is missing" in told["message"], told
    for wrong in [{"environment": "debian:11"}, {"ttl_seconds": 5}, {"name": "a\nb"}, {"labels": {"": "x"}}, {"mem_mib": 1}]:
        await refused(client, "invalid_input", "workspace_create", **{"environment": "debian:12", **wrong})
    await refused(client, "denied", "workspace_create", environment="debian:12", allow_host_compat=True)
    return workspace


async def commands(client, workspace):
    words = []

    async def heard(progress, total, message):
        words.append(message)

    arguments = {"workspace_id": workspace, "command": "echo one > file; echo told; sleep 3; echo oops >&2; exit 3"}
    result = await client.call_tool("workspace_exec", arguments, progress_callback=heard)
    ran = result.structured_content
    assert not result.is_error and (ran["exit_code"], ran["stdout"], ran["stderr"]) == (3, "told\n", "oops\n"), result
    assert (ran["sequence"], ran["cwd"], ran["stdout_file"]) == (1, "/workspace", None), ran
    assert "running: told" in words, words
    ran = await done(client, "workspace_exec", workspace_id=workspace, command="cat file; mkdir sub")
    assert (ran["sequence"], ran["stdout"]) == (2, "one\n"), ran
    ran = await done(client, "workspace_exec", workspace_id=workspace, command="pwd; echo $A", cwd="sub", env={"A": "b c"})
    assert (ran["stdout"], ran["cwd"]) == ("/workspace/sub\nb c\n", "/workspace/sub"), ran
    ran = await done(client, "workspace_exec", workspace_id=workspace, command="echo early; sleep 60", timeout_seconds="10")
    assert (ran["exit_code"], ran["timed_out"], ran["stdout"]) == (124, True, "early\n"), ran
    ran = await done(client, "workspace_exec", workspace_id=workspace, command="seq -f %08.0f 1 40000", timeout_seconds=60)
    assert ran["stdout_truncated"] and ran["stdout_bytes"] == 360_000 and len(ran["stdout"]) < 16_384, ran["stdout_file"]
    page = await done(client, "output_read", name=ran["stdout_file"], offset=9 * 20_000, length=9)
    assert page["text"] == "00020001\n", page
    for wrong in [{"command": " "}, {"cwd": "../etc"}, {"env": {"A=B": "x"}}, {"env": {"A": 1}}, {"timeout_seconds": 0}]:
        await refused(client, "invalid_input", "workspace_exec", **{"workspace_id": workspace, "command": "true", **wrong})
    await refused(client, "not_found", "workspace_exec", workspace_id=NOBODY, command="true")
    logs = await done(client, "workspace_logs", workspace_id=workspace, limit=2)
    assert [entry["sequence"] for entry in logs["entries"]] == [1, 2] and logs["next_after"] == 2, logs
    logs = await done(client, "workspace_logs", workspace_id=workspace, after=3)
    assert [entry["exit_code"] for entry in logs["entries"]] == [124, 0] and logs["next_after"] is None, logs["count"]


async def cancels(client, workspace):
    """A cancelled call ends its command in the guest; the workspace lives on, and the history does not have it."""
    words = []

    async def heard(progress, total, message):
        words.append(message)

    arguments = {"workspace_id": workspace, "command": "echo up; exec sleep 12345", "timeout_seconds": 280}
    call = asyncio.create_task(client.call_tool("workspace_exec", arguments, progress_callback=heard))
    began = time.monotonic()
    while "running: up" not in words:
        assert time.monotonic() - began < 240 and not call.done(), words
        await asyncio.sleep(0.02)
    call.cancel()
    there = "for i in $(seq 1000); do grep -qs 12345 /proc/[0-9]*/cmdline || exit 0; sleep 0.1; done; exit 1"
    # The line itself names the number, and so does the shell that runs it.
    there = there.replace("grep -qs 12345", "grep -qsE '^sleep.1234''5'")
    ran = await done(client, "workspace_exec", workspace_id=workspace, command=there, timeout_seconds=240)
    assert ran["exit_code"] == 0, ran
    status = await done(client, "workspace_status", workspace_id=workspace)
    assert status["state"] == "started" and status["last_command"]["command"] == there, status


async def resets(client, workspace):
    ran = await done(client, "workspace_exec", workspace_id=workspace, command="touch /etc/changed /workspace/more")
    assert ran["exit_code"] == 0, ran
    await refused(client, "not_found", "workspace_reset", workspace_id=workspace, snapshot="other")
    await refused(client, "invalid_input", "workspace_reset", workspace_id=workspace, snapshot="../other")
    reset = await done(client, "workspace_reset", workspace_id=workspace)
    assert (reset["reset_count"], reset["command_count"], reset["name"]) == (1, 0, "second"), reset
    assert reset["workspace_reset"]["snapshot_name"] == "baseline", reset
    ran = await done(client, "workspace_exec", workspace_id=workspace, command="ls -A /workspace; ls /etc/changed")
    assert (ran["stdout"], ran["exit_code"]) == ("", 2), ran


def project():
    """A tree on the host with what trees have: an executable, a binary file, links, what git ignores."""
    root = os.path.join(os.getcwd(), "project")
    os.makedirs(os.path.join(root, "src"))
    for name, content in [("a.txt", b"one\ntwo\nthree\n"), ("src/run.sh", b"#!/bin/sh\necho ran\n"), ("blob", b"\xff\0\x01" * 50)]:
        with open(os.path.join(root, name), "wb") as file:
            file.write(content)
    os.chmod(os.path.join(root, "src/run.sh"), 0o755)
    os.symlink("src/run.sh", os.path.join(root, "link"))
    return root


async def files(client):
    root = project()
    made = await done(client, "workspace_create", environment="debian:12", seed_path=root)
    workspace, seed = made["workspace_id"], made["workspace_seed"]
    assert (seed["mode"], seed["seed_path"]) == ("directory", root) and seed["entry_count"] >= 5, seed
    here = {"workspace_id": workspace}
    ran = await done(client, "workspace_exec", **here, command="./link; git -c init.defaultBranch=m init -q /tmp/g && echo ok")
    assert ran["stdout"] == "ran\nok\n", ran

    listed = await done(client, "workspace_file_list", **here)
    kinds = {entry["path"]: entry["artifact_type"] for entry in listed["entries"]}
    assert kinds == {
        "/workspace/a.txt": "file", "/workspace/blob": "file", "/workspace/link": "symlink", "/workspace/src": "directory",
    }, kinds
    page = await done(client, "workspace_file_list", **here, recursive=True, limit=2)
    rest = await done(client, "workspace_file_list", **here, recursive=True, after=page["next_after"])
    paths = [entry["path"] for entry in page["entries"] + rest["entries"]]
    assert len(paths) == 5 and "/workspace/src/run.sh" in paths and rest["next_after"] is None, paths

    read = await done(client, "workspace_file_read", **here, path="a.txt")
    assert (read["content"], read["size_bytes"], read["truncated"]) == ("one\ntwo\nthree\n", 14, False), read
    read = await done(client, "workspace_file_read", **here, path="/workspace/a.txt", offset=4, max_bytes=3)
    assert (read["content"], read["bytes_read"], read["truncated"]) == ("two", 3, True), read
    for kind, wrong in [("not_found", "none"), ("invalid_input", "../etc/passwd"), ("invalid_input", "/etc/passwd")]:
        await refused(client, kind, "workspace_file_read", **here, path=wrong)
        if kind == "invalid_input":
            await refused(client, kind, "workspace_file_list", **here, path=wrong)
            await refused(client, kind, "workspace_file_write", **here, path=wrong, text="x")
            await refused(client, kind, "workspace_diff", **here, path=wrong)
            await refused(client, kind, "workspace_export", **here, path=wrong, output_path="out")
    await refused(client, "invalid_input", "workspace_file_read", **here, path="a.txt", max_bytes=0)

    assert not (await done(client, "workspace_diff", **here))["changed"]
    written = await done(client, "workspace_file_write", **here, path="new/é.txt", text="grün\n")
    assert (written["path"], written["bytes_written"]) == ("/workspace/new/é.txt", 6), written
    await done(client, "workspace_file_write", **here, path="src/run.sh", text="#!/bin/sh\necho again\n")
    ran = await done(client, "workspace_exec", **here, command="./link; rm blob")
    assert ran["stdout"] == "again\n", ran
    patch = "--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n"
    applied = await done(client, "workspace_patch_apply", **here, patch=patch)
    assert applied["summary"] == {"total": 1, "added": 0, "modified": 1, "deleted": 0}, applied
    told = await refused(client, "conflict", "workspace_patch_apply", **here, patch=patch)
    assert "a.txt" in json.dumps(told), told
    await refused(client, "invalid_input", "workspace_patch_apply", **here, patch="no patch")

    diff = await done(client, "workspace_diff", **here)
    changes = {entry["path"]: entry["status"] for entry in diff["entries"]}
    assert changes == {"a.txt": "modified", "blob": "deleted", "new/é.txt": "added", "src/run.sh": "modified"}, changes
    assert "+TWO" in diff["patch"] and diff["patch_complete"], diff
    one = await done(client, "workspace_diff", **here, path="src")
    assert [entry["path"] for entry in one["entries"]] == ["src/run.sh"] and "+echo again" in one["patch"], one
    stat = await done(client, "workspace_diff", **here, stat=True)
    assert stat["summary"] == diff["summary"] and stat["patch"] == "" and not stat["patch_complete"], stat

    with open(os.path.join(root, "pushed"), "w") as file:
        file.write("from the host\n")
    push = {**here, "source_path": root, "delete": True}
    dry = (await done(client, "workspace_sync_push", **push, dry_run=True))["workspace_sync"]
    assert dry["dry_run"] and dry["changed"], dry
    assert (await done(client, "workspace_diff", **here))["summary"] == diff["summary"]
    pushed = (await done(client, "workspace_sync_push", **push))["workspace_sync"]
    assert pushed["changed"] and pushed["deleted"] >= 1, pushed
    assert not (await done(client, "workspace_sync_push", **push))["workspace_sync"]["changed"]
    diff = await done(client, "workspace_diff", **here)
    assert [entry["path"] for entry in diff["entries"]] == ["pushed"], diff
    for wrong in ["/etc", os.path.join(root, "..", "..")]:
        told = await refused(client, "denied", "workspace_sync_push", **here, source_path=wrong)
        assert "--allow-path" in told["hint"], told
    await refused(client, "denied", "workspace_create", environment="debian:12", seed_path="/etc")
    await refused(client, "denied", "workspace_export", **here, path="a.txt", output_path="/etc/pyro-test")

    out = os.path.join(os.getcwd(), "out", "tree")
    exported = await done(client, "workspace_export", **here, path=".", output_path=out)
    assert (exported["output_path"], exported["artifact_type"]) == (out, "directory"), exported
    with open(os.path.join(out, "blob"), "rb") as file:
        assert file.read() == b"\xff\0\x01" * 50
    assert os.readlink(os.path.join(out, "link")) == "src/run.sh" and os.access(os.path.join(out, "src/run.sh"), os.X_OK)
    await refused(client, "already_exists", "workspace_export", **here, path="a.txt", output_path=out)
    single = os.path.join(os.getcwd(), "out", "a.txt")
    await done(client, "workspace_export", **here, path="a.txt", output_path=single)
    exported = await done(client, "workspace_export", **here, path="pushed", output_path=single, force=True)
    with open(single) as file:
        assert file.read() == "from the host\n" and exported["entry_count"] == 1
    change = os.path.join(os.getcwd(), "out", "change.patch")
    await done(client, "workspace_export", **here, path=".", output_path=change, format="patch")
    with open(change) as file:
        assert "+from the host" in file.read()
    await resources(client, workspace)
    await done(client, "workspace_delete", **here)


async def resources(client, workspace):
    templates = (await client.list_resource_templates()).resource_templates
    offered = ["pyro://workspace/{id}/{path}{?offset}", "pyro://output/{name}{?offset}"]
    assert [one.uri_template for one in templates] == offered, templates
    text = (await client.read_resource(f"pyro://workspace/{workspace}/src%2Frun.sh")).contents[0]
    assert text.text.startswith("#!/bin/sh\n") and text.mime_type == "text/plain", text
    blob = (await client.read_resource(f"pyro://workspace/{workspace}/blob")).contents[0]
    assert base64.b64decode(blob.blob) == b"\xff\0\x01" * 50, blob
    await done(client, "workspace_exec", workspace_id=workspace, command="seq -f %08.0f 1 5000 > long")
    pages, uri = [], f"pyro://workspace/{workspace}/long"
    while uri:
        page, *rest = (await client.read_resource(uri)).contents
        assert page.uri == uri and 0 < len(page.text) <= 16_384, page
        pages.append(page.text)
        uri = rest[0].uri if rest else None
    assert len(pages) > 2 and "".join(pages) == "".join(f"{n:08}\n" for n in range(1, 5001)), len(pages)
    for wrong in ["none", "../etc/passwd", "src"]:
        try:
            await client.read_resource(f"pyro://workspace/{workspace}/{wrong}")
        except MCPError as error:
            print("resource refused:", wrong, error)
        else:
            raise AssertionError(wrong)


async def roots(workspace):
    """A client of the revisions that have roots grants what it calls its own."""
    outside = os.path.join(os.getcwd(), "outside")
    granted = os.path.join(os.getcwd(), "project")
    os.makedirs(outside)
    with open(os.path.join(outside, "file"), "w") as file:
        file.write("granted by the client\n")

    async def own(context):
        return ListRootsResult(roots=[Root(uri=f"file://{outside}")])

    push = {"workspace_id": workspace, "source_path": outside, "dest": "fromroot"}
    flags = ["--profile", "workspace-core", "--allow-path", granted]
    async with Client(server(*flags), mode="legacy", list_roots_callback=own) as client:
        await done(client, "workspace_sync_push", **push)
        await refused(client, "denied", "workspace_sync_push", **{**push, "source_path": "/etc"})
    async with Client(server(*flags), mode="legacy") as client:
        await refused(client, "denied", "workspace_sync_push", **push)


async def wakes(workspace):
    """Only workspace-full starts and stops; elsewhere a stopped workspace is started by its next command."""
    async with Client(server()) as client:
        stopped = await done(client, "workspace_stop", workspace_id=workspace)
        assert stopped["state"] == "stopped", stopped
        told = await refused(client, "wrong_state", "workspace_exec", workspace_id=workspace, command="true")
        assert "workspace_start" in told["hint"], told
        assert (await done(client, "workspace_start", workspace_id=workspace))["state"] == "started"
        await done(client, "workspace_exec", workspace_id=workspace, command="echo kept > kept")
        forks = await done(client, "workspace_fork", workspace_id=workspace, count=2, name="copy")
        assert forks["count"] == 2, forks
        for fork in forks["workspaces"]:
            ran = await done(client, "workspace_exec", workspace_id=fork["workspace_id"], command="cat kept; rm kept")
            assert ran["stdout"] == "kept\n", ran
            await done(client, "workspace_delete", workspace_id=fork["workspace_id"])
        await refused(client, "invalid_input", "workspace_fork", workspace_id=workspace, count=33)
        await done(client, "workspace_stop", workspace_id=workspace)
    async with Client(server("--profile", "workspace-core")) as client:
        ran = await done(client, "workspace_exec", workspace_id=workspace, command="cat kept")
        assert ran["stdout"] == "kept\n", ran


async def tasks(mode):
    async with Client(server("--profile", "task")) as client:
        made = await done(client, "task_create", environment="debian:12")
        task = made["task_id"]
        assert made["execution_mode"] == mode and "workspace_id" not in made, made
        ran = await done(client, "task_exec", task_id=task, command="echo $PWD")
        assert (ran["task_id"], ran["stdout"], ran["sequence"]) == (task, "/workspace\n", 1), ran
        assert (await done(client, "task_status", task_id=task))["command_count"] == 1
        source = os.path.join(os.getcwd(), "project")
        pushed = await done(client, "task_sync_push", task_id=task, source_path=source, dest="src")
        assert pushed["task_id"] == task and pushed["workspace_sync"]["destination"] == "/workspace/src", pushed
        seeded = await done(client, "task_create", environment="debian:12", source_path=source)
        assert seeded["workspace_seed"]["seed_path"] == source, seeded
        assert (await done(client, "task_delete", task_id=seeded["task_id"]))["deleted"]
        logs = await done(client, "task_logs", task_id=task)
        assert logs["task_id"] == task and logs["entries"][0]["stdout"] == "/workspace\n", logs
        told = await refused(client, "denied", "task_create", environment="debian:12", network=True)
        assert "not built" in told["message"], told
        await refused(client, "invalid_input", "task_exec", workspace_id=task, command="true")
        assert (await done(client, "task_delete", task_id=task))["deleted"]
        await refused(client, "not_found", "task_status", task_id=task)


async def main():
    mode = sys.argv[2]
    async with Client(server("--profile", "workspace-core")) as client:
        offered = {tool.name for tool in (await client.list_tools()).tools}
        workspace = await life(client, mode)
        await commands(client, workspace)
        await cancels(client, workspace)
        await resets(client, workspace)
        await files(client)
    await wakes(workspace)
    await roots(workspace)
    await tasks(mode)
    async with Client(server("--profile", "workspace-core"), mode="legacy") as client:
        assert (await done(client, "workspace_delete", workspace_id=workspace))["deleted"]
        assert (await done(client, "workspace_list"))["count"] == 0
    missed = offered - called - {"vm_run"}
    assert not missed, f"not called: {missed}"
    print(f"{len(called)} tools called: {', '.join(sorted(called))}")


asyncio.run(main())
