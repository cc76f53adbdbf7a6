//! Reads of a shell: waited for until it is quiet, in the form that is wanted.

use super::output::Excerpt;
use super::shell::Shell;
use crate::vm::control::shells::{ReadShell, ScreenState, ShellOutput, View};
use std::time::Duration;
use tokio::time::Instant;

/// How long a read waits at most, however much the shell goes on printing.
const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// What is wanted of a shell, at once or as soon as it is quiet.
pub(super) async fn read(shell: &Shell, request: &ReadShell) -> ShellOutput {
    let max_chars = usize::try_from(request.max_chars).unwrap_or(usize::MAX);
    if let Some(idle_ms) = request.idle_ms {
        let wanted = (request.view != View::Screen).then_some((request.from, max_chars));
        until_idle(shell, Duration::from_millis(idle_ms.into()), wanted).await;
    }
    match request.view {
        View::Raw => told(shell, shell.output(|output| output.raw(request.from, max_chars))),
        View::Plain => {
            let chunk = shell.output(|output| output.chunk(request.from, max_chars));
            let from = request.from;
            // A guest can make its work long.
            let excerpt = tokio::task::spawn_blocking(move || chunk.plain()).await;
            let failed =
                Excerpt { text: String::new(), from, next: from, missed: 0, truncated: false };
            told(shell, excerpt.unwrap_or(failed))
        }
        View::Screen => screen(shell),
    }
}

/// Wait until nothing was printed for `idle`, until there is as much as is wanted, or until it has
/// ended.
async fn until_idle(shell: &Shell, idle: Duration, wanted: Option<(u64, usize)>) {
    let mut changes = shell.changes();
    let limit = Instant::now() + WAIT_LIMIT;
    let is_enough =
        || wanted.is_some_and(|(from, chars)| shell.output(|output| output.has(from, chars)));
    while !shell.has_ended() && !is_enough() {
        let quiet = limit.min(Instant::now() + idle);
        match tokio::time::timeout_at(quiet, changes.changed()).await {
            Ok(Ok(())) if Instant::now() < limit => {}
            _ => return,
        }
    }
}

fn told(shell: &Shell, excerpt: Excerpt) -> ShellOutput {
    let Excerpt { text, from, next, missed, truncated } = excerpt;
    let text = without_secrets(shell, text);
    ShellOutput { shell: shell.told(), text, from, next, missed, truncated, screen: None }
}

/// A text that was made of a shell's output: what steers a terminal may have stood in a value.
fn without_secrets(shell: &Shell, text: String) -> String {
    match shell.redactor() {
        Some(redactor) => redactor.text(&text),
        None => text,
    }
}

fn screen(shell: &Shell) -> ShellOutput {
    let ((text, shown), at) = shell.output(|output| (output.screen(), output.position()));
    let text = without_secrets(shell, text);
    let small = |place: usize| u16::try_from(place).unwrap_or(u16::MAX);
    let screen = ScreenState {
        cursor_row: small(shown.row),
        cursor_col: small(shown.col),
        cursor_visible: shown.visible,
        alternate: shown.alternate,
    };
    let (missed, truncated, screen) = (0, false, Some(screen));
    ShellOutput { shell: shell.told(), text, from: at, next: at, missed, truncated, screen }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;
    use crate::vm::control::shells::OpenShell;
    use pyro_protocol::GuestPath;
    use pyro_protocol::message::{ExitStatus, TerminalSize};
    use std::sync::Arc;

    fn shell() -> Arc<Shell> {
        let open = OpenShell {
            cwd: GuestPath::root(),
            shown_cwd: "/".to_owned(),
            env: Vec::new(),
            user: None,
            size: TerminalSize { cols: 20, rows: 4 },
            secrets: Vec::new(),
        };
        Shell::new(Id::random().unwrap(), 1, &open, None).0
    }

    fn request(shell: &Shell, idle_ms: u32, max_chars: u64, view: View) -> ReadShell {
        ReadShell { shell: shell.id, from: 0, max_chars, view, idle_ms: Some(idle_ms) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_waits_until_it_is_quiet_and_not_for_ever() {
        let shell = shell();
        let begun = Instant::now();
        let read_all = request(&shell, 300, 1000, View::Raw);
        assert_eq!(read(&shell, &read_all).await.text, "");
        assert_eq!(begun.elapsed(), Duration::from_millis(300));
        let printer = Arc::clone(&shell);
        let printing = tokio::spawn(async move {
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_millis(200)).await;
                printer.push(b"x");
            }
        });
        let begun = Instant::now();
        assert_eq!(read(&shell, &read_all).await.text, "xxxxxxxxxx");
        assert_eq!(begun.elapsed(), Duration::from_millis(2300));
        printing.await.unwrap();
        let printer = Arc::clone(&shell);
        let printing = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(100)).await;
                printer.push(b"y");
            }
        });
        let begun = Instant::now();
        read(&shell, &request(&shell, 10_000, 100_000, View::Raw)).await;
        assert_eq!(begun.elapsed(), WAIT_LIMIT);
        let begun = Instant::now();
        assert_eq!(read(&shell, &request(&shell, 10_000, 400, View::Raw)).await.text.len(), 400);
        assert!(begun.elapsed() < WAIT_LIMIT);
        printing.abort();
        let ending = Arc::clone(&shell);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            ending.end(Some(ExitStatus::Signal(9)));
        });
        let begun = Instant::now();
        let last = read(&shell, &request(&shell, 10_000, 100_000, View::Screen)).await;
        assert_eq!(begun.elapsed(), Duration::from_millis(50));
        assert_eq!((last.shell.exit_code, last.shell.ended_at.is_some()), (Some(-9), true));
    }
}
