//! Results as tables: rows of text, and the page of the documentation that is made of them.

use super::report::{BenchReport, Measure};

impl BenchReport {
    /// The columns of [`BenchReport::rows`].
    pub const COLUMNS: [&str; 7] = ["MEASURE", "N", "MIN", "MEDIAN", "P95", "P99", "UNIT"];

    /// The measures as rows of text.
    #[must_use]
    pub fn rows(&self) -> Vec<[String; 7]> {
        self.measures.iter().map(row).collect()
    }

    /// What stands below the table: ratios, and what many starts at once came to.
    #[must_use]
    pub fn closing_lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .ratios
            .iter()
            .map(|ratio| format!("{}: {}", ratio.what, figure(ratio.value)))
            .collect();
        if let Some(parallel) = &self.parallel {
            lines.push(format!(
                "{} starts at once: {} ms until the last had ended, {} failed",
                parallel.vms,
                figure(parallel.wall_ms),
                parallel.failures
            ));
        }
        lines
    }

    /// The host in few words.
    #[must_use]
    pub fn host_line(&self) -> String {
        let host = &self.host;
        let own_kernel = if host.own_kernel.is_some() { ", own guest kernel" } else { "" };
        let build = if host.optimized { "" } else { " (a debug build)" };
        format!(
            "{}, {} cores, {} MiB, Linux {}; QEMU {}, {}{own_kernel}; {} with {} MiB; pyro {}{build}; load {} before; {}",
            host.cpu,
            host.cores,
            host.memory_mib,
            host.kernel,
            host.qemu,
            host.accelerator,
            self.settings.environment,
            self.settings.mem_mib,
            host.pyro_version,
            figure(host.load_before),
            host.date,
        )
    }
}

fn row(measure: &Measure) -> [String; 7] {
    let figures = measure.summary;
    [
        measure.what.clone(),
        figures.n.to_string(),
        figure(figures.min),
        figure(figures.median),
        figure(figures.p95),
        figure(figures.p99),
        measure.unit.sign().to_owned(),
    ]
}

/// Three digits that count.
fn figure(value: f64) -> String {
    match value {
        value if value.abs() < 9.995 => format!("{value:.2}"),
        value if value.abs() < 99.95 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

/// A section of Markdown for each report.
#[must_use]
pub fn markdown(reports: &[BenchReport]) -> String {
    reports.iter().map(section).collect::<Vec<_>>().join("\n")
}

fn section(report: &BenchReport) -> String {
    let mut text =
        format!("### On {}\n\n{}.\n\n", report.host.accelerator.to_uppercase(), report.host_line());
    text +=
        "| measure | n | min | median | p95 | p99 | unit |\n|---|---:|---:|---:|---:|---:|---|\n";
    for row in report.rows() {
        // A bar ends a cell, even one within backticks.
        text += &format!("| {} |\n", row.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
    text.push('\n');
    for line in report.closing_lines() {
        text += &format!("- {line}\n");
    }
    if let Some(against) = &report.settings.against {
        text += &format!("\nCompared with:\n\n    {against}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::{HostFacts, Parallel, Settings, Unit};

    fn report() -> BenchReport {
        let mut report = BenchReport {
            host: HostFacts {
                date: "2025-11-20T11:47:37Z".into(),
                pyro_version: "3.12.0".into(),
                optimized: true,
                cpu: "Some CPU @ 2.3GHz".into(),
                cores: 2,
                memory_mib: 24_105,
                kernel: "6.1.0".into(),
                qemu: "7.2.19".into(),
                accelerator: "tcg".into(),
                own_kernel: None,
                load_before: 0.04,
            },
            settings: Settings {
                environment: "debian:12".into(),
                vcpu_count: 1,
                mem_mib: 1024,
                runs: 3,
                vms: 20,
                against: Some("podman run … | cat".into()),
            },
            templates: false,
            measures: Vec::new(),
            ratios: Vec::new(),
            parallel: Some(Parallel { vms: 20, failures: 0, wall_ms: 19_876.543 }),
        };
        report.add("cold_start", "cold start", Unit::Milliseconds, &[1800.0, 1900.0, 1845.5]);
        report.add("round_trip", "a | b", Unit::Milliseconds, &[0.4567]);
        report.add("nothing", "never measured", Unit::Megabytes, &[]);
        report.divide("cold_over_trip", "cold start over round trip", "cold_start", "round_trip");
        report.divide("nothing_over_trip", "nothing", "nothing", "round_trip");
        report
    }

    #[test]
    fn the_page_is_made_of_the_results() {
        insta::assert_snapshot!(markdown(&[report()]));
    }

    #[test]
    fn results_survive_their_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = report().save(dir.path()).unwrap();
        assert_eq!(path, dir.path().join("20251120T114737Z-tcg.json"));
        assert_eq!(BenchReport::load(&path).unwrap(), report());
        let text =
            String::from_utf8(crate::host::fs::read_bounded(&path, 1 << 20).unwrap()).unwrap();
        assert!(text.contains("\"unit\": \"ms\"") && text.contains("\"median\": 1845.5"), "{text}");
    }
}
