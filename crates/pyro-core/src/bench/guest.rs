//! What a running vm does: commands, the channel's round trip, bytes out and in.

use super::error::BenchError;
use super::measuring::{Bench, millis};
use super::report::Unit;
use crate::guest::client;
use crate::vm::VmError;
use crate::vm::control::client::SupervisorClient;
use crate::vm::exec::{ExecIo, ExecOutcome, ExecRequest, exec};
use pyro_protocol::message::{Command, Request};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWrite};

/// Bytes of one transfer.
const TRANSFER_LEN: u64 = 64 << 20;

/// Most transfers each way: each takes seconds under emulation.
const MAX_TRANSFERS: u32 = 5;

/// Commands in the running vm for each start that was asked for.
const EXECS_PER_RUN: u32 = 5;

/// Round trips for each start that was asked for.
const TRIPS_PER_RUN: u32 = 10;

/// How long a command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(300);

impl Bench<'_> {
    /// Everything that one running vm is asked for.
    pub(super) async fn in_running_vm(&mut self) -> Result<(), BenchError> {
        let started = self.site.start(self.request, self.progress).await?;
        exec_true(started.vm.client()).await?;
        self.execs(started.vm.client()).await?;
        self.round_trips(started.vm.client()).await?;
        self.transfers(started.vm.client()).await?;
        started.end().await
    }

    async fn execs(&mut self, vm: SupervisorClient<'_>) -> Result<(), BenchError> {
        let (mut outside, mut inside) = (Vec::new(), Vec::new());
        let of = self.request.runs * EXECS_PER_RUN;
        for done in 0..of {
            self.tell("exec in a running vm", done, of);
            let outcome = exec_true(vm).await?;
            outside.push(millis(outcome.duration));
            inside.extend(outcome.guest_duration.map(millis));
        }
        self.report.add("exec", "`/bin/true` in a running vm", Unit::Milliseconds, &outside);
        let what = "of that, what the guest needs to spawn it and wait for it";
        self.report.add("exec_in_guest", what, Unit::Milliseconds, &inside);
        self.report.divide(
            "exec_over_guest",
            "exec over what the guest itself needs",
            "exec",
            "exec_in_guest",
        );
        Ok(())
    }

    async fn round_trips(&mut self, vm: SupervisorClient<'_>) -> Result<(), BenchError> {
        let mut trips = Vec::new();
        let of = self.request.runs * TRIPS_PER_RUN;
        for done in 0..of {
            self.tell("round trip", done, of);
            let began = Instant::now();
            client::call(vm.connect().await?, &Request::Ping).await.map_err(VmError::Guest)?;
            trips.push(millis(began.elapsed()));
        }
        self.report.add(
            "round_trip",
            "round trip of the channel, on a new stream",
            Unit::Milliseconds,
            &trips,
        );
        Ok(())
    }

    async fn transfers(&mut self, vm: SupervisorClient<'_>) -> Result<(), BenchError> {
        let (mut out, mut into) = (Vec::new(), Vec::new());
        let of = self.request.runs.min(MAX_TRANSFERS);
        for done in 0..of {
            self.tell("throughput", done, of);
            out.push(megabytes_per_second(transfer_out(vm).await?));
            into.push(megabytes_per_second(transfer_in(vm).await?));
        }
        let what = |way| format!("throughput {way} the guest, {} MiB", TRANSFER_LEN >> 20);
        self.report.add("throughput_out", what("out of"), Unit::MegabytesPerSecond, &out);
        self.report.add("throughput_in", what("into"), Unit::MegabytesPerSecond, &into);
        Ok(())
    }
}

fn megabytes_per_second(duration: Duration) -> f64 {
    TRANSFER_LEN as f64 / 1e6 / duration.as_secs_f64()
}

/// `/bin/true`: a real process, without a shell around it.
pub(super) async fn exec_true(vm: SupervisorClient<'_>) -> Result<ExecOutcome, BenchError> {
    let command = Command::Program(vec!["/bin/true".to_owned()]);
    let (mut stdout, mut stderr) = (tokio::io::sink(), tokio::io::sink());
    execute(
        vm,
        "/bin/true",
        command,
        ExecIo { stdin: None, stdout: &mut stdout, stderr: &mut stderr, sizes: None },
    )
    .await
}

async fn transfer_out(vm: SupervisorClient<'_>) -> Result<Duration, BenchError> {
    let command = ["head", "-c", &TRANSFER_LEN.to_string(), "/dev/zero"].map(str::to_owned);
    let (mut counter, mut stderr) = (Counter::default(), tokio::io::sink());
    let io = ExecIo { stdin: None, stdout: &mut counter, stderr: &mut stderr, sizes: None };
    let outcome = execute(vm, "head", Command::Program(command.into()), io).await?;
    whole(counter.0)?;
    Ok(outcome.duration)
}

async fn transfer_in(vm: SupervisorClient<'_>) -> Result<Duration, BenchError> {
    // wc reads all of it, and its answer says how much that was.
    let command = Command::Program(["wc", "-c"].map(str::to_owned).into());
    let mut zeros = tokio::io::repeat(0).take(TRANSFER_LEN);
    let (mut said, mut stderr) = (Vec::new(), tokio::io::sink());
    let io =
        ExecIo { stdin: Some(&mut zeros), stdout: &mut said, stderr: &mut stderr, sizes: None };
    let outcome = execute(vm, "wc", command, io).await?;
    whole(String::from_utf8_lossy(&said).trim().parse().unwrap_or(0))?;
    Ok(outcome.duration)
}

fn whole(moved: u64) -> Result<(), BenchError> {
    if moved == TRANSFER_LEN { Ok(()) } else { Err(BenchError::Lost { sent: TRANSFER_LEN, moved }) }
}

async fn execute(
    vm: SupervisorClient<'_>,
    name: &'static str,
    command: Command,
    io: ExecIo<'_>,
) -> Result<ExecOutcome, BenchError> {
    match exec(vm, ExecRequest::new(command, COMMAND_LIMIT), io).await? {
        outcome @ ExecOutcome { exit_code: 0, .. } => Ok(outcome),
        ExecOutcome { exit_code, .. } => Err(BenchError::Command { command: name, exit_code }),
    }
}

/// Counts what is written to it.
#[derive(Default)]
struct Counter(u64);

impl AsyncWrite for Counter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0 += bytes.len() as u64;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
