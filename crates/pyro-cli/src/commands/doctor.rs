//! `pyro doctor`: what works on this host, and the command that mends what does not.

use super::{block_on, fail, pyro};
use crate::cli::Doctor;
use crate::{exit, printer};
use pyro_core::doctor::{DoctorReport, Health};
use pyro_core::vm::active::ActiveVms;

pub(super) fn run(args: &Doctor) -> i32 {
    let report = match pyro() {
        Ok(pyro) => block_on(pyro.doctor()),
        Err(error) => return fail(&error, args.json, exit::FAILED),
    };
    if args.json {
        printer::json(&report);
    } else {
        show(&report);
    }
    if report.runtime_ok { exit::OK } else { exit::FAILED }
}

fn show(report: &DoctorReport) {
    for check in &report.checks {
        let mark = match check.health {
            Health::Ok => "ok  ",
            Health::Warning => "warn",
            Health::Failed => "FAIL",
        };
        printer::data(&format!("{mark} {}: {}", check.name, check.detail));
        if let Some(fix) = &check.fix {
            printer::data(&format!("       fix: {fix}"));
        }
    }
    let ActiveVms { one_shot, standby, vm, workspace } = report.vms;
    printer::data(&format!(
        "Active vms: {one_shot} for one command, {standby} standing by, {vm} created, {workspace} of workspaces."
    ));
    printer::data(if report.runtime_ok { "Guests can run on this host." } else { "No guest can run on this host." });
}
