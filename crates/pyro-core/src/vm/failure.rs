//! How a vm fails, as its supervisor tells it.

use serde::{Deserialize, Serialize};

/// Why a vm did not start, or stopped by itself.
#[derive(Clone, Debug, Serialize, Deserialize, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct Failure {
    /// How far it had come.
    pub stage: Stage,
    /// What happened.
    pub message: String,
    /// The causes below it, outermost first.
    pub causes: Vec<String>,
    /// End of the guest's console, safe to print; empty when it said nothing.
    pub console: String,
}

/// The stages of a start, in their order, and what can end a running vm.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub enum Stage {
    /// The vm's directory, layer or socket.
    Files,
    /// Starting the engine's process.
    Engine,
    /// From the engine's start to the agent's hello.
    Boot,
    /// As [`Stage::Boot`], and the guest was seen to hang.
    Hung,
    /// Mounting the environment's disk.
    Mount,
    /// Before it ran its machine was killed, or its supervisor.
    Killed,
    /// It ran, and the machine ended.
    Running,
    /// It ran, and the host's disk had no room for what it wrote.
    HostFull,
    /// It ran, and its lifetime is over.
    Expired,
    /// Somebody else told it to stop.
    Stopped,
    /// It was told to stop, and did not end by itself.
    Stopping,
    /// A stage that this version does not know, from a newer supervisor; never sent. Keep it the
    /// last one.
    #[serde(other)]
    Unknown,
}

impl Failure {
    /// The same with what it tells in other words.
    #[must_use]
    pub(in crate::vm) fn reworded(self, words: impl Fn(&str) -> String) -> Self {
        let causes = self.causes.iter().map(|cause| words(cause)).collect();
        let (message, console) = (words(&self.message), words(&self.console));
        Self { message, causes, console, ..self }
    }

    /// The vm was told to stop while it was in use.
    pub(in crate::vm) fn stopped() -> Self {
        Self {
            stage: Stage::Stopped,
            message: "somebody stopped it".to_owned(),
            causes: Vec::new(),
            console: String::new(),
        }
    }

    /// Its supervisor was gone before the vm ran.
    pub(in crate::vm) fn lost() -> Self {
        Self {
            stage: Stage::Killed,
            message: "its supervisor was killed".to_owned(),
            causes: Vec::new(),
            console: String::new(),
        }
    }

    /// The vm's time was over.
    pub(in crate::vm) fn expired(ttl_seconds: u32) -> Self {
        Self {
            stage: Stage::Expired,
            message: format!("the vm's lifetime of {ttl_seconds} s is over"),
            causes: Vec::new(),
            console: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyro_protocol::frame::{FrameDecoder, encode_message};

    fn carried(message: &impl Serialize) -> Failure {
        let mut decoder = FrameDecoder::default();
        decoder.push(&encode_message(message).unwrap());
        decoder.next_frame().unwrap().unwrap().message().unwrap()
    }

    #[test]
    fn a_stage_that_is_not_known_yet_is_read() {
        #[derive(Serialize)]
        struct Newer {
            stage: &'static str,
            message: &'static str,
            causes: [String; 0],
            console: &'static str,
        }
        for (stage, expected) in [("Hung", Stage::Hung), ("OfNextYear", Stage::Unknown)] {
            let failure = carried(&Newer { stage, message: "why", causes: [], console: "" });
            assert_eq!((failure.stage, failure.message.as_str()), (expected, "why"));
        }
    }
}
