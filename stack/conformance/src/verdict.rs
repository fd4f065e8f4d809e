//! What a check finds: it passed, or what was expected and what was seen, or why it could not be run.

/// Why a check did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The target broke the requirement.
    Failed {
        /// What the documents ask for.
        expected: String,
        /// What the target did.
        seen: String,
    },
    /// The check says nothing about the target.
    NotRun(String),
}

/// How a check ended.
pub(crate) type Verdict = Result<(), Trouble>;

/// The target did something else.
pub(crate) fn failed(expected: impl Into<String>, seen: impl Into<String>) -> Trouble {
    Trouble::Failed { expected: expected.into(), seen: seen.into() }
}

/// The check can't be run here.
pub(crate) fn not_run(why: impl Into<String>) -> Trouble {
    Trouble::NotRun(why.into())
}

/// Fails unless it is so.
pub(crate) fn ensure(so: bool, expected: impl Into<String>, seen: impl Into<String>) -> Verdict {
    if so { Ok(()) } else { Err(failed(expected, seen)) }
}
