//! `PYRO_LOG`: the timeline of spans and events, on stderr.

use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// Print spans and events as `PYRO_LOG` asks (`info`, `pyro_core=debug`, …); nothing without it.
pub(crate) fn start() {
    let Some(filter) = std::env::var("PYRO_LOG").ok().filter(|filter| !filter.is_empty()) else {
        return;
    };
    let Ok(filter) = EnvFilter::try_new(&filter) else {
        crate::printer::talk("warning: PYRO_LOG is not a filter; try PYRO_LOG=debug");
        return;
    };
    // It writes down every request and answer, in which secrets may be.
    let is_silent = filter_fn(|event| {
        !event.target().starts_with("rmcp") || *event.level() <= tracing::Level::INFO
    });
    let layer =
        fmt::layer().with_writer(std::io::stderr).with_span_events(FmtSpan::CLOSE).with_ansi(false);
    tracing_subscriber::registry().with(layer.with_filter(is_silent)).with(filter).init();
}
