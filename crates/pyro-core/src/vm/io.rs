//! A command's input and output.

use pyro_protocol::message::TerminalSize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// What a command reads as its standard input; none is `/dev/null`.
pub type Stdin = Option<Box<dyn AsyncRead + Unpin + Send>>;

/// A terminal of the host, for what runs on one of the guest's.
pub struct Terminal {
    /// What is typed, as it is typed.
    pub input: Box<dyn AsyncRead + Unpin + Send>,
    /// What is shown.
    pub output: Box<dyn AsyncWrite + Unpin + Send>,
    /// Its size, and whenever that changes.
    pub sizes: watch::Receiver<TerminalSize>,
}

/// Where a command's input comes from and where its output goes.
pub struct ExecIo<'a> {
    /// Its stdin; `/dev/null` where there is none.
    pub stdin: Option<&'a mut (dyn AsyncRead + Unpin + Send)>,
    /// Its stdout, as it comes.
    pub stdout: &'a mut (dyn AsyncWrite + Unpin + Send),
    /// Its stderr, as it comes.
    pub stderr: &'a mut (dyn AsyncWrite + Unpin + Send),
    /// Size of the terminal that it runs on, and whenever that changes; pipes where there is none.
    pub sizes: Option<watch::Receiver<TerminalSize>>,
}

impl ExecIo<'_> {
    /// The same once more, for a command that may have to be given to another vm.
    pub(super) fn again(&mut self) -> ExecIo<'_> {
        let stdin =
            self.stdin.as_mut().map(|stdin| &mut **stdin as &mut (dyn AsyncRead + Unpin + Send));
        let sizes = self.sizes.clone();
        ExecIo { stdin, stdout: &mut *self.stdout, stderr: &mut *self.stderr, sizes }
    }
}
