//! What a service prints, on its way to its logs: without the secrets of its workspace.

use super::service::Service;
use crate::redaction::{IDLE, Redaction};

/// Takes what a service prints. What is held back is shown when the service is silent, and at the
/// latest when this is dropped.
pub(super) struct Printed<'a> {
    service: &'a Service,
    /// Of stdout and stderr, where there are secrets.
    streams: Option<[Redaction; 2]>,
}

impl<'a> Printed<'a> {
    pub(super) fn of(service: &'a Service) -> Self {
        let redactor = service.secrets.redactor();
        let streams = redactor.map(|redactor| [redactor.stream(), redactor.stream()]);
        Self { service, streams }
    }

    pub(super) fn push(&mut self, is_stderr: bool, bytes: &[u8]) {
        let Some(streams) = &mut self.streams else { return self.service.push(is_stderr, bytes) };
        let mut shown = Vec::with_capacity(bytes.len());
        streams[usize::from(is_stderr)].push(bytes, &mut shown);
        self.service.push(is_stderr, &shown);
    }

    /// Wait for what comes next, and show what is held back when that takes a while.
    pub(super) async fn until<T>(&mut self, next: impl Future<Output = T>) -> T {
        let holds = |streams: &[Redaction; 2]| streams.iter().any(Redaction::holds);
        if !self.streams.as_ref().is_some_and(holds) {
            return next.await;
        }
        tokio::pin!(next);
        match tokio::time::timeout(IDLE, &mut next).await {
            Ok(next) => next,
            Err(_) => {
                self.show(Redaction::settle);
                next.await
            }
        }
    }

    fn show(&mut self, held: impl Fn(&mut Redaction, &mut Vec<u8>)) {
        for (stream, is_stderr) in self.streams.iter_mut().flatten().zip([false, true]) {
            let mut shown = Vec::new();
            held(stream, &mut shown);
            self.service.push(is_stderr, &shown);
        }
    }
}

impl Drop for Printed<'_> {
    fn drop(&mut self) {
        self.show(Redaction::finish);
    }
}

#[cfg(test)]
mod tests {
    use super::super::secrets::ServiceSecrets;
    use super::super::service::Logs;
    use super::*;
    use crate::host::bounded_log::{self, LogWriter};
    use crate::id::Id;
    use crate::service_name::ServiceName;
    use crate::vm::secrets::{KeptSecret, KeptSecrets, SecretSource};
    use std::path::Path;
    use std::sync::Arc;

    fn service(home: &Path, value: &str) -> Service {
        let directories = ["stdout", "stderr"].map(|log| home.join(log));
        let writers = directories.each_ref().map(|one| LogWriter::open(one).unwrap());
        let (name, source_kind) = ("TOKEN".to_owned(), SecretSource::Literal);
        let kept = KeptSecrets::new(vec![KeptSecret { name, source_kind, value: value.into() }]);
        let secrets = Arc::new(ServiceSecrets::new(kept).unwrap());
        let (name, workspace) = (ServiceName::parse("web").unwrap(), Id::random().unwrap());
        Service::new(name, workspace, 1, Logs { directories, writers }, secrets)
    }

    fn logged(home: &Path) -> [String; 2] {
        ["stdout", "stderr"].map(|log| {
            let piece = bounded_log::read(&home.join(log), 0, 1000).unwrap();
            String::from_utf8(piece.bytes).unwrap()
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_never_holds_a_value() {
        let home = tempfile::tempdir().unwrap();
        let service = service(home.path(), "0123456789abcdef0123");
        let mut printed = Printed::of(&service);
        printed.push(false, b"a 0123456789");
        printed.push(true, b"b 01234");
        printed.push(false, b"abcdef0123 c\n0123456789");
        assert_eq!(logged(home.path()), ["a [REDACTED] c\n", "b "]);
        // Silence shows a beginning that tells little; more of a value waits for its end.
        printed.until(tokio::time::sleep(2 * IDLE)).await;
        assert_eq!(logged(home.path()), ["a [REDACTED] c\n", "b 01234"]);
        printed.push(true, b"56789abcdef0123 d");
        drop(printed);
        let expected = ["a [REDACTED] c\n0123456789", "b 01234[REDACTED] d"];
        assert_eq!(logged(home.path()), expected);
    }
}
