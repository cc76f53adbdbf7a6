//! A value against the schema of its parameter, in words that say what may stand there.

use serde_json::Value;

/// Greatest number where a schema names none.
const UNSPOKEN_MAX: f64 = u32::MAX as f64;

/// Greatest number up to which every whole one has a float of its own.
const EXACT: f64 = (1_u64 << 53) as f64;

/// What may stand where secrets are given.
pub(crate) const SECRETS: &str = "secrets must be an array such as [{\"name\": \"TOKEN\", \"file_path\": \"/path\"}], or with a value";

/// Whether what is given there must not be shown.
fn is_hidden(property: &Value) -> bool {
    property.get("writeOnly").is_some_and(|hidden| hidden == true)
}

/// What may stand in a parameter's place.
pub(super) fn wanted(property: &Value) -> String {
    if is_hidden(property) {
        return SECRETS.replacen("secrets must be ", "", 1);
    }
    if let Some(known) = property.get("enum").and_then(Value::as_array) {
        return format!("one of {}", known.iter().map(shown).collect::<Vec<_>>().join(", "));
    }
    let bound = |name: &str| property.get(name).and_then(Value::as_u64);
    match property.get("type").and_then(Value::as_str) {
        Some("integer") => match (bound("minimum"), bound("maximum")) {
            (min, Some(max)) => format!("an integer between {} and {max}", min.unwrap_or(0)),
            (Some(min), None) => format!("an integer of at least {min}"),
            (None, None) => "an integer".to_owned(),
        },
        Some("boolean") => "true or false".to_owned(),
        Some("object") => "an object of strings, such as {\"name\": \"value\"}".to_owned(),
        Some("array") => "an array of strings, such as [\"one\"]".to_owned(),
        Some("string") => {
            let some =
                property.get("pattern").is_some() || bound("minLength").is_some_and(|min| min > 0);
            let kind = if some { "a string that is not empty" } else { "a string" };
            match bound("maxLength") {
                Some(max) => format!("{kind}, of at most {max} characters"),
                None => kind.to_owned(),
            }
        }
        _ => "what its description says".to_owned(),
    }
}

/// Take what is written as text for what the schema wants.
fn coerced(wanted: Option<&str>, value: &mut Value) {
    if let Value::String(text) = &*value {
        let text = text.trim();
        let taken = match wanted {
            Some("integer") => text.parse::<i64>().ok().map(Value::from),
            Some("boolean") if text.eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
            Some("boolean") if text.eq_ignore_ascii_case("false") => Some(Value::Bool(false)),
            Some("object") => serde_json::from_str(text).ok().filter(Value::is_object),
            Some("array") => serde_json::from_str(text).ok().filter(Value::is_array),
            _ => None,
        };
        if let Some(taken) = taken {
            *value = taken;
        }
    }
    // JSON Schema's integer is any number without a fraction, however it is written.
    if let (Some("integer"), Some(number)) = (wanted, value.as_f64())
        && !value.is_i64()
        && number.fract() == 0.0
        && number.abs() <= EXACT
    {
        *value = (number as i64).into();
    }
}

/// What is wrong with a value.
pub(super) fn fault(property: &Value, value: &mut Value) -> Option<String> {
    let wanted = property.get("type").and_then(Value::as_str);
    coerced(wanted, value);
    if is_hidden(property) {
        let is_secret =
            |item: &Value| item.as_object().is_some_and(|item| item.values().all(Value::is_string));
        let fits = value.as_array().is_some_and(|items| items.iter().all(is_secret));
        return (!fits).then(|| "must be an array of objects of strings".to_owned());
    }
    let fits = match wanted {
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        _ => true,
    };
    if !fits {
        let article =
            if matches!(wanted, Some("integer" | "object" | "array")) { "an" } else { "a" };
        return Some(format!(
            "must be {article} {}, not {}",
            wanted.unwrap_or_default(),
            shown(value)
        ));
    }
    if let Some(known) = property.get("enum").and_then(Value::as_array)
        && !known.contains(value)
    {
        let known: Vec<String> = known.iter().map(shown).collect();
        return Some(format!("must be one of {}, not {}", known.join(", "), shown(value)));
    }
    out_of_bounds(property, value).or_else(|| fault_inside(property, value))
}

/// What is wrong with a value inside of this one.
fn fault_inside(property: &Value, value: &mut Value) -> Option<String> {
    let inside = |schema: &str| property.get(schema).filter(|schema| schema.is_object());
    match value {
        Value::Object(map) => {
            let schema = inside("additionalProperties")?;
            let mut faults =
                map.iter_mut().filter_map(|(key, value)| Some((key, fault(schema, value)?)));
            faults.next().map(|(key, fault)| {
                format!("of {}: it {fault}", shown(&Value::String(key.clone())))
            })
        }
        Value::Array(items) => {
            let schema = inside("items")?;
            let mut faults = items
                .iter_mut()
                .enumerate()
                .filter_map(|(at, item)| Some((at, fault(schema, item)?)));
            faults.next().map(|(at, fault)| format!("[{at}] {fault}"))
        }
        _ => None,
    }
}

fn out_of_bounds(property: &Value, value: &Value) -> Option<String> {
    let bound = |name: &str| property.get(name).and_then(Value::as_f64);
    if let Some(number) = value.as_f64() {
        return match (bound("minimum").unwrap_or(0.0), bound("maximum")) {
            (min, Some(max)) if !(min..=max).contains(&number) => {
                Some(format!("is {value}; it must be between {min} and {max}"))
            }
            (min, None) if number < min => Some(format!("is {value}; it must be at least {min}")),
            (_, None) if number > UNSPOKEN_MAX => {
                Some(format!("is {value}; it must be at most {UNSPOKEN_MAX}"))
            }
            _ => None,
        };
    }
    let text = value.as_str()?;
    // The one pattern of our own schemas' strings: something stands there.
    let is_wanted = property.get("pattern").is_some_and(|pattern| pattern == r"\S");
    if is_wanted && text.trim().is_empty() {
        return Some("must not be blank".to_owned());
    }
    let (length, limit) =
        (text.chars().count() as u64, |name: &str| property.get(name).and_then(Value::as_u64));
    if limit("minLength").is_some_and(|min| length < min) {
        return Some("must not be empty".to_owned());
    }
    let max = limit("maxLength").filter(|max| length > *max)?;
    Some(format!("is {length} characters long; it may have {max}"))
}

/// A value as it was given, cut where it is long.
pub(super) fn shown(value: &Value) -> String {
    /// Characters that tell which value was meant.
    const ENOUGH: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(ENOUGH) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_otherwise_is_taken_for_what_it_means() {
        for (wanted, given, taken) in [
            ("boolean", json!("true"), json!(true)),
            ("boolean", json!("False"), json!(false)),
            ("boolean", json!(" TRUE "), json!(true)),
            ("object", json!("{\"a\": \"b\"}"), json!({ "a": "b" })),
            ("array", json!("[\"a\"]"), json!(["a"])),
            ("integer", json!("2"), json!(2)),
            ("integer", json!(" 2 "), json!(2)),
            // JSON Schema's integer is any number without a fraction.
            ("integer", json!(2.0), json!(2)),
            ("integer", json!(3e1), json!(30)),
            // Where a string is wanted, JSON is text.
            ("string", json!("{}"), json!("{}")),
        ] {
            let mut value = given.clone();
            assert_eq!(fault(&json!({ "type": wanted }), &mut value), None, "{wanted} {given}");
            assert_eq!(value, taken, "{wanted} {given}");
            assert_eq!(value.is_i64(), wanted == "integer", "{wanted} {given}");
        }
    }

    #[test]
    fn a_number_with_a_fraction_stays_as_it_was_given() {
        let mut value = json!(1.5);
        let told = fault(&json!({ "type": "integer" }), &mut value);
        assert_eq!((told.as_deref(), value), (Some("must be an integer, not 1.5"), json!(1.5)));
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let property = json!({ "type": "array", "writeOnly": true });
        for given in [json!("s3cret"), json!([{ "name": "A", "value": 53 }]), json!(["s3cret"])] {
            let told = fault(&property, &mut given.clone()).unwrap();
            assert!(!told.contains("s3cret") && !told.contains("53"), "{told}");
        }
        let mut text = json!("[{\"name\": \"A\", \"value\": \"s3cret\"}]");
        assert_eq!((fault(&property, &mut text), text.is_array()), (None, true));
    }

    #[test]
    fn a_long_value_is_cut_where_it_is_named() {
        let long = shown(&json!("ä".repeat(200)));
        assert_eq!((long.chars().count(), long.ends_with('…')), (81, true));
    }
}
