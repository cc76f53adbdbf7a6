//! What was measured, and on what; as it stands in a results file.

use super::error::BenchError;
use super::request::BenchRequest;
use super::statistics::{Summary, round};
use crate::config::Config;
use crate::engine::qemu;
use crate::host::{clock, cpu, facts, fs};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Largest results file that is read, in bytes.
const RESULTS_LIMIT: u64 = 1 << 20;

/// Everything that one `pyro bench` found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchReport {
    /// The host that it ran on.
    pub host: HostFacts,
    /// What was asked for.
    pub settings: Settings,
    /// Whether vms started from a template; where not, every start booted.
    pub templates: bool,
    /// The measures, in the order they were taken.
    pub measures: Vec<Measure>,
    /// Quotients of medians.
    pub ratios: Vec<Ratio>,
    /// Many starts at once.
    pub parallel: Option<Parallel>,
}

/// The host and the programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostFacts {
    /// When the measurement began, UTC.
    pub date: String,
    /// Version of pyro.
    pub pyro_version: String,
    /// Whether pyro was built for speed.
    pub optimized: bool,
    /// Model of the processor.
    pub cpu: String,
    /// Processors that pyro may use.
    pub cores: usize,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// `uname -r` of the host.
    pub kernel: String,
    /// What QEMU says of itself.
    pub qemu: String,
    /// `kvm` or `tcg`; empty until a vm ran.
    pub accelerator: String,
    /// The kernel of the user's own that guests ran, where it was one.
    pub own_kernel: Option<PathBuf>,
    /// Mean number of processes that wanted to run in the minute before; figures of a busy host say
    /// little.
    pub load_before: f64,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The environment.
    pub environment: String,
    /// Virtual CPUs of each vm.
    pub vcpu_count: u8,
    /// Memory of each vm in MiB.
    pub mem_mib: u32,
    /// Starts that each measure takes.
    pub runs: u32,
    /// Most vms at once.
    pub vms: u32,
    /// The command compared with.
    pub against: Option<String>,
}

/// One measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Its name, the same for ever.
    pub name: String,
    /// What is measured, in words.
    pub what: String,
    /// Its unit.
    pub unit: Unit,
    /// The figures.
    #[serde(flatten)]
    pub summary: Summary,
}

/// The unit of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// 10^6 bytes a second.
    #[serde(rename = "MB/s")]
    MegabytesPerSecond,
    /// 10^6 bytes.
    #[serde(rename = "MB")]
    Megabytes,
}

impl Unit {
    /// Its sign.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::MegabytesPerSecond => "MB/s",
            Self::Megabytes => "MB",
        }
    }
}

/// A quotient of two medians of the same run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Its name, the same for ever.
    pub name: String,
    /// What is divided by what, in words.
    pub what: String,
    /// The quotient.
    pub value: f64,
}

/// Many starts at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parallel {
    /// How many.
    pub vms: u32,
    /// How many of them failed.
    pub failures: u32,
    /// From the first start to the last end, in milliseconds.
    pub wall_ms: f64,
}

impl BenchReport {
    /// A report without measures.
    pub(super) async fn new(config: &Config, request: &BenchRequest) -> Self {
        let host = HostFacts {
            date: clock::utc_text(clock::wall_ns() / 1_000_000_000),
            pyro_version: env!("CARGO_PKG_VERSION").to_owned(),
            optimized: !cfg!(debug_assertions),
            cpu: cpu::model(),
            cores: cpu::count(),
            memory_mib: facts::memory_mib(),
            kernel: facts::kernel_release(),
            qemu: qemu_version(config).await,
            accelerator: String::new(),
            own_kernel: config.kernel_dir.clone(),
            load_before: facts::load_average(),
        };
        let settings = Settings {
            environment: request.environment.clone(),
            vcpu_count: request.shape.vcpu_count,
            mem_mib: request.shape.mem_mib,
            runs: request.runs,
            vms: request.vms,
            against: request.against.clone(),
        };
        Self {
            host,
            settings,
            templates: false,
            measures: Vec::new(),
            ratios: Vec::new(),
            parallel: None,
        }
    }

    /// Add a measure; an empty series is none.
    pub(super) fn add(&mut self, name: &str, what: impl Into<String>, unit: Unit, values: &[f64]) {
        if let Some(summary) = Summary::of(values) {
            self.measures.push(Measure { name: name.to_owned(), what: what.into(), unit, summary });
        }
    }

    /// Add the quotient of the medians of two measures, where both were taken.
    pub(super) fn divide(&mut self, name: &str, what: &str, above: &str, below: &str) {
        let median = |name: &str| {
            Some(self.measures.iter().find(|measure| measure.name == name)?.summary.median)
        };
        if let (Some(above), Some(below)) =
            (median(above), median(below).filter(|below| *below > 0.0))
        {
            self.ratios.push(Ratio {
                name: name.to_owned(),
                what: what.to_owned(),
                value: round(above / below),
            });
        }
    }

    /// Name of a results file: when, and on what.
    #[must_use]
    pub(crate) fn file_name(&self) -> String {
        format!("{}-{}.json", self.host.date.replace([':', '-'], ""), self.host.accelerator)
    }

    /// Write it to a file, or under its own name into a directory; where it lies then.
    pub(super) fn save(&self, output: &Path) -> Result<PathBuf, BenchError> {
        let is_dir = fs::metadata(output).is_ok_and(|meta| meta.is_dir());
        let path = if is_dir { output.join(self.file_name()) } else { output.to_owned() };
        let text = serde_json::to_string_pretty(self)
            .map_err(|source| BenchError::Results { path: path.clone(), source })?;
        fs::write_atomic(&path, format!("{text}\n").as_bytes())?;
        Ok(path)
    }

    /// Read a results file.
    ///
    /// # Errors
    /// [`BenchError::Files`] when it cannot be read, [`BenchError::Results`] when it holds
    /// something else.
    pub(crate) fn load(path: &Path) -> Result<Self, BenchError> {
        let bytes = fs::read_bounded(path, RESULTS_LIMIT)?;
        serde_json::from_slice(&bytes)
            .map_err(|source| BenchError::Results { path: path.to_owned(), source })
    }
}

/// Whether results can be written there, found out by a file that is gone again.
pub(super) fn try_place(output: &Path) -> Result<(), BenchError> {
    let is_dir = fs::metadata(output).is_ok_and(|meta| meta.is_dir());
    let above =
        output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::scratch_dir(if is_dir { output } else { above })?;
    Ok(())
}

async fn qemu_version(config: &Config) -> String {
    let Ok(qemu) = qemu::find(config) else { return "missing".to_owned() };
    qemu::abilities::version(&qemu).await.unwrap_or_default()
}
