//! `pyro bench`: what pyro takes on this host.

use super::interrupted::Interrupted;
use super::runtime::{block_on, fail, on_host, pyro};
use crate::cli::{Bench, BenchPage};
use crate::progress::{CountLine, ProgressLine};
use crate::{exit, printer};
use pyro_core::{BenchProgress, BenchReport, BenchRequest, Pyro, PyroError, Shape};
use std::path::PathBuf;

/// Lifetime of a measured vm, in seconds: longer than any measurement with it, short enough to end
/// by itself.
const TTL_SECONDS: u32 = 3600;

pub(super) fn run(args: Bench) -> i32 {
    let as_json = args.json;
    let interrupted = Interrupted::default();
    let result = block_on(async {
        interrupted.watch();
        measure(args, &interrupted).await
    });
    let (report, saved) = match result {
        Ok(measured) => measured,
        Err(error) => {
            return interrupted.status().unwrap_or_else(|| fail(&error, as_json, exit::FAILED));
        }
    };
    if as_json {
        printer::json(&report);
    } else {
        show(&report);
    }
    match saved {
        Some(Ok(path)) => printer::talk(&format!("[bench] results: {}", path.display())),
        // The report stands on stdout already, and is one object there.
        Some(Err(error)) => return fail(&error, false, exit::FAILED),
        None => {}
    }
    exit::OK
}

/// What was measured, and where it was written.
type Measured = (BenchReport, Option<Result<PathBuf, PyroError>>);

async fn measure(args: Bench, interrupted: &Interrupted) -> Result<Measured, PyroError> {
    let request = BenchRequest {
        shape: Shape::new(1, args.mem_mib, TTL_SECONDS)?,
        environment: args.environment,
        runs: args.runs,
        vms: args.vms,
        against: args.against,
        output: args.output.as_deref().map(on_host),
    };
    let (mut installing, mut counting) = (ProgressLine::new(), CountLine::new("bench"));
    let environment = request.environment.clone();
    let progress = move |progress| match progress {
        BenchProgress::Installing(progress) => installing.show(&environment, progress),
        BenchProgress::Measuring { what, done, of } => counting.show(what, done, of),
    };
    pyro()?.bench(request, progress, &interrupted.token).await
}

fn show(report: &BenchReport) {
    let mut sheet = comfy_table::Table::new();
    sheet.load_style(comfy_table::presets::NOTHING).set_header(BenchReport::COLUMNS);
    for row in report.rows() {
        sheet.add_row(row);
    }
    for column in sheet.column_iter_mut().skip(1).take(5) {
        column.set_cell_alignment(comfy_table::CellAlignment::Right);
    }
    printer::data(&format!("{}\n\n{}", report.host_line(), sheet.trim_fmt()));
    let closing = report.closing_lines();
    if !closing.is_empty() {
        printer::data(&format!("\n{}", closing.join("\n")));
    }
}

pub(super) fn page(args: BenchPage) -> i32 {
    match block_on(Pyro::bench_page(args.files)) {
        Ok(page) => {
            printer::raw(page.as_bytes());
            exit::OK
        }
        Err(error) => fail(&error, false, exit::FAILED),
    }
}
