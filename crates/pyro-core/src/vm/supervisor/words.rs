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
        without(redactor)
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

fn without(redactor: Result<Option<Redactor>, String>) -> impl Fn(&str) -> String {
    move |words| match &redactor {
        Ok(Some(redactor)) => redactor.text_tail(words),
        Err(_) if !words.is_empty() => UNTOLD.to_owned(),
        _ => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::end::End;
    use super::*;
    use crate::vm::failure::{Failure, Stage};
    use pyro_protocol::Secret;

    fn told(redactor: Result<Option<Redactor>, String>, console: &str) -> [String; 3] {
        let failure = Failure {
            stage: Stage::Running,
            message: "the guest ended".to_owned(),
            causes: vec!["it said s3cret-value".to_owned()],
            console: console.to_owned(),
        };
        let ended = End::Failed(failure).reworded(without(redactor)).failure().unwrap();
        [ended.message, ended.causes.concat(), ended.console]
    }

    #[test]
    fn the_last_words_of_a_guest_hold_no_value() {
        let redactor = Redactor::new(&[Secret::from("s3cret-value")]).unwrap();
        // What is kept of a console may begin in the middle of one.
        let console = "et-value\nonce more: s3cret-value";
        let [message, cause, shown] = told(Ok(Some(redactor)), console);
        assert_eq!(message, "the guest ended");
        assert_eq!(cause, "it said [REDACTED]");
        assert_eq!(shown, "[REDACTED]\nonce more: [REDACTED]");
        let [_, _, shown] = told(Ok(None), console);
        assert_eq!(shown, console);
        let unread = Err("no file".to_owned());
        assert_eq!(told(unread, ""), [UNTOLD, UNTOLD, ""]);
    }
}
