//! The facade's operations on shells.

use super::Pyro;
use super::operation_future::OperationFuture;
use crate::id::Id;
use crate::vm::io::Terminal;
use crate::workspace::shell::attach::{self, AttachEnd};
use crate::workspace::shell::info::{
    ShellClosed, ShellInfo, ShellList, ShellRead, ShellSignalled, ShellWritten,
};
use crate::workspace::shell::open::{self, OpenShellRequest};
use crate::workspace::shell::read::{self, ReadShellRequest};
use crate::workspace::shell::signal::{self, ShellSignal};
use crate::workspace::shell::{close, list, resize, write};
use pyro_protocol::message::TerminalSize;
use tokio_util::sync::CancellationToken;

impl Pyro {
    /// Open a shell in a workspace. It goes on when this process ends, until it is closed, ends by
    /// itself, or its workspace stops.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`] also for a directory that is not there;
    /// [`crate::ErrorKind::Busy`] when as many shells run as may.
    pub fn open_shell(
        &self,
        id: Id,
        request: OpenShellRequest,
        cancel: &CancellationToken,
    ) -> OperationFuture<ShellInfo> {
        self.cancellable_in_guest(id, cancel, async move |config, cancel| {
            open::open(config, id, &request, cancel).await
        })
    }

    /// Read what a shell has printed, or its screen as it stands.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`].
    pub fn read_shell(
        &self,
        id: Id,
        shell: Id,
        request: ReadShellRequest,
        cancel: &CancellationToken,
    ) -> OperationFuture<ShellRead> {
        self.cancellable_in_guest(id, cancel, async move |config, cancel| {
            read::read(config, id, shell, request, cancel).await
        })
    }

    /// Type into a shell, with a newline at the end where that is wanted: all of it or nothing.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Busy`] while what was typed before is not read;
    /// [`crate::ErrorKind::WrongState`] for a shell that has ended.
    pub fn write_shell(
        &self,
        id: Id,
        shell: Id,
        input: String,
        append_newline: bool,
    ) -> OperationFuture<ShellWritten> {
        self.in_guest(id, async move |config| {
            write::write(config, id, shell, &input, append_newline).await
        })
    }

    /// Send a signal to the job in the foreground of a shell.
    ///
    /// # Errors
    /// [`crate::ErrorKind::WrongState`] for a shell that has ended.
    pub fn signal_shell(
        &self,
        id: Id,
        shell: Id,
        signal: ShellSignal,
    ) -> OperationFuture<ShellSignalled> {
        self.in_guest(id, async move |config| signal::signal(config, id, shell, signal).await)
    }

    /// End a shell with all that was started in it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`].
    pub fn close_shell(&self, id: Id, shell: Id) -> OperationFuture<ShellClosed> {
        self.in_guest(id, async move |config| close::close(config, id, shell).await)
    }

    /// The shells of a workspace, whoever opened them; none where it is stopped.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`].
    pub fn list_shells(&self, id: Id) -> OperationFuture<ShellList> {
        self.in_guest(id, async move |config| list::list(config, id).await)
    }

    /// Give a shell's terminal another size.
    ///
    /// # Errors
    /// [`crate::ErrorKind::WrongState`] for a shell that has ended.
    pub fn resize_shell(
        &self,
        id: Id,
        shell: Id,
        size: TerminalSize,
    ) -> OperationFuture<ShellInfo> {
        self.in_guest(id, async move |config| resize::resize(config, id, shell, size).await)
    }

    /// Use a shell from a terminal of the host until its input ends or the shell does.
    ///
    /// # Errors
    /// [`crate::ErrorKind::WrongState`] for a shell that has ended.
    pub fn attach_shell(
        &self,
        id: Id,
        shell: Id,
        terminal: Terminal,
        cancel: &CancellationToken,
    ) -> OperationFuture<AttachEnd> {
        self.cancellable_in_guest(id, cancel, async move |config, cancel| {
            attach::attach(config, id, shell, terminal, cancel).await
        })
    }
}
