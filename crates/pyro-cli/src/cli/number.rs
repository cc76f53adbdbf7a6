//! Value parsers of whole numbers, whose errors state what the number must be.

use std::ops::RangeInclusive;

/// Parse any whole number; core checks the bounds of those that all surfaces share.
pub(crate) fn integer() -> impl Fn(&str) -> Result<i64, String> + Clone + Send + Sync + 'static {
    |text| text.parse().map_err(|_| "it must be a whole number".to_owned())
}

/// Parse a whole number in `range`.
pub(crate) fn whole<T>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: Copy + TryFrom<u64> + Into<u64> + Send + Sync + 'static,
{
    let (start, end): (u64, u64) = ((*range.start()).into(), (*range.end()).into());
    let constraint = match (start, end) {
        (0, u64::MAX) => "it must be a whole number, 0 or more".to_owned(),
        (start, u64::MAX) => format!("it must be a whole number of at least {start}"),
        (start, end) => format!("it must be a whole number between {start} and {end}"),
    };
    move |text| {
        let number = text.parse().ok().filter(|number| (start..=end).contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| constraint.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::{integer, whole};

    #[test]
    fn numbers_are_taken_within_their_bounds() {
        assert_eq!(whole(1_u32..=256)("256"), Ok(256));
        assert_eq!(whole(0_u64..=u64::MAX)("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(integer()("-5"), Ok(-5));
        for text in ["0", "257", "-1", "2g", "", " 1", "1.5", "99999999999999999999"] {
            assert_eq!(
                whole(1_u32..=256)(text),
                Err("it must be a whole number between 1 and 256".to_owned())
            );
        }
        assert_eq!(
            whole(0_u64..=u64::MAX)("x"),
            Err("it must be a whole number, 0 or more".to_owned())
        );
        assert_eq!(
            whole(1_u64..=u64::MAX)("0"),
            Err("it must be a whole number of at least 1".to_owned())
        );
        assert_eq!(integer()("2g"), Err("it must be a whole number".to_owned()));
    }
}
