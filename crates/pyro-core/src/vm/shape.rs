//! The shape of a vm: how many CPUs, how much memory, how long it lives.

use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Limits of the contract.
pub mod limits {
    use std::ops::RangeInclusive;

    /// Virtual CPUs of one vm.
    pub const VCPU_COUNT: RangeInclusive<u32> = 1..=8;
    /// Memory of one vm, in MiB.
    pub const MEM_MIB: RangeInclusive<u32> = 256..=32_768;
    /// Length of a page of output, in bytes.
    pub const PAGE_LENGTH: RangeInclusive<u32> = 1..=1_048_576;
    /// Length of a page where none is asked for, in bytes.
    pub const DEFAULT_PAGE_LENGTH: u32 = 65_536;
    /// Shortest lifetime, in seconds.
    pub const MIN_TTL_SECONDS: u32 = 60;
    /// Virtual CPUs where none are asked for.
    pub const DEFAULT_VCPU_COUNT: u32 = 1;
    /// Memory where none is asked for, in MiB.
    pub const DEFAULT_MEM_MIB: u32 = 1024;
    /// Lifetime where none is asked for, in seconds.
    pub const DEFAULT_TTL_SECONDS: u32 = 600;
    /// Limit of a command where none is asked for, in seconds.
    pub const DEFAULT_TIMEOUT_SECONDS: u32 = 30;
}

/// A checked shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Virtual CPUs.
    pub vcpu_count: u8,
    /// Memory in MiB.
    pub mem_mib: u32,
    /// Lifetime from creation, in seconds.
    pub ttl_seconds: u32,
}

/// A number outside its limits.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name} is {value}; it must be {expected}")]
pub struct OutOfRange {
    /// The parameter.
    pub name: &'static str,
    /// What was asked for.
    pub value: String,
    /// What may be asked for.
    pub expected: String,
}

impl Shape {
    /// Check the numbers against [`crate::limits`].
    ///
    /// # Errors
    /// [`OutOfRange`], naming the first one that is.
    pub fn new(
        vcpu_count: impl Into<i64>,
        mem_mib: impl Into<i64>,
        ttl_seconds: impl Into<i64>,
    ) -> Result<Self, OutOfRange> {
        let vcpu_count = within("vcpu_count", vcpu_count.into(), &limits::VCPU_COUNT, "")?;
        let mem_mib = within("mem_mib", mem_mib.into(), &limits::MEM_MIB, " MiB")?;
        let ttl_seconds = at_least("ttl_seconds", ttl_seconds.into(), limits::MIN_TTL_SECONDS)?;
        let vcpu_count = u8::try_from(vcpu_count).unwrap_or(u8::MAX);
        Ok(Self { vcpu_count, mem_mib, ttl_seconds })
    }
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            vcpu_count: 1,
            mem_mib: limits::DEFAULT_MEM_MIB,
            ttl_seconds: limits::DEFAULT_TTL_SECONDS,
        }
    }
}

/// A workspace's lifetime in seconds, checked; zero: none.
///
/// # Errors
/// [`OutOfRange`].
pub fn lifetime(seconds: impl Into<i64>) -> Result<u32, OutOfRange> {
    match seconds.into() {
        0 => Ok(0),
        seconds => at_least("ttl_seconds", seconds, limits::MIN_TTL_SECONDS)
            .map_err(|error| OutOfRange { expected: format!("0 or {}", error.expected), ..error }),
    }
}

/// A command's limit in seconds, checked.
///
/// # Errors
/// [`OutOfRange`] for less than one.
pub fn timeout(seconds: impl Into<i64>) -> Result<std::time::Duration, OutOfRange> {
    at_least("timeout_seconds", seconds.into(), 1)
        .map(|seconds| std::time::Duration::from_secs(seconds.into()))
}

/// The length of a page of output in bytes, checked.
///
/// # Errors
/// [`OutOfRange`] for zero and for more than [`limits::PAGE_LENGTH`] allows.
pub fn page_length(bytes: u32) -> Result<usize, OutOfRange> {
    within("length", bytes.into(), &limits::PAGE_LENGTH, " bytes")?;
    Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
}

pub(crate) fn within(
    name: &'static str,
    value: i64,
    range: &RangeInclusive<u32>,
    unit: &str,
) -> Result<u32, OutOfRange> {
    u32::try_from(value).ok().filter(|value| range.contains(value)).ok_or_else(|| {
        let expected = format!("between {} and {}{unit}", range.start(), range.end());
        OutOfRange { name, value: value.to_string(), expected }
    })
}

pub(crate) fn at_least(name: &'static str, value: i64, min: u32) -> Result<u32, OutOfRange> {
    u32::try_from(value).ok().filter(|value| *value >= min).ok_or_else(|| {
        let expected = if value < min.into() {
            format!("at least {min}")
        } else {
            format!("at most {}", u32::MAX)
        };
        OutOfRange { name, value: value.to_string(), expected }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_the_contract() {
        let table: [(i64, i64, i64, _); 11] = [
            (1, 256, 60, None),
            (8, 32_768, 1_000_000, None),
            (0, 1024, 600, Some("vcpu_count")),
            (9, 1024, 600, Some("vcpu_count")),
            (1, 255, 600, Some("mem_mib")),
            (1, 32_769, 600, Some("mem_mib")),
            (1, 1024, 59, Some("ttl_seconds")),
            (-1, 1024, 600, Some("vcpu_count")),
            (1, 99_999_999_999, 600, Some("mem_mib")),
            (1, 1024, -1, Some("ttl_seconds")),
            (1, 1024, 1 << 32, Some("ttl_seconds")),
        ];
        for (vcpu, mem, ttl, wrong) in table {
            assert_eq!(Shape::new(vcpu, mem, ttl).err().map(|error| error.name), wrong);
        }
        assert!(timeout(0).is_err() && timeout(-1).is_err() && timeout(1_i64 << 32).is_err());
        assert_eq!((lifetime(0), lifetime(60)), (Ok(0), Ok(60)));
        assert_eq!(
            lifetime(59).unwrap_err().to_string(),
            "ttl_seconds is 59; it must be 0 or at least 60"
        );
        let told = Shape::new(1, 99_999_999_999_i64, 60).unwrap_err().to_string();
        assert_eq!(told, "mem_mib is 99999999999; it must be between 256 and 32768 MiB");
    }
}
