"""Disks of stopped workspaces and of snapshots: listed, read and exported."""

import unittest

import pyro_mcp
from pyro_mcp import Pyro
from support import ENVIRONMENT, GuestCase


class Disks(GuestCase):
    def test_a_disk_is_looked_at_without_its_guest(self):
        with Pyro().workspace(environment=ENVIRONMENT) as ws:
            line = "mkdir 'a b'; printf 'one\\377' > 'a b/file'; echo other > /root/other"
            ws.exec(line, check=True)
            for runs in (
                lambda: ws.disk_list(),
                lambda: ws.disk_read("a b/file"),
                lambda: ws.disk_export(self.directory / "none"),
            ):
                with self.assertRaises(pyro_mcp.WrongStateError):
                    runs()
            ws.snapshot("before")
            ws.write("a b/file", "two")
            # A snapshot's while the workspace runs.
            self.assertEqual(ws.disk_read_bytes("a b/file", snapshot="before"), b"one\xff")
            self.assertEqual(ws.disk_list(snapshot="baseline")["entries"], [])
            ws.stop()
            self.stopped(ws)
            self.exported(ws)

    def stopped(self, ws):
        listed = ws.disk_list(recursive=True)
        paths = [entry["path"] for entry in listed["entries"]]
        self.assertEqual(paths, ["/workspace/a b", "/workspace/a b/file"])
        page = ws.disk_list("/", limit=3)
        rest = ws.disk_list("/", after=page["next_after"])
        self.assertEqual((page["count"], rest["next_after"]), (3, None))
        self.assertIn("/usr", [entry["path"] for entry in rest["entries"]])
        read = ws.disk_read("/root/other", offset=2, max_bytes=3)
        self.assertEqual((read["content"], read["truncated"]), ("her", True))
        self.assertEqual(ws.disk_read_bytes("a b/file"), b"two")
        self.assertEqual(ws.disk_read("a b/file", snapshot="before")["content"], "one\ufffd")
        with self.assertRaises(pyro_mcp.NotFoundError):
            ws.disk_read("missing")
        with self.assertRaises(pyro_mcp.NotFoundError):
            ws.disk_list(snapshot="missing")

    def exported(self, ws):
        raw, packed = self.directory / "disk.ext4", self.directory / "disk.qcow2"
        exported = ws.disk_export(raw, snapshot="before")
        self.assertEqual((exported["disk_format"], exported["snapshot"]), ("ext4", "before"))
        self.assertEqual(exported["bytes_written"], raw.stat().st_size)
        with raw.open("rb") as file:
            file.seek(1080)
            self.assertEqual(file.read(2), b"\x53\xef")
        self.assertEqual(ws.disk_export(packed, format="qcow2")["disk_format"], "qcow2")
        with packed.open("rb") as file:
            self.assertEqual(file.read(4), b"QFI\xfb")
        with self.assertRaises(pyro_mcp.AlreadyExistsError):
            ws.disk_export(packed)
        ws.disk_export(packed, force=True)


if __name__ == "__main__":
    unittest.main()
