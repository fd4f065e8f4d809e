//! For people: a line for each check, grouped by document; what failed says what was expected and what was seen.

use super::{Outcome, Report, plain};
use std::fmt::Write;

pub(super) fn write(report: &Report) -> String {
    let mut text = format!("target: {}, which calls itself {:?}\n", report.target, plain(&report.agent));
    for (title, lines) in report.groups() {
        let _ = writeln!(text, "\n{title}");
        for line in lines {
            let (mark, rest) = match &line.outcome {
                Outcome::Passed => ("ok     ", String::new()),
                Outcome::Failed { .. } => ("FAILED ", String::new()),
                Outcome::NotRun { reason, .. } => ("not run", format!(" ({})", plain(reason))),
            };
            let numbers = line.numbers.join(" ");
            let _ = writeln!(text, "  {mark} {}: {} [{numbers}]{rest}", line.id, line.title);
            if let Outcome::Failed { expected, seen } = &line.outcome {
                let _ = writeln!(text, "            expected: {}", plain(expected));
                let _ = writeln!(text, "            seen:     {}", plain(seen));
                for (number, sentence) in line.sentences() {
                    let _ = writeln!(text, "            {number}: {sentence}");
                }
            }
        }
    }
    let counts = report.counts();
    let _ = writeln!(
        text,
        "\n{} passed, {} failed, {} not run, in {:.1} s",
        counts.passed,
        counts.failed,
        counts.not_run,
        report.took.as_secs_f64()
    );
    if !report.waited.is_zero() {
        let _ = writeln!(
            text,
            "{:.0} s of that it waited for the target's budgets of guesses, which earlier runs had used up",
            report.waited.as_secs_f64().ceil()
        );
    }
    text
}
