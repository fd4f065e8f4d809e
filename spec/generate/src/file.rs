//! What all files of vectors have in common: the head, and the frame of a case.

use crate::json::{Json, hex, object};
use nws_protocol::LinkCode;
use std::collections::BTreeSet;

/// The version of the files' format. It grows when a reader of the files has to change.
const FORMAT_VERSION: u32 = 1;

/// One file of vectors.
pub(crate) struct File {
    /// Without `.json`.
    pub(crate) name: &'static str,
    /// The document whose sentences it checks, and its sections.
    pub(crate) document: &'static str,
    pub(crate) sections: &'static [&'static str],
    /// What it is for and how a case is to be read.
    pub(crate) about: &'static [&'static str],
    /// What each flag says.
    pub(crate) flags: &'static [(&'static str, &'static str)],
    pub(crate) cases: Vec<Case>,
}

impl File {
    /// The file's name, and its text.
    pub(crate) fn render(self) -> (String, String) {
        let mut ids = BTreeSet::new();
        for case in &self.cases {
            assert!(ids.insert(case.id.clone()), "{}: two cases are called {}", self.name, case.id);
            for flag in &case.flags {
                assert!(self.flags.iter().any(|(known, _)| known == flag), "{}: {flag} is not explained", self.name);
            }
        }
        for (flag, _) in self.flags {
            assert!(self.cases.iter().any(|case| case.flags.contains(flag)), "{}: {flag} is not used", self.name);
        }
        let file = object! {
            "$schema": format!("schema/{}.schema.json", self.name),
            "version": FORMAT_VERSION,
            "document": self.document,
            "sections": self.sections.to_vec(),
            "about": self.about.to_vec(),
            "flags": Json::Object(self.flags.iter().map(|(flag, means)| ((*flag).to_owned(), (*means).into())).collect()),
            "count": self.cases.len(),
            "cases": self.cases.into_iter().map(Case::json).collect::<Vec<_>>(),
        };
        (format!("{}.json", self.name), file.render(0) + "\n")
    }
}

/// One case: what goes in, and what must come of it.
pub(crate) struct Case {
    id: String,
    comment: String,
    requirements: &'static [&'static str],
    flags: Vec<&'static str>,
    inputs: Vec<(String, Json)>,
    result: &'static str,
    expected: Vec<(String, Json)>,
}

impl Case {
    /// With another word for what must come of it than `valid` or `invalid`.
    pub(crate) fn new(id: &str, comment: &str, requirements: &'static [&'static str], result: &'static str) -> Self {
        Self {
            id: id.to_owned(),
            comment: comment.to_owned(),
            requirements,
            flags: Vec::new(),
            inputs: Vec::new(),
            result,
            expected: Vec::new(),
        }
    }

    pub(crate) fn valid(id: &str, comment: &str, requirements: &'static [&'static str]) -> Self {
        Self::new(id, comment, requirements, "valid")
    }

    pub(crate) fn invalid(id: &str, comment: &str, requirements: &'static [&'static str], reason: &str) -> Self {
        Self::new(id, comment, requirements, "invalid").expect("reason", reason)
    }

    pub(crate) fn flag(mut self, flag: &'static str) -> Self {
        self.flags.push(flag);
        self
    }

    pub(crate) fn input(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.inputs.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn hex(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.input(name, hex(bytes))
    }

    pub(crate) fn expect(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.expected.push((name.to_owned(), value.into()));
        self
    }

    /// The code with which the link is closed.
    pub(crate) fn code(self, code: LinkCode) -> Self {
        self.expect("code", code.number()).expect("code_name", format!("{code:?}"))
    }

    fn json(self) -> Json {
        let mut json = object! {
            "id": self.id,
            "comment": self.comment,
            "requirements": self.requirements.to_vec(),
            "flags": self.flags,
        };
        for (name, value) in self.inputs {
            json = json.with(&name, value);
        }
        json = json.with("result", self.result);
        for (name, value) in self.expected {
            json = json.with(&name, value);
        }
        json
    }
}
