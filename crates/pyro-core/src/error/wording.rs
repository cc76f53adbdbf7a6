//! `Wording`: how a surface names what hints lead to, and the sentence that comes of it.

use super::hint::{Hint, Next};

/// The names of one surface.
pub trait Wording {
    /// What the caller of this surface does; none where the surface does not have it.
    fn own(&self, next: &Next) -> Option<String>;

    /// What somebody does by other means, where the surface does not have it.
    fn elsewhere(&self, _: &Next) -> Option<String> {
        None
    }
}

/// The hints in the words of a surface; none where it has nothing to say.
#[must_use]
pub fn worded(hints: &[Hint], wording: &impl Wording) -> Option<String> {
    let mut text = String::new();
    for hint in hints {
        let Some(words) = sentence(hint, wording) else { continue };
        if !text.is_empty() {
            text.push_str(if hint.is_alternative() { ", or " } else { "; " });
        }
        text.push_str(&words);
    }
    (!text.is_empty()).then_some(text)
}

fn sentence(hint: &Hint, wording: &impl Wording) -> Option<String> {
    let Some(next) = hint.next() else { return Some(hint.advice().before.to_string()) };
    if let Some(name) = wording.own(next) {
        return Some(around(hint, next, &name));
    }
    if let Some(words) = hint.fallback().and_then(|hint| sentence(hint, wording)) {
        return Some(words);
    }
    match (next, wording.elsewhere(next)) {
        // The words around a parameter are for whoever can set it.
        (Next::Parameter(_), elsewhere) => elsewhere,
        (_, Some(name)) => Some(around(hint, next, &name)),
        (_, None) => Some(hint.advice().before.to_string()).filter(|words| !words.is_empty()),
    }
}

fn around(hint: &Hint, next: &Next, name: &str) -> String {
    let advice = hint.advice();
    let between = match next {
        _ if advice.before.is_empty() => "",
        Next::Parameter(_) => " ",
        _ => ": ",
    };
    format!("{}{between}{name}{}", advice.before, advice.after)
}

/// Names for tests, which are those of the contract.
#[cfg(test)]
pub(super) mod plain {
    use super::{Next, Wording};
    use crate::error::Value;

    /// Operations and parameters as core names them.
    pub(crate) struct Plain;

    impl Wording for Plain {
        fn own(&self, next: &Next) -> Option<String> {
            Some(match next {
                Next::Operation(call) => {
                    call.arguments.iter().fold(call.operation.name().to_owned(), |text, one| {
                        let value = match &one.value {
                            Value::Given(value) => value,
                            Value::On => "true",
                            Value::Open(name) => name,
                        };
                        format!("{text} {}={value}", one.parameter.name())
                    })
                }
                Next::Usage(operation) => format!("usage of {}", operation.name()),
                Next::Parameter(parameter) => parameter.name().to_owned(),
                Next::HostCommand(command) => command.clone(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::plain::Plain;
    use super::*;
    use crate::error::{Call, OperationId, Parameter};

    /// A surface that has nothing.
    struct Bare(Option<&'static str>);

    impl Wording for Bare {
        fn own(&self, _: &Next) -> Option<String> {
            None
        }

        fn elsewhere(&self, _: &Next) -> Option<String> {
            self.0.map(str::to_owned)
        }
    }

    #[test]
    fn hints_are_joined_to_a_sentence() {
        let hints = [
            Hint::say("nothing was changed"),
            Hint::call("look", Call::to(OperationId::WorkspaceList)),
            Hint::parameter("set", Parameter::Force, ", or leave it").or(),
            Hint::host("", "df -h"),
        ];
        let words = worded(&hints, &Plain);
        assert_eq!(
            words.as_deref(),
            Some("nothing was changed; look: workspace.list, or set force, or leave it; df -h")
        );
    }

    #[test]
    fn what_a_surface_lacks_is_done_otherwise_or_elsewhere_or_not_told() {
        let call = || Hint::call("start it", Call::to(OperationId::WorkspaceStart));
        let parameter = || Hint::parameter("set", Parameter::Force, "");
        let nothing = Hint::call("", Call::to(OperationId::Doctor));
        for (hint, elsewhere, words) in [
            (call().otherwise(Hint::say("call again")), Some("ask"), Some("call again")),
            (call(), Some("ask"), Some("start it: ask")),
            (call(), None, Some("start it")),
            (nothing, None, None),
            (parameter(), Some("ask"), Some("ask")),
            (parameter(), None, None),
        ] {
            assert_eq!(worded(&[hint], &Bare(elsewhere)).as_deref(), words);
        }
    }
}
