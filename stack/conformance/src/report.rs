//! What a run found, in three forms: for people, for test frameworks (JUnit XML), for programs (JSON).

mod json;
mod junit;
mod text;

use crate::spec;
use std::time::Duration;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// JUnit XML.
    Junit,
    /// One JSON object.
    Json,
}

/// How one check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The target does what is asked for.
    Passed,
    /// It doesn't.
    Failed {
        /// What the documents ask for.
        expected: String,
        /// What the target did.
        seen: String,
    },
    /// Nothing is known.
    NotRun {
        /// Why.
        reason: String,
        /// Whether it was asked for, and the target left it without what it needs.
        lacking: bool,
    },
}

/// One check of a run.
#[derive(Debug, Clone)]
pub struct Line {
    /// The name of the check.
    pub id: String,
    /// What it does.
    pub title: String,
    /// The numbers that it proves; the first one says under which document it stands.
    pub numbers: Vec<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

impl Line {
    fn document(&self) -> &'static str {
        spec::title(self.numbers.first().map_or("", String::as_str))
    }

    /// The numbers with their sentences.
    fn sentences(&self) -> impl Iterator<Item = (&str, String)> {
        self.numbers.iter().map(|number| (number.as_str(), spec::sentence(number).unwrap_or_default()))
    }
}

/// A whole run.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was tested, as `tcp://127.0.0.1:9010`.
    pub target: String,
    /// What the target calls itself in Hello; foreign text.
    pub agent: String,
    /// The checks, in the order of the documents.
    pub lines: Vec<Line>,
    /// How long of that it waited for the target's budgets of guesses, which earlier runs had used up.
    pub waited: Duration,
    /// How long it took.
    pub took: Duration,
}

/// How many checks ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Not run.
    pub not_run: usize,
}

impl Report {
    /// How many checks ended how.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let count = |wanted: fn(&Outcome) -> bool| self.lines.iter().filter(|line| wanted(&line.outcome)).count();
        Counts {
            passed: count(|outcome| matches!(outcome, Outcome::Passed)),
            failed: count(|outcome| matches!(outcome, Outcome::Failed { .. })),
            not_run: count(|outcome| matches!(outcome, Outcome::NotRun { .. })),
        }
    }

    /// Whether some check that was asked for could not be run.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.lines.iter().any(|line| matches!(line.outcome, Outcome::NotRun { lacking: true, .. }))
    }

    /// The report as text of a format.
    #[must_use]
    pub fn write(&self, format: Format) -> String {
        match format {
            Format::Text => text::write(self),
            Format::Junit => junit::write(self),
            Format::Json => json::write(self),
        }
    }

    /// The lines of each document, in the order of the documents.
    fn groups(&self) -> Vec<(&'static str, Vec<&Line>)> {
        let titles = spec::DOCUMENTS.iter().map(|(_, title, _)| *title);
        let of = |title| self.lines.iter().filter(|line| line.document() == title).collect::<Vec<_>>();
        titles.map(|title| (title, of(title))).filter(|(_, lines)| !lines.is_empty()).collect()
    }
}

/// Foreign text for a line of a report: without characters that move a terminal's cursor.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests;
