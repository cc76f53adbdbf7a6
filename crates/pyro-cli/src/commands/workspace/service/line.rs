//! A service as a line of talk.

use super::super::summary::one_line;
use crate::printer;
use pyro_core::ServiceInfo;

/// Say what a service is at, after the `verb` that was done to it.
pub(super) fn tell(verb: &str, service: &ServiceInfo) {
    printer::talk(&format!(
        "[workspace-service-{verb}] workspace_id={} service_name={} state={} cwd={} execution_mode={}{}",
        service.workspace_id,
        service.service_name,
        service.state.name(),
        one_line(&service.cwd),
        service.execution_mode,
        end(service),
    ));
}

/// A service in a list.
pub(super) fn listed(service: &ServiceInfo) -> String {
    let (name, state) = (&service.service_name, service.state.name());
    format!("{name} [{state}] cwd={}{}", one_line(&service.cwd), end(service))
}

/// How it ended, if it has.
fn end(service: &ServiceInfo) -> String {
    let reason = service.stop_reason.map(|reason| format!(" stop_reason={}", reason.name()));
    let code = service.exit_code.map(|code| format!(" exit_code={code}"));
    [reason, code].into_iter().flatten().collect()
}
