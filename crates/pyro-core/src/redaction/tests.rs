//! Values in all forms and cuts.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;
use pyro_protocol::Secret;

fn redactor(values: &[&str]) -> Redactor {
    let values: Vec<Secret> = values.iter().map(|value| (*value).into()).collect();
    Redactor::new(&values).unwrap()
}

/// What comes of a text that is cut like this.
fn cut(redactor: &Redactor, pieces: &[&[u8]]) -> String {
    let (mut stream, mut out) = (redactor.stream(), Vec::new());
    pieces.iter().for_each(|piece| stream.push(piece, &mut out));
    stream.finish(&mut out);
    String::from_utf8(out).unwrap()
}

fn url_encoded(value: &str, upper: bool) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ if upper => format!("%{byte:02X}"),
        _ => format!("%{byte:02x}"),
    };
    value.bytes().map(encode).collect()
}

#[test]
fn a_value_is_found_in_all_its_forms() {
    let value = "p@ss w0rd/+?&é";
    let redactor = redactor(&[value]);
    let json = serde_json::to_string(value).unwrap();
    for (form, expected) in [
        (value.to_owned(), "[REDACTED]"),
        (url_encoded(value, true), "[REDACTED]"),
        (url_encoded(value, false), "[REDACTED]"),
        (url_encoded(value, true).replace("%20", "+"), "[REDACTED]"),
        (json, "\"[REDACTED]\""),
        ("p@ss\r\n   w0r\nd/+?&é".to_owned(), "[REDACTED]"),
        (STANDARD.encode(value), "[REDACTED]"),
        (STANDARD.encode(format!("x{value}")), "eH[REDACTED]"),
        (url_encoded(&URL_SAFE.encode(value), true), "[REDACTED]"),
    ] {
        let text = format!("<{form}>{form}\n");
        let told = redactor.text(&text);
        // What is left of base64 beside the value is no more than padding and a character.
        let rest = told.replace("[REDACTED]", "");
        assert!(!told.contains(&form) && rest.len() < 24, "{form}: {told}");
        assert!(told.contains(expected), "{form}: {told}");
    }
}

#[test]
fn values_that_hold_each_other_leave_nothing() {
    let redactor = redactor(&["token", "token-long", "long-er"]);
    for (text, expected) in [
        ("token", "[REDACTED]"),
        ("token-long", "[REDACTED]"),
        ("token-long-er", "[REDACTED]"),
        ("tokentoken", "[REDACTED][REDACTED]"),
        ("token-lon", "[REDACTED]-lon"),
        ("toke long-e", "toke long-e"),
    ] {
        assert_eq!(redactor.text(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_value_stays_as_it_is() {
    let redactor = redactor(&["s3cret-value"]);
    for text in ["", "s3cret", "100% s3cret-valu %4", "%%73", "s3cret-valuf", " \n\t "] {
        assert_eq!(redactor.text(text), text);
    }
    let wide = format!("s3cret{}-value", " ".repeat(65));
    assert_eq!(redactor.text(&wide), wide, "what is held back is bounded");
    assert_eq!(redactor.bytes(b"\xffs3cret-value\xff"), b"\xff[REDACTED]\xff");
}

#[test]
fn every_cut_gives_the_same() {
    let redactor = redactor(&["s3cret\nvalue", "value+more", "aaaa"]);
    let text = format!(
        "a s3cret\r\n value+more {} {} aaaaaa s3cretvalu%65 %",
        STANDARD.encode("s3cret\nvalue"),
        url_encoded("value+more", false)
    );
    let whole = redactor.text(&text);
    assert_eq!(whole.matches(MARK).count(), 5, "{whole}");
    for first in 0..=text.len() {
        for second in first..=text.len() {
            let bytes = text.as_bytes();
            let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
            assert_eq!(cut(&redactor, &pieces), whole, "{first} {second}");
        }
    }
    let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    assert_eq!(cut(&redactor, &bytes), whole);
}

#[test]
fn only_what_may_become_a_value_is_held_back() {
    let redactor = redactor(&["0123456789abcdef"]);
    let (mut stream, mut out) = (redactor.stream(), Vec::new());
    stream.push(b"$ 01", &mut out);
    assert_eq!((out.as_slice(), stream.holds()), (&b"$ "[..], true));
    stream.settle(&mut out);
    assert_eq!((out.as_slice(), stream.holds()), (&b"$ 01"[..], false));
    // It becomes one after all.
    stream.push(b"2345", &mut out);
    stream.settle(&mut out);
    assert_eq!((out.as_slice(), stream.holds()), (&b"$ 01"[..], true), "a good part of it");
    stream.push(b"6789abcdef$", &mut out);
    assert_eq!(out, b"$ 01[REDACTED]$");
}

#[test]
fn a_long_value_is_found() {
    let line = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/\n";
    let value: String = (0..1000).map(|number| format!("{number}{line}")).collect();
    let value = &value[..65_536];
    let redactor = redactor(&[value]);
    let shown = value.replace('\n', "\r\n");
    let pieces: Vec<&[u8]> = shown.as_bytes().chunks(4096).collect();
    assert_eq!(cut(&redactor, &pieces), MARK);
    let encoded = STANDARD.encode(value);
    let wrapped: Vec<&[u8]> = encoded.as_bytes().chunks(76).collect();
    let told = redactor.bytes(&wrapped.join(&b"\n"[..]));
    assert!(told.len() < 20, "{}", told.len());
}

#[test]
fn places_are_those_of_the_marks() {
    let redactor = redactor(&["token", "token-long"]);
    assert_eq!(redactor.places(b"a token-long, token"), [2..12, 14..19]);
    assert!(redactor.places(b"none").is_empty());
}

#[test]
fn the_rest_of_a_value_is_not_shown() {
    let value = "s3cret\n value/0123456789+";
    let redactor = redactor(&[value, "other"]);
    let json = serde_json::to_string(value).unwrap();
    let forms = [
        value.to_owned(),
        value.replace('\n', "\r\n"),
        url_encoded(value, true),
        STANDARD.encode(value),
        json[1..json.len() - 1].to_owned(),
    ];
    for form in forms {
        let mut hidden = 0;
        for cut in 1..form.len() {
            let rest = &form[cut..];
            let told = redactor.text_tail(&format!("{rest} other end"));
            let left = told.strip_suffix(" [REDACTED] end").unwrap();
            hidden += usize::from(left.starts_with(MARK));
            // A value may end in the padding of base64, or in blanks.
            let is_short = rest.len() <= 3 * rest::shown_len(value.len());
            assert!(left.starts_with(MARK) || is_short, "{rest:?}: {told:?}");
            assert!(left.len() < MARK.len() + 4 || is_short, "{rest:?}: {told:?}");
        }
        assert!(hidden > form.len() / 2, "{form:?}: {hidden}");
    }
    assert_eq!(redactor.text_tail("no rest of it: other"), "no rest of it: [REDACTED]");
    assert_eq!(redactor.text_tail(value), MARK);
    assert_eq!(redactor.text_tail(""), "");
}

proptest! {
    #[test]
    fn no_value_is_left_however_it_is_cut(
        values in proptest::collection::vec("[ab+ ]{0,3}[ab]{4,6}[ab/ \n]{0,4}", 1..4),
        parts in proptest::collection::vec((0..6usize, "[ab%2 \n]{0,6}"), 0..12),
        cuts in proptest::collection::vec(0..400usize, 0..8),
    ) {
        let borrowed: Vec<&str> = values.iter().map(String::as_str).collect();
        let redactor = redactor(&borrowed);
        let mut text = String::new();
        for (form, between) in &parts {
            let value = &values[form % values.len()];
            text.push_str(&match form {
                0 | 1 => value.clone(),
                2 => url_encoded(value, true),
                3 => url_encoded(value, false),
                4 => STANDARD.encode(value),
                _ => URL_SAFE.encode(format!("x{value}")),
            });
            text.push_str(between);
        }
        let whole = redactor.text(&text);
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
        at.extend([0, text.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> =
            at.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
        prop_assert_eq!(cut(&redactor, &pieces), whole.clone());
        for value in &values {
            prop_assert!(!whole.contains(value.as_str()), "{:?} in {:?}", value, whole);
            prop_assert!(!whole.contains(&STANDARD.encode(value)), "{:?} in {:?}", value, whole);
        }
    }
}
