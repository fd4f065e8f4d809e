//! Strings: `JSON.stringify` escapes only what must be, and halves of surrogate pairs.

use super::{Fault, Writer};
use std::fmt::Write as _;

impl Writer<'_> {
    pub(super) fn string(&mut self) -> Result<(), Fault> {
        self.expect(b'"')?;
        self.out.push('"');
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let plain = plain(rest.as_bytes()).ok_or(Fault::Ends)?;
            self.out.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                _ => return Err(self.unexpected()),
            }
        }
        self.at += 1;
        self.out.push('"');
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Fault> {
        self.expect(b'\\')?;
        let escaped = self.peek().ok_or(Fault::Ends)?;
        let meant = match escaped {
            b'"' | b'\\' | b'/' => char::from(escaped),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        self.put(meant);
        Ok(())
    }

    /// After `\u`.
    fn unicode(&mut self) -> Result<(), Fault> {
        let unit = self.unit()?;
        if (0xd800..0xdc00).contains(&unit) && self.text.get(self.at..).is_some_and(|rest| rest.starts_with("\\u")) {
            let before = self.at;
            self.at += 2;
            let second = self.unit()?;
            if let Some(Ok(meant)) = char::decode_utf16([unit, second]).next() {
                self.put(meant);
                return Ok(());
            }
            // The second is no half of this pair, and is read by itself.
            self.at = before;
        }
        match char::from_u32(u32::from(unit)) {
            Some(meant) => self.put(meant),
            None => self.hexadecimal(unit),
        }
        Ok(())
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Result<u16, Fault> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16)).ok_or_else(|| self.unexpected())?;
            unit = unit << 4 | digit as u16;
            self.at += 1;
        }
        Ok(unit)
    }

    fn put(&mut self, meant: char) {
        match meant {
            '"' => self.out.push_str("\\\""),
            '\\' => self.out.push_str("\\\\"),
            '\u{8}' => self.out.push_str("\\b"),
            '\u{c}' => self.out.push_str("\\f"),
            '\n' => self.out.push_str("\\n"),
            '\r' => self.out.push_str("\\r"),
            '\t' => self.out.push_str("\\t"),
            '\0'..' ' => self.hexadecimal(meant as u16),
            _ => self.out.push(meant),
        }
    }

    fn hexadecimal(&mut self, unit: u16) {
        // Writing to a string can't fail.
        _ = write!(self.out, "\\u{unit:04x}");
    }
}

/// How many bytes need no attention; `None` if all of them are like that. Most of what a joiner sends is one
/// long string, so they are looked at sixteen at a time, which compilers turn into a few instructions.
fn plain(bytes: &[u8]) -> Option<usize> {
    const AT_ONCE: usize = 16;
    let special = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    let (chunks, _) = bytes.as_chunks::<AT_ONCE>();
    let skipped = chunks.iter().take_while(|chunk| !chunk.iter().fold(false, |any, byte| any | special(*byte))).count();
    let from = skipped * AT_ONCE;
    bytes.get(from..)?.iter().position(|byte| special(*byte)).map(|at| from + at)
}
