//! `Bench`: a measurement on its way; each group of measures adds its methods.

use super::progress::BenchProgress;
use super::report::BenchReport;
use super::request::BenchRequest;
use super::site::Site;
use std::time::Duration;

/// A measurement on its way.
pub(super) struct Bench<'a> {
    pub(super) site: &'a Site,
    pub(super) request: &'a BenchRequest,
    pub(super) progress: &'a mut (dyn FnMut(BenchProgress) + Send),
    pub(super) report: BenchReport,
}

impl Bench<'_> {
    pub(super) fn tell(&mut self, what: &'static str, done: u32, of: u32) {
        (self.progress)(BenchProgress::Measuring { what, done, of });
    }
}

pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
