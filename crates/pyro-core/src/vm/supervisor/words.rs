//! What a guest makes its supervisor say, without the secrets of its workspace: it chooses what its
//! console shows.

use super::record::Supervisor;
use crate::redaction::Redactor;
use crate::store::vm::VmKind;
use crate::vm::secrets::KeptSecrets;

/// What stands for words that may hold a secret.
const UNTOLD: &str = "not told, since the secrets of the workspace cannot be read";

impl Supervisor<'_> {
    /// Words as records and others may have them; they may be the end of longer ones.
    pub(super) fn without_secrets(&self) -> impl Fn(&str) -> String {
        let redactor = self.redactor();
        if let Err(error) = &redactor {
            tracing::warn!(%error, "what the guest has said is not told");
        }
        move |words| match &redactor {
            Ok(Some(redactor)) => redactor.text_tail(words),
            Err(_) if !words.is_empty() => UNTOLD.to_owned(),
            _ => words.to_owned(),
        }
    }

    fn redactor(&self) -> Result<Option<Redactor>, String> {
        if self.launch.kind != VmKind::Workspace {
            return Ok(None);
        }
        let workspace = self.store.workspace_with_vm(self.launch.id);
        let Some(workspace) = workspace.map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        let secrets = KeptSecrets::of(self.config, workspace);
        secrets.and_then(|secrets| secrets.redactor()).map_err(|error| error.to_string())
    }
}
