//! Starts through the library: from the request to the agent's hello, and the first command in a
//! fresh vm.

use super::error::BenchError;
use super::guest;
use super::measuring::{Bench, millis};
use super::report::Unit;
use super::site::Started;

impl Bench<'_> {
    /// Install what is missing, fill the caches, let a template be made; see how vms start.
    pub(super) async fn warm_up(&mut self) -> Result<(), BenchError> {
        for done in 0..2 {
            self.tell("warming up", done, 2);
            let started = self.site.start(self.request, self.progress).await?;
            let mode = started.vm.execution_mode.name();
            self.report.host.accelerator = mode.trim_start_matches("guest_").to_owned();
            // The first of a shape boots, and leaves a template for the second.
            self.report.templates =
                started.vm.timeline.is_some_and(|timeline| timeline.is_from_template());
            guest::exec_true(started.vm.client()).await?;
            started.end().await?;
        }
        Ok(())
    }

    /// Request to hello, and the first exec in each fresh vm.
    pub(super) async fn leased_starts(&mut self) -> Result<(), BenchError> {
        let (mut hellos, mut readies, mut first_execs) = (Vec::new(), Vec::new(), Vec::new());
        for done in 0..self.request.runs {
            self.tell("request to hello", done, self.request.runs);
            let started: Started<'_> = self.site.start(self.request, self.progress).await?;
            hellos.push(millis(started.hello));
            readies.push(millis(started.ready));
            first_execs.push(millis(guest::exec_true(started.vm.client()).await?.duration));
            started.end().await?;
        }
        let how = if self.report.templates { "from a template" } else { "booting" };
        self.report.add(
            "request_to_hello",
            format!("request to agent's hello, {how}"),
            Unit::Milliseconds,
            &hellos,
        );
        let what = "request to ready for commands, disk mounted";
        self.report.add("request_to_ready", what, Unit::Milliseconds, &readies);
        self.report.add(
            "first_exec",
            "first `/bin/true` in a fresh vm",
            Unit::Milliseconds,
            &first_execs,
        );
        Ok(())
    }
}
