//! `pyro doctor`: what works on this host, and the command that mends what does not.

use super::runtime::{block_on, fail, program};
use crate::cli::Doctor;
use crate::{exit, printer};
use pyro_contract::CommandLine;
use pyro_core::hints::worded;
use pyro_core::reports::{ActiveVms, Check, Health};
use pyro_core::{Config, DoctorReport, Pyro};
use serde_json::{Value, json};

pub(super) fn run(args: &Doctor) -> i32 {
    // It answers whatever is wrong: that is what it is for.
    let (config, faults) = Config::salvaged(program(), |name| std::env::var_os(name));
    let report = match block_on(Pyro::new(config).doctor(faults, args.quick)) {
        Ok(report) => report,
        Err(error) => return fail(&error, args.json, exit::FAILED),
    };
    if args.json {
        printer::json(&object(&report));
    } else {
        show(&report);
    }
    if report.runtime_ok { exit::OK } else { exit::FAILED }
}

/// The report as one object, with the fix of each check in words.
fn object(report: &DoctorReport) -> Value {
    let mut object = json!(report);
    let checks = object["checks"].as_array_mut().into_iter().flatten();
    for (told, check) in checks.zip(&report.checks) {
        told["fix"] = json!(fix(check));
    }
    object
}

/// What mends what a check has found.
fn fix(check: &Check) -> Option<String> {
    worded(&check.fix, &CommandLine::default())
}

/// The reference's lines; the single checks follow them.
fn lines(report: &DoctorReport) -> Vec<String> {
    let word = |is: bool| if is { "yes" } else { "no" };
    let DoctorReport { kvm, networking, runtime, .. } = report;
    let capabilities = &runtime.capabilities;
    let mut lines = vec![
        format!("Platform: {}", report.platform),
        format!("Runtime: {}", if report.runtime_ok { "PASS" } else { "FAIL" }),
        format!(
            "KVM: exists={} readable={} writable={}",
            word(kvm.exists),
            word(kvm.readable),
            word(kvm.writable)
        ),
        format!("Environment cache: {}", runtime.cache_dir),
        format!(
            "Capabilities: vm_boot={} guest_exec={} guest_network={}",
            word(capabilities.supports_vm_boot),
            word(capabilities.supports_guest_exec),
            word(capabilities.supports_guest_network)
        ),
        format!(
            "Networking: tun={} ip_forward={}",
            word(networking.tun_available),
            word(networking.ip_forward_enabled)
        ),
    ];
    if !report.issues.is_empty() {
        lines.push("Issues:".to_owned());
        lines.extend(report.issues.iter().map(|issue| format!("- {issue}")));
    }
    lines
}

/// The last line: that guests can run is said only where one did.
fn verdict(report: &DoctorReport) -> &'static str {
    match (report.runtime_ok, report.guest_booted) {
        (true, Some(true)) => "Guests can run on this host.",
        (true, _) => "Nothing was found that keeps guests from running; none was started.",
        (false, _) => "No guest can run on this host.",
    }
}

fn show(report: &DoctorReport) {
    printer::data(&lines(report).join("\n"));
    for check in &report.checks {
        let mark = match check.health {
            Health::Ok => "ok  ",
            Health::Warning => "warn",
            Health::Failed => "FAIL",
        };
        printer::data(&format!("{mark} {}: {}", check.name, check.detail));
        if let Some(fix) = fix(check) {
            printer::data(&format!("       fix: {fix}"));
        }
    }
    let ActiveVms { one_shot, standby, vm, workspace } = report.vms;
    printer::data(&format!(
        "Active vms: {one_shot} for one command, {standby} standing by, {vm} created, {workspace} of workspaces."
    ));
    printer::data(verdict(report));
}
