//! The lifetime of a vm: what ends it in order.

use super::end::End;
use super::lifetime_request::LifetimeRequest;
use super::record::Supervisor;
use crate::host::clock;
use crate::store::vm::VmKind;
use crate::timestamp::Timestamp;
use crate::vm::failure::Failure;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::unix::OwnedReadHalf;
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;

/// After what time a lifetime is renewed again that could not be written down.
const RENEW_AGAIN: Duration = Duration::from_secs(60);

/// How long a lifetime is by what somebody did last.
enum Renewed {
    /// Until this moment, in seconds since 1970; it may be over.
    Until(Timestamp),
    ForEver,
}

/// What a vm's end depends on.
pub(super) struct Lifetime<'a> {
    pub(super) of: &'a Supervisor<'a>,
    pub(super) requests: mpsc::Receiver<LifetimeRequest>,
    pub(super) activity: Activity,
    /// The connection of whoever started the vm.
    pub(super) control: OwnedReadHalf,
    /// SIGTERM.
    pub(super) terminate: &'a mut Signal,
}

impl Lifetime<'_> {
    /// Wait until the vm is to end.
    pub(super) async fn over(mut self) -> End {
        let expiry = Expiry { of: self.of, activity: self.activity };
        tokio::select! {
            () = released(&mut self.control), if self.of.launch.is_leased() => End::Told(None),
            _ = self.terminate.recv() => End::Told(None),
            end = expiry.until_over(&mut self.requests) => end,
        }
    }
}

/// Wait until the starter lets go: it closed its end, or it is dead.
pub(super) async fn released(control: &mut OwnedReadHalf) {
    let mut byte = [0];
    while let Ok(1..) = control.read(&mut byte).await {}
}

struct Expiry<'a> {
    of: &'a Supervisor<'a>,
    activity: Activity,
}

impl Expiry<'_> {
    /// Wait until the vm's time is over: whoever talks to a workspace's guest renews it.
    async fn until_over(&self, requests: &mut mpsc::Receiver<LifetimeRequest>) -> End {
        loop {
            let Some(expires_at) = self.expires_at() else { return End::Expired(self.failure()) };
            let over = async {
                let Some(at) = expires_at else { return std::future::pending().await };
                tokio::time::sleep(at.since(clock::now())).await;
            };
            tokio::select! {
                () = over => {}
                Some(request) = requests.recv() => match request {
                    LifetimeRequest::Changed => {}
                    LifetimeRequest::Used => return End::Used,
                },
            }
        }
    }

    /// When it is over, in seconds since 1970, if ever; none where it is over now.
    fn expires_at(&self) -> Option<Option<Timestamp>> {
        let recorded = match self.of.store.vm(self.of.launch.id) {
            Ok(Some(vm)) => vm.expires_at,
            _ => self.of.launch.expires_at,
        };
        match recorded {
            Some(at) if at <= clock::now() => match self.renewed() {
                Renewed::Until(later) if later > clock::now() => Some(Some(later)),
                Renewed::Until(_) => None,
                Renewed::ForEver => Some(None),
            },
            recorded => Some(recorded),
        }
    }

    /// When the lifetime of a workspace is over that began with what somebody did last.
    fn renewed(&self) -> Renewed {
        if self.of.launch.kind != VmKind::Workspace {
            return Renewed::Until(Timestamp::EPOCH);
        }
        match self.of.store.renew_workspace_of(self.of.launch.id, self.activity.last()) {
            Ok(Some(Some(at))) => Renewed::Until(at),
            Ok(Some(None)) => Renewed::ForEver,
            Ok(None) => Renewed::Until(Timestamp::EPOCH),
            Err(error) => {
                tracing::warn!(%error, "the lifetime cannot be renewed");
                let again = clock::now() + RENEW_AGAIN;
                Renewed::Until(if self.activity.is_going_on() { again } else { Timestamp::EPOCH })
            }
        }
    }

    fn failure(&self) -> Failure {
        let expired = Failure::expired(self.of.launch.shape.ttl_seconds);
        if self.of.launch.kind != VmKind::Workspace {
            return expired;
        }
        let kept = in_words(self.of.config.workspace_retention_seconds);
        let message = format!("its lifetime is over; its disk is kept for {kept} from then on");
        Failure { message, ..expired }
    }
}

/// A whole number of the greatest unit that fits.
fn in_words(seconds: u32) -> String {
    let units = [(86_400, "days"), (3_600, "hours"), (60, "minutes")];
    let fits = |unit: u32| seconds >= 2 * unit && seconds.is_multiple_of(unit);
    match units.into_iter().find(|(unit, _)| fits(*unit)) {
        Some((unit, name)) => format!("{} {name}", seconds / unit),
        None => format!("{seconds} seconds"),
    }
}

/// Who talks to the guest, and until when somebody did.
#[derive(Clone, Debug)]
pub(super) struct Activity(Arc<Mutex<Talks>>);

#[derive(Debug)]
struct Talks {
    open: usize,
    last_end: Timestamp,
}

impl Activity {
    /// Nobody has talked to it yet: it has just become ready, however long that took.
    pub(super) fn begin_now() -> Self {
        Self(Arc::new(Mutex::new(Talks { open: 0, last_end: clock::now() })))
    }

    /// When somebody last talked to the guest, in seconds since 1970: now, while somebody does.
    fn last(&self) -> Timestamp {
        let talks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if talks.open > 0 { clock::now() } else { talks.last_end }
    }

    /// Whether somebody talks to the guest at this moment.
    fn is_going_on(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).open > 0
    }

    /// Somebody begins to talk to the guest.
    pub(super) fn begin(&self) -> Talk {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).open += 1;
        Talk(self.clone())
    }
}

/// One of those who talk to the guest; dropped, it is over.
pub(super) struct Talk(Activity);

impl Drop for Talk {
    fn drop(&mut self) {
        let mut talks = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        talks.open -= 1;
        talks.last_end = clock::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::poll_immediate;
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;

    #[test]
    fn a_time_is_told_in_the_greatest_unit_that_fits() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (59, "59 seconds"),
            (60, "60 seconds"),
            (120, "2 minutes"),
            (121, "121 seconds"),
            (3_600, "60 minutes"),
            (7_200, "2 hours"),
            (86_400, "24 hours"),
            (604_800, "7 days"),
        ] {
            assert_eq!(in_words(seconds), words);
        }
    }

    #[test]
    fn while_anybody_talks_to_the_guest_the_last_activity_is_now() {
        let activity = Activity::begin_now();
        let idle = activity.last();
        assert!(!activity.is_going_on());
        let (one, other) = (activity.begin(), activity.begin());
        drop(one);
        let before = clock::now();
        assert!(activity.is_going_on() && activity.last() >= before);
        drop(other);
        let ended = activity.last();
        assert!(!activity.is_going_on() && ended >= before && before >= idle);
        assert_eq!(activity.last(), ended, "it does not go on with the clock");
    }

    #[tokio::test]
    async fn a_starter_lets_go_by_closing_its_end_and_not_by_what_it_writes() {
        let (mut starter, ours) = UnixStream::pair().unwrap();
        let (mut control, _writer) = ours.into_split();
        starter.write_all(b"still here").await.unwrap();
        assert!(poll_immediate(released(&mut control)).await.is_none());
        drop(starter);
        tokio::time::timeout(Duration::from_secs(30), released(&mut control)).await.unwrap();
    }
}
