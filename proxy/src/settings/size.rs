//! How a number of bytes is written: a whole number and a unit, `64KiB`, `1MiB`, or a plain number
//! of bytes.

use super::value::Value;
use std::fmt;

/// A number of bytes that a person wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(usize);

/// Units, largest first.
const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// More than any buffer of this program may hold, and it still adds up in 32 bits.
const LARGEST: u64 = 1 << 30;

impl Size {
    pub(crate) const fn bytes(self) -> usize {
        self.0
    }

    pub(crate) const fn of(bytes: usize) -> Self {
        Self(bytes)
    }
}

impl Value for Size {
    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a size; write a whole number and a unit, as 512B, 64KiB or 1MiB");
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let unit = if unit.trim().is_empty() { "B" } else { unit.trim() };
        let (_, factor) = UNITS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let bytes = number.checked_mul(factor).filter(|bytes| *bytes <= LARGEST);
        let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok());
        bytes.map(Self).ok_or_else(|| format!("{text} is too large; 1GiB is the most"))
    }

    fn toml(&self) -> String {
        format!("\"{self}\"")
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0 as u64;
        let fits = |(_, unit): &(&str, u64)| bytes != 0 && bytes.is_multiple_of(*unit);
        let (name, unit) = UNITS.into_iter().find(fits).unwrap_or(("B", 1));
        write!(f, "{}{name}", bytes / unit)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    #[test]
    fn each_unit_reads_and_writes_itself() {
        for (text, bytes) in [("512B", 512), ("64KiB", 65_536), ("1MiB", 1 << 20), ("1GiB", 1 << 30), ("0B", 0)] {
            let size = Size::read(text).unwrap();
            assert_eq!(size.bytes(), bytes);
            assert_eq!(size.to_string(), text);
        }
    }

    #[test]
    fn a_plain_number_is_bytes_and_case_does_not_matter() {
        assert_eq!(Size::read("8192").unwrap().to_string(), "8KiB");
        assert_eq!(Size::read("100").unwrap().bytes(), 100);
        assert_eq!(Size::read("1 mib").unwrap().bytes(), 1 << 20);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_an_example() {
        for text in ["", "KiB", "-1", "1.5MiB", "64KB", "64k", "1MiB2", "999999999999999999999"] {
            assert!(Size::read(text).unwrap_err().contains("64KiB or 1MiB"), "{text}");
        }
        assert!(Size::read("2GiB").unwrap_err().contains("1GiB is the most"));
        assert!(Size::read("18446744073709551615GiB").unwrap_err().contains("1GiB is the most"));
    }
}
