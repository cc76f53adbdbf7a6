//! `pyro workspace disk`: the disk of a stopped workspace, or of a snapshot, without a guest.

use super::super::runtime::on_host;
use super::Noun;
use super::call::{id, to_its_end, until_interrupted};
use super::summary::{entry, one_line};
use crate::cli::workspace_disk as args;
use crate::printer;
use pyro_core::{
    DiskExport, DiskExportRequest, DiskFormat, DiskList, DiskListRequest, DiskPath,
    DiskReadRequest, Pyro, PyroError, Snapshot, printable,
};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

pub(super) fn run(command: args::Disk) -> i32 {
    match command {
        args::Disk::List(args) => list(&args),
        args::Disk::Read(args) => read(&args),
        args::Disk::Export(args) => export(&args),
    }
}

fn path(text: &OsStr) -> Result<DiskPath, PyroError> {
    Pyro::disk_path(text.as_bytes())
}

fn snapshot(name: Option<&str>) -> Result<Option<Snapshot>, PyroError> {
    name.map(Pyro::snapshot).transpose()
}

fn list(args: &args::DiskList) -> i32 {
    to_its_end(Noun::Workspace, args.json, async |pyro| {
        let request = DiskListRequest {
            path: path(&args.path)?,
            recursive: args.recursive,
            snapshot: snapshot(args.snapshot.as_deref())?,
            after: args.after.as_deref().map(path).transpose()?,
            limit: args.limit,
        };
        let listed = pyro.list_workspace_disk(id(&args.workspace_id)?, request).await?;
        if args.json {
            printer::json(&listed);
            return Ok(());
        }
        printer::data(&lines(&listed).join("\n"));
        if let Some(after) = &listed.next_after {
            printer::talk(&one_line(&format!(
                "[workspace-disk-list] there is more: --after '{after}'"
            )));
        }
        Ok(())
    })
}

fn lines(listed: &DiskList) -> Vec<String> {
    let recursive = if listed.recursive { "yes" } else { "no" };
    let head = format!("Workspace disk path: {} (recursive={recursive})", listed.path);
    let mut lines = vec![one_line(&head)];
    if listed.entries.is_empty() {
        lines.push("No workspace disk entries found.".to_owned());
    }
    lines.extend(listed.entries.iter().map(entry));
    lines
}

fn read(args: &args::DiskRead) -> i32 {
    to_its_end(Noun::Workspace, args.json, async |pyro| {
        let request = DiskReadRequest {
            path: path(&args.path)?,
            snapshot: snapshot(args.snapshot.as_deref())?,
            offset: args.offset,
            max_bytes: args.max_bytes,
        };
        let read = pyro.read_workspace_disk(id(&args.workspace_id)?, request).await?;
        if args.json {
            printer::json(&read);
            return Ok(());
        }
        if let Some(real) = &read.real_path {
            printer::talk(&one_line(&format!(
                "[workspace-disk-read] {} is a link to {real}",
                read.path
            )));
        }
        printer::content(&read.bytes);
        if args.content_only {
            return Ok(());
        }
        if !read.bytes.ends_with(b"\n") && !read.bytes.is_empty() {
            printer::raw(b"\n");
        }
        let line = format!(
            "[workspace-disk-read] workspace_id={} path={} size_bytes={} truncated={}",
            read.workspace_id,
            read.path,
            read.size_bytes,
            if read.truncated { "yes" } else { "no" }
        );
        printer::talk(&printable(line.as_bytes()));
        Ok(())
    })
}

fn export(args: &args::DiskExport) -> i32 {
    until_interrupted(Noun::Workspace, args.json, async |pyro, cancel| {
        let request = DiskExportRequest {
            output: on_host(&args.output).into(),
            force: args.force,
            kept: std::env::home_dir().into_iter().chain(std::env::current_dir()).collect(),
            format: match args.format {
                args::DiskFormat::Ext4 => DiskFormat::Ext4,
                args::DiskFormat::Qcow2 => DiskFormat::Qcow2,
            },
            snapshot: snapshot(args.snapshot.as_deref())?,
        };
        let exported = pyro.export_workspace_disk(id(&args.workspace_id)?, request, cancel).await?;
        if args.json {
            printer::json(&exported);
        } else {
            printer::data(&line(&exported));
        }
        if exported.needs_recovery {
            printer::talk(
                "hint: its guest did not unmount it: the first mount, or e2fsck -f, replays its journal",
            );
        }
        Ok(())
    })
}

fn line(exported: &DiskExport) -> String {
    let line = format!(
        "[workspace-disk-export] workspace_id={} output_path={} disk_format={} bytes_written={}",
        exported.workspace_id, exported.output_path, exported.disk_format, exported.bytes_written
    );
    printable(line.as_bytes())
}
