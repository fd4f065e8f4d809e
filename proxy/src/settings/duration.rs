//! How a length of time is written: a whole number and a unit, `500ms`, `30s`, `5m`, `2h`.

use super::value::Value;
use std::{fmt, time::Duration};

/// A length of time that a person wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(Duration);

/// Units with their length in milliseconds, longest first.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Ten years: longer than any run, short enough to add to any clock.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 86_400);

impl Span {
    pub(crate) const fn get(self) -> Duration {
        self.0
    }
}

impl Value for Span {
    fn read(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is not a length of time; write a whole number and a unit, as 500ms, 30s or 5m");
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?);
        let (_, millis) = UNITS.into_iter().find(|(name, _)| *name == unit.trim()).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let span = number.checked_mul(millis).map(Duration::from_millis).filter(|span| *span <= LONGEST);
        span.map(Self).ok_or_else(|| format!("{text} is too long; ten years are the most"))
    }

    fn toml(&self) -> String {
        format!("\"{self}\"")
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let fits = |(_, unit): &(&str, u64)| millis != 0 && millis.is_multiple_of(*unit);
        let (name, unit) = UNITS.into_iter().find(fits).unwrap_or(("s", 1000));
        write!(f, "{}{name}", millis / unit)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    #[test]
    fn each_unit_reads_and_writes_itself() {
        for (text, millis) in
            [("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("2h", 7_200_000), ("0s", 0), ("54s", 54_000)]
        {
            let span = Span::read(text).unwrap();
            assert_eq!(span.get(), Duration::from_millis(millis));
            assert_eq!(span.to_string(), text);
        }
    }

    #[test]
    fn the_longest_unit_that_fits_is_written() {
        assert_eq!(Span::read("1000ms").unwrap().to_string(), "1s");
        assert_eq!(Span::read("90s").unwrap().to_string(), "90s");
        assert_eq!(Span::read("1500ms").unwrap().to_string(), "1500ms");
        assert_eq!(Span::read("60 m").unwrap().to_string(), "1h");
    }

    #[test]
    fn what_has_no_unit_or_makes_no_sense_is_refused_with_an_example() {
        for text in ["", "5", "s", "-1s", "1.5s", "5 seconds", "5S", "1m30s", "99999999999999999999s"] {
            assert!(Span::read(text).unwrap_err().contains("500ms, 30s or 5m"), "{text}");
        }
        assert!(Span::read("99999999h").unwrap_err().contains("ten years"));
        assert!(Span::read("18446744073709551615h").unwrap_err().contains("ten years"));
    }
}
