//! The plain unified form: two labels, and times that tell whether a side exists.

use super::names::{self, Labels, one_name};
use crate::patch::error::ParseError;
use crate::patch::model::Change;

/// What the two labels ask for.
pub(super) fn change(labels: &Labels<'_>, line: usize) -> Result<Change, ParseError> {
    let path = |name: &[u8]| names::path(name, line);
    match (&labels.old.0, &labels.new.0) {
        (None, None) => {
            Err(ParseError::Header { line, why: "has no name: both sides are /dev/null" })
        }
        (None, Some(new)) => Ok(Change::Create(path(names::new_alone(new))?)),
        (Some(old), None) => Ok(Change::Delete(path(names::old_alone(old))?)),
        (Some(old), Some(new)) => {
            let path = path(&one_name(old, new, line)?)?;
            match (is_epoch(labels.old.1), is_epoch(labels.new.1)) {
                (true, false) => Ok(Change::Create(path)),
                (false, true) => Ok(Change::Delete(path)),
                _ => Ok(Change::Modify { path, may_create: false }),
            }
        }
    }
}

/// Whether a time such as `1970-01-01 01:00:00.000000000 +0100` is the epoch: so `diff -N` marks
/// what is not there.
fn is_epoch(time: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(time) else { return false };
    let mut words = text.split_ascii_whitespace();
    let (Some(day), Some(clock), Some(zone), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return false;
    };
    let day_minutes = match day {
        "1969-12-31" => -24 * 60,
        "1970-01-01" => 0,
        _ => return false,
    };
    let seconds = clock.get(5..).unwrap_or_default();
    let on_the_minute = seconds.starts_with(":00")
        && seconds[3..].trim_matches('0').trim_start_matches('.').is_empty();
    let zone_minutes = match zone.split_at_checked(1) {
        Some(("+", rest)) => minutes(rest),
        Some(("-", rest)) => minutes(rest).map(|minutes| -minutes),
        _ => None,
    };
    let clock_minutes = clock.get(..5).and_then(minutes);
    match (clock_minutes, zone_minutes) {
        (Some(clock), Some(zone)) => on_the_minute && day_minutes + clock == zone,
        _ => false,
    }
}

/// Minutes of `hh:mm` or `hhmm`.
fn minutes(text: &str) -> Option<i32> {
    let digits: String = text.chars().filter(|char| *char != ':').collect();
    let number: i32 =
        digits.parse().ok().filter(|_| digits.len() == 4 && !digits.starts_with(['+', '-']))?;
    Some(number / 100 * 60 + number % 100)
}

#[cfg(test)]
mod tests {
    use super::is_epoch;

    #[test]
    fn only_the_epoch_in_its_zone_is_the_epoch() {
        for (time, epoch) in [
            ("1970-01-01 00:00:00.000000000 +0000", true),
            ("1970-01-01 01:00:00 +0100", true),
            ("1969-12-31 19:00:00.000000000 -0500", true),
            ("1970-01-01 05:30:00 +05:30", true),
            ("1970-01-01 00:00:00 +0100", false),
            ("1970-01-01 00:00:01 +0000", false),
            ("1970-01-01 00:00:00.5 +0000", false),
            ("2026-01-01 00:00:00 +0000", false),
            ("Thu Jan  1 00:00:00 1970", false),
            ("é", false),
            ("", false),
        ] {
            assert_eq!(is_epoch(time.as_bytes()), epoch, "{time}");
        }
    }
}
