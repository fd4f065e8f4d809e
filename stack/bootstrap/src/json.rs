//! What `JSON.stringify(JSON.parse(text))` makes of a text, in one pass over its bytes.
//!
//! The original reads every message and writes it anew, so that is what its clients see: no spaces,
//! numbers in their shortest form, the last of several members with one name, members that look like
//! an index of an array first. It knows two names of the outermost object: `origin`, which it sets, and
//! `destination`, which it finds. What they mean is not known here.

mod number;
mod object;
mod string;

#[cfg(test)]
mod tests;

use object::Member;
use std::ops::Range;

/// How deep a text may nest: as deep as serde_json reads by default. A session description needs three levels.
const MAX_DEPTH: usize = 128;

/// Why a text is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the message ends inside its JSON")]
    Ends,
    #[error("not JSON at byte {0}")]
    Unexpected(usize),
    #[error("the JSON nests more than {MAX_DEPTH} levels deep")]
    Deep,
}

/// A text that was written anew.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rewritten {
    pub(crate) text: String,
    /// Where in the text the value of the outermost object's `destination` is.
    destination: Option<Range<usize>>,
}

impl Rewritten {
    /// The value of `destination` as JSON, if the text is an object that has it.
    pub(crate) fn destination(&self) -> Option<&str> {
        self.text.get(self.destination.clone()?)
    }
}

/// Writes the text anew. If it is an object, the value of its `origin` becomes this string, in the place
/// where one was, or last. The string is put in as it is, so it must need no escapes.
pub(crate) fn rewrite(text: &str, origin: &str) -> Result<Rewritten, Fault> {
    let mut writer = Writer {
        text,
        at: 0,
        // Only numbers may grow, and not by much.
        out: String::with_capacity(text.len() + origin.len() + 16),
        members: Vec::new(),
        destination: None,
    };
    writer.space();
    if writer.peek() == Some(b'{') {
        writer.object(1, Some(origin))?;
    } else {
        writer.value(0)?;
    }
    writer.space();
    if writer.at < text.len() {
        return Err(Fault::Unexpected(writer.at));
    }
    Ok(Rewritten { text: writer.out, destination: writer.destination })
}

struct Writer<'a> {
    text: &'a str,
    at: usize,
    out: String,
    /// The members of all objects that are open, the innermost last.
    members: Vec<Member>,
    destination: Option<Range<usize>>,
}

impl Writer<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// What to say about the byte that is next.
    fn unexpected(&self) -> Fault {
        if self.at < self.text.len() { Fault::Unexpected(self.at) } else { Fault::Ends }
    }

    /// Goes past this byte, or fails.
    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.peek() != Some(byte) {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<(), Fault> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.object(depth + 1, None),
            Some(b'[') => self.array(depth + 1),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Fault> {
        for byte in word.bytes() {
            self.expect(byte)?;
        }
        self.out.push_str(word);
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), Fault> {
        if depth > MAX_DEPTH {
            return Err(Fault::Deep);
        }
        self.expect(b'[')?;
        self.out.push('[');
        self.space();
        if self.peek() != Some(b']') {
            loop {
                self.space();
                self.value(depth)?;
                self.space();
                if self.peek() != Some(b',') {
                    break;
                }
                self.at += 1;
                self.out.push(',');
            }
        }
        self.expect(b']')?;
        self.out.push(']');
        Ok(())
    }
}
