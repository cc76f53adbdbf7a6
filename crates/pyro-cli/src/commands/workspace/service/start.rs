//! `pyro workspace service start`: a service, and the wait until it is ready.

use super::super::super::line::command_line;
use super::super::Noun;
use super::super::call::{id, until_interrupted};
use super::super::secrets::with_secrets;
use super::line;
use crate::cli::workspace_service::{One, Start};
use crate::printer;
use pyro_core::{
    Pyro, PyroError, ServiceState, StartServiceRequest, limits, readiness, workspace_options,
};

pub(super) fn run(args: Start) -> i32 {
    let json = args.service.json;
    until_interrupted(Noun::Workspace, json, async |pyro, cancel| {
        let (request, one) = request(args)?;
        let (workspace, name) = (id(&one.workspace_id)?, Pyro::service_name(&one.service_name)?);
        let service = pyro.start_service(workspace, name, request, cancel).await?;
        if json {
            printer::json(&service);
            return Ok(());
        }
        for tail in [&service.stdout_tail, &service.stderr_tail].into_iter().flatten() {
            printer::content_on_stderr(tail.as_bytes());
            printer::end_line();
        }
        line::tell("start", &service);
        if service.state == ServiceState::Failed {
            let (id, name) = (service.workspace_id, &service.service_name);
            printer::talk(&format!(
                "hint: all it printed: pyro workspace service logs {id} {name}"
            ));
        }
        Ok(())
    })
}

fn request(args: Start) -> Result<(StartServiceRequest, One), PyroError> {
    let options = workspace_options(Some(&args.cwd), args.env, args.user.as_deref())?;
    let request = StartServiceRequest {
        command: command_line(&args.command),
        options: with_secrets(options, &args.secrets)?,
        readiness: readiness(args.ready_file, args.ready_tcp, args.ready_http, args.ready_command)?,
        ready_timeout_seconds: limits::ready_timeout_seconds(args.ready_timeout_seconds)?,
        ready_interval_ms: limits::ready_interval_ms(args.ready_interval_ms)?,
        restart: args.restart,
    };
    Ok((request, args.service))
}
