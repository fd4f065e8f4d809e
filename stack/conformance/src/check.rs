//! One check: what it does, which requirements it proves, how it is run.

use crate::{context::Context, verdict::Verdict};
use std::{future::Future, pin::Pin, sync::Arc};

/// A check that runs.
pub(crate) type Running = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// When a check is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Beside others, which it can't disturb.
    Beside,
    /// First, because it takes many seconds, beside others.
    Long,
    /// When nothing else runs.
    Alone,
    /// At the very end, because it uses the target's budgets up.
    Last,
    /// Only when it is asked for, as it takes more than a minute; beside others.
    Slow,
}

/// One check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check {
    /// Its name, for `--only`.
    pub(crate) id: &'static str,
    /// What it finds out.
    pub(crate) title: &'static str,
    /// The numbers that it proves.
    pub(crate) proves: &'static [&'static str],
    pub(crate) when: When,
    /// The target dials for it.
    pub(crate) dialled: bool,
    pub(crate) run: fn(Arc<Context>) -> Running,
}

/// A table of checks: `when dialled? id "title" [numbers] function`.
macro_rules! checks {
    ($($when:ident $($dialled:ident)? $id:literal $title:literal [$($number:literal)*] $run:path;)*) => {
        pub(crate) const CHECKS: &[$crate::check::Check] = &[$($crate::check::Check {
            id: $id,
            title: $title,
            proves: &[$($number),*],
            when: $crate::check::When::$when,
            dialled: false $(|| $crate::check::$dialled)?,
            run: |context| Box::pin(async move { $run(&context).await }),
        }),*];
    };
}
pub(crate) use checks;

/// The target dials for it.
#[allow(non_upper_case_globals, reason = "a word of the table")]
pub(crate) const dialled: bool = true;
