//! `PYRO_LOG`: the timeline of spans and events, on stderr.

use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::{EnvFilter, fmt};

/// Print spans and events as `PYRO_LOG` asks (`info`, `pyro_core=debug`, …); nothing without it.
pub(crate) fn start() {
    let Some(filter) = std::env::var("PYRO_LOG").ok().filter(|filter| !filter.is_empty()) else {
        return;
    };
    let Ok(filter) = EnvFilter::try_new(&filter) else {
        crate::printer::talk("warning: PYRO_LOG is not a filter; try PYRO_LOG=debug");
        return;
    };
    fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(false)
        .init();
}
