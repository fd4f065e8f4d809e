//! JUnit XML: a suite for each document, a case for each check; what was not run is skipped.

use super::{Line, Outcome, Report};
use std::fmt::Write;

/// Text for an attribute or an element. XML 1.0 has no way to write most control characters.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' | '\r' => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            c if c.is_control() || c == '\u{fffe}' || c == '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

fn figures(lines: &[&Line]) -> String {
    let failed = lines.iter().filter(|line| matches!(line.outcome, Outcome::Failed { .. })).count();
    let skipped = lines.iter().filter(|line| matches!(line.outcome, Outcome::NotRun { .. })).count();
    format!("tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\"", lines.len())
}

pub(super) fn write(report: &Report) -> String {
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let all: Vec<&Line> = report.lines.iter().collect();
    let _ = writeln!(
        xml,
        "<testsuites name=\"nws conformance of {}\" {} time=\"{:.3}\">",
        escape(&report.target),
        figures(&all),
        report.took.as_secs_f64()
    );
    for (title, lines) in report.groups() {
        let took: f64 = lines.iter().map(|line| line.took.as_secs_f64()).sum();
        let _ = writeln!(xml, "  <testsuite name=\"{}\" {} time=\"{took:.3}\">", escape(title), figures(&lines));
        for line in lines {
            let _ = write!(
                xml,
                "    <testcase classname=\"{}\" name=\"{}: {}\" time=\"{:.3}\">",
                escape(title),
                escape(&line.id),
                escape(&line.title),
                line.took.as_secs_f64()
            );
            match &line.outcome {
                Outcome::Passed => {}
                Outcome::Failed { expected, seen } => {
                    let sentences: Vec<String> =
                        line.sentences().map(|(number, sentence)| format!("{number}: {sentence}")).collect();
                    let _ = write!(
                        xml,
                        "<failure type=\"requirement\" message=\"expected: {}; seen: {}\">{}</failure>",
                        escape(expected),
                        escape(seen),
                        escape(&sentences.join("\n"))
                    );
                }
                Outcome::NotRun { reason, .. } => {
                    let _ = write!(xml, "<skipped message=\"{}\"/>", escape(reason));
                }
            }
            xml.push_str("</testcase>\n");
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}
