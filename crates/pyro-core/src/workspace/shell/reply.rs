//! What a vm's supervisor answers about shells, as a result or as what is in the way.

use super::info::ShellInfo;
use crate::guest::client::ClientError;
use crate::id::Id;
use crate::vm::VmError;
use crate::vm::control::shells::{ShellRefusal, ShellReply, ShellRequest, ShellState};
use crate::workspace::error::WorkspaceError;
use crate::workspace::running::Running;
use crate::workspace::shell_error::ShellError;
use pyro_protocol::FrameKind;

impl Running<'_> {
    /// Ask about its shell `shell` and expect it in the answer; whoever asks has used it.
    pub(super) async fn ask_shell(
        &self,
        shell: Id,
        request: ShellRequest,
    ) -> Result<ShellInfo, WorkspaceError> {
        let len = match &request {
            ShellRequest::Write { input, .. } => input.len(),
            _ => 0,
        };
        match self.client().shell(request).await? {
            ShellReply::Shell(state) => {
                self.was_used();
                Ok(self.shell_info(state))
            }
            reply => Err(self.refused(shell, len, reply)),
        }
    }

    pub(super) fn shell_info(&self, state: ShellState) -> ShellInfo {
        ShellInfo::of(self.workspace.id, self.vm.execution_mode, state)
    }

    /// Why an answer is not the one that was hoped for; `len` bytes were to be typed.
    pub(super) fn refused(&self, shell: Id, len: usize, reply: ShellReply) -> WorkspaceError {
        let id = self.workspace.id;
        let ShellReply::Refused(refusal) = reply else {
            return VmError::Control(ClientError::OutOfPlace(FrameKind::Message)).into();
        };
        let error = match refusal {
            ShellRefusal::Unknown => ShellError::NoSuchShell { id, shell },
            ShellRefusal::Ended { exit_code } => ShellError::Ended { id, shell, exit_code },
            ShellRefusal::TooMany => ShellError::TooMany { id },
            ShellRefusal::InputFull { room } => ShellError::InputFull { shell, room, len },
            ShellRefusal::NoForeground => ShellError::NoForeground { id, shell },
            ShellRefusal::Guest(failure) => {
                return VmError::Guest(ClientError::Failed(failure)).into();
            }
            ShellRefusal::Gone => return VmError::Control(ClientError::Ended).into(),
        };
        error.into()
    }
}
