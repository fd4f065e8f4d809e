//! One JSON object: the target, the counts, and each check with its requirements and their sentences.

use super::{Outcome, Report};
use serde_json::{Value, json};

pub(super) fn write(report: &Report) -> String {
    let counts = report.counts();
    let checks: Vec<Value> = report
        .lines
        .iter()
        .map(|line| {
            let requirements: Vec<Value> =
                line.sentences().map(|(number, text)| json!({ "number": number, "text": text })).collect();
            let mut check = json!({
                "id": line.id,
                "title": line.title,
                "document": line.document(),
                "requirements": requirements,
                "seconds": line.took.as_secs_f64(),
            });
            let (outcome, more): (&str, &[(&str, &String)]) = match &line.outcome {
                Outcome::Passed => ("passed", &[]),
                Outcome::Failed { expected, seen } => ("failed", &[("expected", expected), ("seen", seen)]),
                Outcome::NotRun { reason, .. } => ("not run", &[("reason", reason)]),
            };
            if let Some(members) = check.as_object_mut() {
                members.insert("outcome".to_owned(), outcome.into());
                members.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())));
            }
            check
        })
        .collect();
    let whole = json!({
        "target": report.target,
        "agent": report.agent,
        "passed": counts.passed,
        "failed": counts.failed,
        "not_run": counts.not_run,
        "seconds": report.took.as_secs_f64(),
        "seconds_busy": report.waited.as_secs_f64(),
        "checks": checks,
    });
    format!("{whole:#}\n")
}
