//! `pyro workspace sync push`: a tree of the host made the workspace's.

use super::super::runtime::on_host;
use super::call::{id, path, until_interrupted};
use super::{Noun, left_out};
use crate::cli::workspace_files::{Push, Sync};
use crate::printer;
use pyro_core::{PushRequest, WorkspaceSync, printable};

pub(in crate::commands) fn run(command: Sync, noun: Noun) -> i32 {
    match command {
        Sync::Push(args) => push(args, noun),
    }
}

fn push(args: Push, noun: Noun) -> i32 {
    until_interrupted(noun, args.json, async |pyro, cancel| {
        let request = PushRequest {
            source: on_host(&args.source_path).into(),
            dest: path(&args.dest)?,
            delete: args.delete,
            respect_ignore: (args.respect_ignore || args.no_respect_ignore)
                .then_some(args.respect_ignore),
            dry_run: args.dry_run,
        };
        let pushed = pyro.push_workspace_sync(id(&args.workspace_id)?, request, cancel).await?;
        if args.json {
            noun.json(&pushed);
        } else {
            let sync = &pushed.workspace_sync;
            left_out::say(&format!("{}-sync", noun.word()), &sync.left_out, sync.left_out_count);
            printer::data(&line(&pushed, noun));
            if let Some(note) = &pushed.workspace_sync.git_note {
                let note = format!("[{}-sync] {note}", noun.word()).replace('\n', "\\n");
                printer::talk(&printable(note.as_bytes()));
            }
        }
        Ok(())
    })
}

fn line(pushed: &WorkspaceSync, noun: Noun) -> String {
    let word = noun.word();
    let sync = &pushed.workspace_sync;
    let text = format!(
        "[{word}-sync] {word}_id={} mode={} source={} destination={} entry_count={} bytes_written={} \
         execution_mode={} unchanged={} deleted={} dry_run={}",
        pushed.workspace_id,
        sync.mode,
        sync.source_path,
        sync.destination,
        sync.entry_count,
        sync.bytes_written,
        pushed.execution_mode,
        sync.unchanged,
        sync.deleted,
        if sync.dry_run { "yes" } else { "no" }
    );
    printable(text.as_bytes())
}
