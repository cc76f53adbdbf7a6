//! Sessions: everything that the supervisor has under way with the guest's agent.
//!
//! This part alone owns the channel and reads what the guest sends on it. The others ask it for
//! something in a [`SessionRequest`] and hear a typed result; none of them sees a guest's byte. A
//! stream belongs to this part, not to the client that asked for it, so this is the place of
//! streams that outlive their client.

use super::relay::{self, Client};
use super::services::{Home, Services};
use super::shells::Shells;
use crate::guest::client::{self, ClientError};
use crate::guest::transport::{Channel, GuestStream};
use crate::guest::{file, freeze, stage};
use crate::host::clock;
use crate::vm::control::services::ServiceRequest;
use crate::vm::control::shells::ShellRequest;
use pyro_protocol::GuestPath;
use pyro_protocol::files::Recovered;
use pyro_protocol::message::{Mount, Request, SetClock};
use std::io;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// How far behind the host's a guest's clock may start; a warm round trip takes 1 to 2 ms.
const CLOCK_ERROR: Duration = Duration::from_millis(20);

/// How often the clock is set at most, on a host that is too busy for that.
const CLOCK_TRIES: usize = 3;

/// How long an agent that is ready may take for one answer.
const CLOCK_LIMIT: Duration = Duration::from_secs(60);

/// Requests that wait for their turn; none takes more than a moment to begin.
const QUEUE_LEN: usize = 16;

/// Where the result of a request goes. Whoever asked drops the other end to give the request up.
type Reply<T> = oneshot::Sender<Result<T, ClientError>>;

/// What the other parts of a supervisor want of the guest.
#[derive(Debug)]
pub(super) enum SessionRequest {
    /// Move a client's bytes to a new stream of the agent, and back, until either side ends.
    Relay { client: Client, done: Reply<()> },
    /// Do for a client what it asks about shells.
    Shell { request: ShellRequest, client: Client, done: Reply<()> },
    /// Do for a client what it asks about services.
    Service { request: ServiceRequest, client: Client, done: Reply<()> },
    /// Start the services that go with their workspace.
    RestartServices { done: Reply<()> },
    /// Set the guest's clock; answered once the request is on its way.
    SetClock { sent: Reply<()> },
    /// Mount the disk.
    Mount { disk: Mount, done: Reply<()> },
    /// Finish or undo the changes of files that a crash interrupted.
    Recover { done: Reply<Recovered> },
    /// Write out what the guest holds of its disk.
    Sync { done: Reply<()> },
    /// Hold the guest's writes for at most `limit_ms` milliseconds.
    Freeze { limit_ms: u32, frozen: Reply<Frozen> },
    /// Write the disk back for the last time.
    PowerOff { done: Reply<()> },
}

/// The sessions of one guest. The channel ends when the last handle and all streams are gone.
#[derive(Clone, Debug)]
pub(super) struct Sessions(mpsc::Sender<SessionRequest>);

impl Sessions {
    /// Take over the channel to an agent that was met.
    pub(super) fn start(channel: Channel, home: Home) -> Self {
        let (requests, queue) = mpsc::channel(QUEUE_LEN);
        let services = Services::new(channel.clone(), home);
        tokio::spawn(serve(channel, services, queue));
        Self(requests)
    }

    /// Wait until the agent is gone.
    pub(super) async fn closed(&self) {
        self.0.closed().await;
    }

    pub(super) async fn relay(&self, client: Client) -> Result<(), ClientError> {
        self.ask(|done| SessionRequest::Relay { client, done }).await
    }

    pub(super) async fn shell(
        &self,
        request: ShellRequest,
        client: Client,
    ) -> Result<(), ClientError> {
        self.ask(|done| SessionRequest::Shell { request, client, done }).await
    }

    pub(super) async fn service(
        &self,
        request: ServiceRequest,
        client: Client,
    ) -> Result<(), ClientError> {
        self.ask(|done| SessionRequest::Service { request, client, done }).await
    }

    pub(super) async fn restart_services(&self) -> Result<(), ClientError> {
        self.ask(|done| SessionRequest::RestartServices { done }).await
    }

    pub(super) async fn set_clock(&self) -> Result<(), ClientError> {
        self.ask(|sent| SessionRequest::SetClock { sent }).await
    }

    pub(super) async fn mount(&self, disk: Mount) -> Result<(), ClientError> {
        self.ask(|done| SessionRequest::Mount { disk, done }).await
    }

    pub(super) async fn recover(&self) -> Result<Recovered, ClientError> {
        self.ask(|done| SessionRequest::Recover { done }).await
    }

    pub(super) async fn sync(&self) -> Result<(), ClientError> {
        self.ask(|done| SessionRequest::Sync { done }).await
    }

    pub(super) async fn freeze(&self, limit_ms: u32) -> Result<Frozen, ClientError> {
        self.ask(|frozen| SessionRequest::Freeze { limit_ms, frozen }).await
    }

    pub(super) async fn power_off(&self) -> Result<(), ClientError> {
        self.ask(|done| SessionRequest::PowerOff { done }).await
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(Reply<T>) -> SessionRequest,
    ) -> Result<T, ClientError> {
        let (reply, replied) = oneshot::channel();
        self.0.send(request(reply)).await.map_err(|_| ClientError::Ended)?;
        replied.await.unwrap_or(Err(ClientError::Ended))
    }
}

/// The guest's writes, held; dropped, they go on.
#[derive(Debug)]
pub(super) struct Frozen {
    thaw: oneshot::Sender<()>,
    thawed: oneshot::Receiver<Result<(), ClientError>>,
}

impl Frozen {
    /// Let writes go on.
    ///
    /// # Errors
    /// [`ClientError::Failed`] when they had gone on before, because the limit was over.
    pub(super) async fn thaw(self) -> Result<(), ClientError> {
        // Where nobody takes it the answer says so.
        let _ = self.thaw.send(());
        self.thawed.await.unwrap_or(Err(ClientError::Ended))
    }

    /// Hold them until the limit is over or the engine is killed.
    pub(super) fn keep(self) {
        std::mem::forget(self);
    }
}

/// Begin what is asked for, each beside the others, until the agent or everybody who asks is gone.
async fn serve(channel: Channel, services: Services, mut queue: mpsc::Receiver<SessionRequest>) {
    let shells = Shells::new(channel.clone());
    loop {
        let request = tokio::select! {
            request = queue.recv() => request,
            () = channel.closed() => None,
        };
        let Some(request) = request else { return };
        tokio::spawn(begin(channel.clone(), shells.clone(), services.clone(), request));
    }
}

async fn begin(channel: Channel, shells: Shells, services: Services, request: SessionRequest) {
    match request {
        SessionRequest::Shell { request, client, done } => {
            answer(done, shells.serve(request, client)).await;
        }
        SessionRequest::Service { request, client, done } => {
            answer(done, services.serve(request, client)).await;
        }
        SessionRequest::RestartServices { done } => {
            answer(done, async {
                services.restart().await;
                Ok(())
            })
            .await;
        }
        SessionRequest::Relay { client, done } => {
            answer(done, relay::relay(&channel, client)).await;
        }
        SessionRequest::SetClock { sent } => set_clock(&channel, sent).await,
        SessionRequest::Mount { disk, done } => {
            answer(done, call(&channel, Request::Mount(disk))).await;
        }
        SessionRequest::Recover { done } => answer(done, recover(&channel)).await,
        SessionRequest::Sync { done } => {
            answer(done, async { file::sync(open(&channel).await?).await }).await;
        }
        SessionRequest::Freeze { limit_ms, frozen } => freeze(&channel, limit_ms, frozen).await,
        SessionRequest::PowerOff { done } => {
            shells.dismiss();
            services.end().await;
            answer(done, call(&channel, Request::PowerOff)).await;
        }
    }
}

/// Carry a request out, unless whoever wants the result gives up.
async fn answer<T>(mut reply: Reply<T>, act: impl Future<Output = Result<T, ClientError>>) {
    tokio::select! {
        // Nobody may be left to hear it.
        result = act => drop(reply.send(result)),
        () = reply.closed() => {}
    }
}

async fn open(channel: &Channel) -> Result<GuestStream, ClientError> {
    channel.open().await.map_err(|error| ClientError::Io(io::Error::other(error)))
}

async fn call(channel: &Channel, request: Request) -> Result<(), ClientError> {
    client::call(open(channel).await?, &request).await
}

async fn recover(channel: &Channel) -> Result<Recovered, ClientError> {
    let area = GuestPath::parse(stage::AREA.as_bytes()).unwrap_or_else(|_| GuestPath::root());
    stage::recover(open(channel).await?, area).await
}

async fn freeze(channel: &Channel, limit_ms: u32, mut reply: Reply<Frozen>) {
    let result = tokio::select! {
        result = async { freeze::freeze(open(channel).await?, limit_ms).await } => result,
        () = reply.closed() => return,
    };
    let held = match result {
        Ok(held) => held,
        Err(error) => return drop(reply.send(Err(error))),
    };
    let ((thaw, thawing), (tell, thawed)) = (oneshot::channel(), oneshot::channel());
    if reply.send(Ok(Frozen { thaw, thawed })).is_ok() && thawing.await.is_ok() {
        answer(tell, held.thaw()).await;
    }
}

/// A request to set the guest's clock, under way.
struct ClockRequest {
    sent: Instant,
    stream: GuestStream,
}

/// The hello's time was as old as the guest took to take it in.
async fn set_clock(channel: &Channel, sent: Reply<()>) {
    let clock = match ask_for_clock(channel).await {
        Ok(clock) => clock,
        Err(error) => return drop(sent.send(Err(error))),
    };
    let _ = sent.send(Ok(()));
    // Whatever else comes on the channel finds the clock set: nobody waits for the answer.
    if let Err(error) = keep_clock(channel, clock).await {
        tracing::warn!(%error, "the guest's clock is as its hello has set it");
    }
}

async fn ask_for_clock(channel: &Channel) -> Result<ClockRequest, ClientError> {
    let mut stream = open(channel).await?;
    let sent = Instant::now();
    let now = SetClock { wall_clock_ns: clock::wall_ns() };
    client::send_message(&mut stream, &Request::SetClock(now)).await?;
    Ok(ClockRequest { sent, stream })
}

/// Ask again until one round trip was short.
async fn keep_clock(channel: &Channel, mut asked: ClockRequest) -> Result<(), ClientError> {
    for tries_left in (0..CLOCK_TRIES).rev() {
        let answer = tokio::time::timeout(CLOCK_LIMIT, client::done(asked.stream)).await;
        answer.map_err(|_| ClientError::Ended)??;
        if asked.sent.elapsed() <= CLOCK_ERROR || tries_left == 0 {
            break;
        }
        asked = ask_for_clock(channel).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::client::FrameReader;
    use futures::future::poll_fn;
    use pyro_protocol::message::{Failure, FailureKind, Reply as Answer};
    use tokio::io::DuplexStream;
    use tokio_util::compat::{FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};
    use yamux::{Connection, Mode};

    const HOLD: Duration = Duration::from_secs(30);

    fn disk() -> Mount {
        Mount { device: "/dev/vda".into(), fstype: "ext4".into() }
    }

    /// An agent that never answers a mount, refuses to power off, and tells of each stream how it
    /// ended: with a frame more, or without.
    async fn agent(port: DuplexStream, ends: mpsc::UnboundedSender<bool>) {
        let mut agent = Connection::new(port.compat(), yamux::Config::default(), Mode::Server);
        while let Some(Ok(stream)) = poll_fn(|context| agent.poll_next_inbound(context)).await {
            let ends = ends.clone();
            tokio::spawn(async move {
                let (reader, mut writer) = tokio::io::split(stream.compat());
                let mut frames = FrameReader::new(reader);
                let request: Request = frames.message().await.unwrap();
                let is_freeze = matches!(request, Request::Freeze(_));
                let answer = match request {
                    Request::Mount(_) => None,
                    Request::Freeze(_) => Some(Answer::Frozen),
                    Request::PowerOff => Some(Answer::Failed(Failure {
                        kind: FailureKind::Busy,
                        message: "no".into(),
                    })),
                    _ => Some(Answer::Done),
                };
                if let Some(answer) = answer {
                    client::send_message(&mut writer, &answer).await.unwrap();
                }
                let is_told = matches!(frames.next().await, Ok(Some(_)));
                if is_told && is_freeze {
                    client::send_message(&mut writer, &Answer::Done).await.unwrap();
                }
                let _ = ends.send(is_told);
            });
        }
    }

    fn config(home: &std::path::Path) -> crate::config::Config {
        crate::config::Config {
            data_dir: home.join("data"),
            runtime_dir: home.join("run"),
            environment_cache_dir: home.join("cache"),
            program: "/nonexistent".into(),
            accel: crate::config::AccelChoice::Tcg,
            kernel_dir: None,
            qemu: None,
            mirror: None,
            trace_supervisors: false,
            templates: true,
            max_active_vms: None,
            workspace_retention_seconds: 600,
            path: "/usr/bin".into(),
            inline: crate::config::InlineOutput::default(),
        }
    }

    fn home() -> Home {
        Home {
            config: config(std::path::Path::new("/nonexistent")),
            vm: crate::id::Id::random().unwrap(),
            execution_mode: crate::execution_mode::ExecutionMode::HostCompat,
            tree: None,
        }
    }

    fn sessions() -> (Sessions, mpsc::UnboundedReceiver<bool>, tokio::task::JoinHandle<()>) {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (ends, ended) = mpsc::unbounded_channel();
        let agent = tokio::spawn(agent(theirs, ends));
        (Sessions::start(Channel::start(ours), home()), ended, agent)
    }

    async fn within<T>(work: impl Future<Output = T>) -> T {
        tokio::time::timeout(HOLD, work).await.expect("hangs")
    }

    #[tokio::test]
    async fn a_request_without_an_answer_holds_no_other_and_can_be_given_up() {
        let (sessions, mut ended, _agent) = sessions();
        let other = sessions.clone();
        let mount = tokio::spawn(async move { other.mount(disk()).await });
        within(sessions.sync()).await.unwrap();
        assert_eq!(within(ended.recv()).await, Some(false), "the sync's stream");
        let refused = within(sessions.power_off()).await.unwrap_err();
        assert!(matches!(refused, ClientError::Failed(said) if said.message == "no"));
        assert_eq!(within(ended.recv()).await, Some(false), "the stream of the power off");
        assert!(!mount.is_finished());
        // Whoever asked is gone: so is the stream.
        mount.abort();
        assert_eq!(within(ended.recv()).await, Some(false), "the mount's stream");
    }

    #[tokio::test]
    async fn a_freeze_ends_by_a_thaw_or_with_whoever_holds_it() {
        let (sessions, mut ended, _agent) = sessions();
        within(within(sessions.freeze(1000)).await.unwrap().thaw()).await.unwrap();
        assert_eq!(within(ended.recv()).await, Some(true), "it was let go");
        drop(within(sessions.freeze(1000)).await.unwrap());
        assert_eq!(within(ended.recv()).await, Some(false), "nobody is left to hold it");
        within(sessions.freeze(1000)).await.unwrap().keep();
        within(sessions.sync()).await.unwrap();
        assert_eq!(within(ended.recv()).await, Some(false), "the sync's stream");
        assert!(ended.try_recv().is_err(), "what is kept stays frozen");
    }

    #[tokio::test]
    async fn an_agent_that_is_gone_ends_every_request() {
        let (sessions, _ended, agent) = sessions();
        let other = sessions.clone();
        let mount = tokio::spawn(async move { other.mount(disk()).await });
        within(sessions.sync()).await.unwrap();
        agent.abort();
        assert!(within(mount).await.unwrap().is_err());
        within(sessions.closed()).await;
        assert!(matches!(within(sessions.sync()).await, Err(ClientError::Ended)));
    }
}
