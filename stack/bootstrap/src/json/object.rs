//! Objects: one member for each name, with the last of its values, where the first of them was; but
//! indices of arrays come first, by size, as every JavaScript engine orders them.

use super::{Fault, MAX_DEPTH, Writer};
use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

/// Up to so many members are compared each with each. A guess.
const FEW: usize = 16;

/// One member of an object, by where it is in what was written.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// With quotes.
    name: Range<usize>,
    value: Range<usize>,
}

impl Writer<'_> {
    /// With an origin: the outermost object.
    pub(super) fn object(&mut self, depth: usize, origin: Option<&str>) -> Result<(), Fault> {
        if depth > MAX_DEPTH {
            return Err(Fault::Deep);
        }
        let start = self.out.len();
        let first = self.members.len();
        let mut has_origin = false;
        self.expect(b'{')?;
        self.out.push('{');
        self.space();
        if self.peek() != Some(b'}') {
            loop {
                self.space();
                let name = self.out.len();
                self.string()?;
                let name = name..self.out.len();
                self.space();
                self.expect(b':')?;
                self.out.push(':');
                self.space();
                let value = self.out.len();
                self.value(depth)?;
                if let Some(origin) = origin
                    && self.out.get(name.clone()) == Some("\"origin\"")
                {
                    has_origin = true;
                    self.out.truncate(value);
                    self.out.extend(["\"", origin, "\""]);
                }
                self.members.push(Member { name, value: value..self.out.len() });
                self.space();
                if self.peek() != Some(b',') {
                    break;
                }
                self.at += 1;
                self.out.push(',');
            }
        }
        self.expect(b'}')?;
        if let Some(origin) = origin
            && !has_origin
        {
            if self.members.len() > first {
                self.out.push(',');
            }
            self.out.extend(["\"origin\":\"", origin, "\""]);
        }
        self.out.push('}');
        self.tidy(start, first, origin);
        if origin.is_some() {
            self.find_destination(first);
        }
        self.members.truncate(first);
        Ok(())
    }

    fn name(&self, member: &Member) -> &str {
        self.out.get(member.name.clone()).unwrap_or_default()
    }

    /// Writes the object that starts there once more, if its members are not as they must be.
    fn tidy(&mut self, start: usize, first: usize, origin: Option<&str>) {
        let members = self.members.get(first..).unwrap_or_default();
        if !members.iter().any(|member| index(self.name(member)).is_some()) && !self.doubles(members) {
            return;
        }
        let mut places = HashMap::with_capacity(members.len());
        let mut kept: Vec<Member> = Vec::with_capacity(members.len());
        for member in members {
            let place = *places.entry(self.name(member)).or_insert(kept.len());
            match kept.get_mut(place) {
                Some(earlier) => earlier.value = member.value.clone(),
                None => kept.push(member.clone()),
            }
        }
        // Stable: what is no index stays in its order, behind those that are.
        kept.sort_by_key(|member| index(self.name(member)).map_or(u64::MAX, u64::from));
        let mut tidied = String::with_capacity(self.out.len() - start);
        let mut written = Vec::with_capacity(kept.len());
        tidied.push('{');
        for member in &kept {
            if !written.is_empty() {
                tidied.push(',');
            }
            let name = start + tidied.len();
            tidied.push_str(self.name(member));
            let name = name..start + tidied.len();
            tidied.push(':');
            let value = start + tidied.len();
            tidied.push_str(self.out.get(member.value.clone()).unwrap_or_default());
            written.push(Member { name, value: value..start + tidied.len() });
        }
        if let Some(origin) = origin
            && !kept.iter().any(|member| self.name(member) == "\"origin\"")
        {
            tidied.extend([",\"origin\":\"", origin, "\""]);
        }
        tidied.push('}');
        self.out.truncate(start);
        self.out.push_str(&tidied);
        self.members.truncate(first);
        self.members.append(&mut written);
    }

    fn doubles(&self, members: &[Member]) -> bool {
        if members.len() > FEW {
            let mut seen = HashSet::with_capacity(members.len());
            return !members.iter().all(|member| seen.insert(self.name(member)));
        }
        let mut rest = members.iter();
        while let Some(member) = rest.next() {
            if rest.clone().any(|other| self.name(other) == self.name(member)) {
                return true;
            }
        }
        false
    }

    fn find_destination(&mut self, first: usize) {
        let members = self.members.get(first..).unwrap_or_default();
        let found = members.iter().find(|member| self.name(member) == "\"destination\"");
        self.destination = found.map(|member| member.value.clone());
    }
}

/// The index of an array that a name in quotes is, in the one way to write it.
fn index(name: &str) -> Option<u32> {
    let digits = name.strip_prefix('"')?.strip_suffix('"')?;
    if !digits.starts_with(|first: char| first.is_ascii_digit()) || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    // `+1` has no digit first; the largest is no index.
    digits.parse().ok().filter(|index| *index < u32::MAX)
}
