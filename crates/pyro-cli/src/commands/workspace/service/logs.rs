//! `pyro workspace service logs`: what a service has printed, and what it prints.

use super::super::Noun;
use super::super::call::{id, to_its_end, until_interrupted};
use super::line;
use crate::cli::workspace_service::Logs;
use crate::printer;
use pyro_core::{OutputStream, Pyro, PyroError, limits};

pub(super) fn run(args: &Logs) -> i32 {
    if args.follow { follow(args) } else { show(args) }
}

fn tail_lines(args: &Logs) -> Result<Option<u32>, PyroError> {
    let lines = (!args.all).then(|| limits::tail_lines(args.tail_lines));
    Ok(lines.transpose()?)
}

fn show(args: &Logs) -> i32 {
    let one = &args.service;
    to_its_end(Noun::Workspace, one.json, async |pyro| {
        let lines = tail_lines(args)?;
        let name = Pyro::service_name(&one.service_name)?;
        let logs = pyro.logs_service(id(&one.workspace_id)?, name, lines).await?;
        if one.json {
            printer::json(&logs);
        } else {
            print(OutputStream::Stdout, logs.stdout.as_bytes());
            print(OutputStream::Stderr, logs.stderr.as_bytes());
            printer::end_line();
            line::tell("logs", &logs.service);
        }
        Ok(())
    })
}

fn follow(args: &Logs) -> i32 {
    let one = &args.service;
    until_interrupted(Noun::Workspace, false, async |pyro, cancel| {
        let lines = tail_lines(args)?;
        let (workspace, name) = (id(&one.workspace_id)?, Pyro::service_name(&one.service_name)?);
        let followed = pyro.follow_service(workspace, name, lines, Box::new(print), cancel);
        let service = followed.await?;
        printer::end_line();
        line::tell("logs", &service);
        Ok(())
    })
}

fn print(stream: OutputStream, bytes: &[u8]) {
    match stream {
        OutputStream::Stdout => printer::content(bytes),
        OutputStream::Stderr => printer::content_on_stderr(bytes),
    }
}
