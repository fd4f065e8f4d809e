//! Numbers: the nearest double, in the form of ECMA-262's `Number::toString`.

use super::{Fault, Writer};

/// A whole number of so many digits is a double, and is written as it was read.
const EXACT_DIGITS: usize = 15;

impl Writer<'_> {
    pub(super) fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let whole = self.at;
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.unexpected()),
        }
        let mut exact = self.at - whole <= EXACT_DIGITS;
        if self.peek() == Some(b'.') {
            exact = false;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            exact = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        let number = self.text.get(start..self.at).unwrap_or_default();
        if exact && number != "-0" {
            self.out.push_str(number);
        } else {
            // The grammar of Rust's numbers has all of JSON's.
            put(&mut self.out, number.parse().map_err(|_| Fault::Unexpected(start))?);
        }
        Ok(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected()) } else { Ok(()) }
    }
}

/// ECMA-262 section 6.1.6.1.20; what is not finite is `null` to `JSON.stringify`.
fn put(out: &mut String, number: f64) {
    if !number.is_finite() {
        out.push_str("null");
        return;
    }
    if number == 0.0 {
        out.push('0');
        return;
    }
    // Rust gives the shortest digits that read back as the same number, as JavaScript does.
    let scientific = format!("{:e}", number.abs());
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits = digits.replace('.', "");
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if number < 0.0 {
        out.push('-');
    }
    let zeros = |count: usize| std::iter::repeat_n('0', count);
    match exponent {
        0..=20 => {
            let whole = exponent.unsigned_abs() as usize + 1;
            match digits.split_at_checked(whole) {
                Some((before, after)) if !after.is_empty() => out.extend([before, ".", after]),
                _ => {
                    out.push_str(&digits);
                    out.extend(zeros(whole - digits.len()));
                }
            }
        }
        -6..=-1 => {
            out.push_str("0.");
            out.extend(zeros(exponent.unsigned_abs() as usize - 1));
            out.push_str(&digits);
        }
        _ => {
            let (first, rest) = digits.split_at_checked(1).unwrap_or((&digits, ""));
            out.push_str(first);
            if !rest.is_empty() {
                out.extend([".", rest]);
            }
            out.push_str(if exponent < 0 { "e-" } else { "e+" });
            out.push_str(&exponent.unsigned_abs().to_string());
        }
    }
}
