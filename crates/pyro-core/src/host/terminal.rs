//! Text from a guest that is shown on the host: nothing in it can steer a terminal.

/// Foreign bytes as text that cannot steer a terminal.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars()
        .filter(|c| matches!(c, '\n' | '\t') || !c.is_control())
        .collect::<String>()
        .trim()
        .to_owned()
}
