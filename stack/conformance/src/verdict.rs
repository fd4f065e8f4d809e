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
    /// It can't be run with what the user gave, or there is nothing to check.
    NotRun(String),
    /// It was asked for, and the target left it without what it needs.
    Lacking(String),
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

/// The target leaves the check without what it needs.
pub(crate) fn lacking(why: impl Into<String>) -> Trouble {
    Trouble::Lacking(why.into())
}

/// Fails unless it is so.
pub(crate) fn ensure(so: bool, expected: impl Into<String>, seen: impl Into<String>) -> Verdict {
    if so { Ok(()) } else { Err(failed(expected, seen)) }
}
