//! Bounds of results: what is too long keeps its head and its tail, and says what is left out.

use pyro_core::json_len;
use serde_json::Value;

/// Bytes of a result's text where nothing else is asked for.
pub(crate) const DEFAULT: usize = 16 * 1024;

/// Fewest that can be asked for.
pub(crate) const LEAST: usize = 1024;

/// Most that can be asked for.
pub(crate) const MOST: usize = 1024 * 1024;

/// How much longer than the text the structured content may be: it has every field of the contract.
pub(crate) const STRUCTURED: usize = 2;

/// Bytes that the fields beside a list or a text take.
pub(crate) const FIELDS: usize = 640;

/// Bytes of the words that stand where text was left out.
const MARK: usize = 160;

/// Bytes of a value as compact JSON.
pub(crate) fn length(value: &Value) -> usize {
    serde_json::to_string(value).map_or(0, |text| text.len())
}

/// Bytes of a text inside of a JSON string.
pub(crate) fn text_length(text: &str) -> usize {
    text.chars().map(json_len).sum()
}

/// Head and tail of a text that is longer than `limit` as JSON, with words for what is between;
/// `rest` says where that is.
pub(crate) fn shortened(text: &str, limit: usize, rest: &str) -> String {
    if text_length(text) <= limit {
        return text.to_owned();
    }
    let half = limit.saturating_sub(MARK) / 2;
    let head =
        &text[..fitting(text.char_indices().map(|(at, one)| (at + one.len_utf8(), one)), half)
            .unwrap_or(0)];
    let tail = &text[fitting(text.char_indices().rev(), half).unwrap_or(text.len())..];
    let omitted = text.len() - head.len() - tail.len();
    format!("{head}\n[... {omitted} bytes omitted{rest} ...]\n{tail}")
}

/// The last of these places up to which the characters fit.
fn fitting(places: impl Iterator<Item = (usize, char)>, limit: usize) -> Option<usize> {
    let mut length = 0;
    let fits = places.take_while(|(_, one)| {
        length += json_len(*one);
        length <= limit
    });
    fits.last().map(|(at, _)| at)
}

/// How many bytes of a text fit as a JSON string, up to a whole character.
pub(crate) fn prefix(bytes: &[u8], limit: usize) -> usize {
    let (mut fits, mut length) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        for one in chunk.valid().chars() {
            length += json_len(one);
            if length > limit {
                return fits;
            }
            fits += one.len_utf8();
        }
        if !chunk.invalid().is_empty() {
            length += json_len(char::REPLACEMENT_CHARACTER);
            if length > limit {
                return fits;
            }
            fits += chunk.invalid().len();
        }
    }
    fits
}

/// How many of these values, of which each takes the bytes that `cost` says, fit into `limit`; one
/// always does.
pub(crate) fn count<T>(items: &[T], limit: usize, cost: impl Fn(&T) -> usize) -> usize {
    let mut held = 0;
    let fits = items.iter().take_while(|item| {
        held += cost(item) + 1;
        held <= limit
    });
    fits.count().max(1).min(items.len())
}

/// Make a value fit, whatever it holds: what is longest in it is cut first.
pub(crate) fn bounded(value: &mut Value, limit: usize) {
    /// Each cut takes away all that is too much, but for what JSON's escapes add.
    const CUTS: usize = 64;
    for _ in 0..CUTS {
        let length = length(value);
        if length <= limit {
            return;
        }
        cut(value, length - limit);
    }
    if length(value) > limit {
        *value = serde_json::json!({ "omitted": "the result is too long: ask for a part of it" });
    }
}

/// Cut what is longest in a value by so many bytes, or as much as it has.
fn cut(value: &mut Value, excess: usize) {
    match value {
        Value::String(text) => {
            let left = text_length(text).saturating_sub(excess + 2 * MARK);
            *text = shortened(text, left, "");
        }
        Value::Array(items) => {
            let whole: usize = items.iter().map(length).sum();
            match items.iter_mut().max_by_key(|item| length(item)) {
                Some(longest) if length(longest) > whole / 2 && !longest.is_number() => {
                    cut(longest, excess)
                }
                _ => {
                    let mut gone = 0;
                    while gone < excess + MARK
                        && let Some(last) = items.pop()
                    {
                        gone += length(&last) + 1;
                    }
                }
            }
        }
        Value::Object(map) => {
            let Some(longest) = map.values_mut().max_by_key(|value| length(value)) else { return };
            if length(longest) < LEAST / 4 {
                return drop_fields(map, excess);
            }
            let before = longest.as_array().map(Vec::len);
            cut(longest, excess);
            let left_out = before
                .zip(longest.as_array().map(Vec::len))
                .map_or(0, |(before, now)| before - now);
            if left_out > 0 {
                add_omitted(map, left_out);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Take fields away from the end, where no one of them is long.
fn drop_fields(map: &mut serde_json::Map<String, Value>, excess: usize) {
    let (mut gone, mut left_out) = (0, 0);
    while gone < excess + MARK
        && let Some(name) = map.keys().next_back().cloned()
    {
        gone += name.len() + map.remove(&name).map_or(0, |value| length(&value)) + 4;
        left_out += 1;
    }
    add_omitted(map, left_out);
}

/// Count what was left out of a value, beside what was left out of it before.
pub(crate) fn add_omitted(map: &mut serde_json::Map<String, Value>, left_out: usize) {
    let told = map.get("omitted").and_then(Value::as_u64).unwrap_or(0);
    map.insert("omitted".to_owned(), (told + left_out as u64).into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn head_and_tail_are_kept() {
        let text: String = (0..1000).map(|number| format!("{number}\n")).collect();
        let short = shortened(&text, 400, "; all of it: output_read x");
        assert!(short.starts_with("0\n1\n") && short.ends_with("999\n"), "{short}");
        assert!(short.contains(" bytes omitted; all of it: output_read x ...]"), "{short}");
        assert!(text_length(&short) <= 400 + 20, "{}", text_length(&short));
        assert_eq!(shortened("short", 5, ""), "short");
    }

    #[test]
    fn what_is_longest_is_cut_first() {
        let mut value = json!({ "exit_code": 1, "stdout": "x".repeat(50_000), "stderr": "oops" });
        bounded(&mut value, 2000);
        assert!(length(&value) <= 2000 && length(&value) > 1500, "{}", length(&value));
        assert_eq!((&value["exit_code"], &value["stderr"]), (&json!(1), &json!("oops")));
        let labels: std::collections::BTreeMap<String, String> =
            (0..200).map(|at| (format!("label{at}"), "x".repeat(120))).collect();
        let mut value = json!({ "workspace_id": "0123456789ab", "labels": labels });
        bounded(&mut value, 4000);
        let kept = value["labels"].as_object().unwrap().len() - 1;
        assert!(
            value["workspace_id"] == "0123456789ab" && kept > 20 && length(&value) <= 4000,
            "{value}"
        );
        assert_eq!(value["labels"]["omitted"], 200 - kept);
        let mut value =
            json!({ "entries": vec!["a path that is like any other"; 1000], "changed": true });
        bounded(&mut value, 2000);
        let kept = value["entries"].as_array().unwrap().len();
        assert!(
            kept > 30 && value["omitted"] == 1000 - kept && value["changed"] == true,
            "{value}"
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,400}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 200, 40, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..40).prop_map(Value::from),
                proptest::collection::btree_map("[a-z]{1,9}", inner, 0..20)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn anything_fits(value in any_json(), limit in 1024usize..4096) {
            let (mut cut, before) = (value.clone(), length(&value));
            bounded(&mut cut, limit);
            prop_assert!(length(&cut) <= limit);
            prop_assert!(before > limit || cut == value);
        }

        #[test]
        fn a_prefix_is_as_long_as_it_may_be(bytes in proptest::collection::vec(any::<u8>(), 0..80), limit in 0usize..200) {
            let fits = prefix(&bytes, limit);
            let length = |bytes: &[u8]| text_length(&String::from_utf8_lossy(bytes));
            prop_assert!(length(&bytes[..fits]) <= limit);
            prop_assert!(fits == bytes.len() || length(&bytes) > limit);
        }
    }
}
