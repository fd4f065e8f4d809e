//! The log: tracing's events on standard error, for people or for machines.

use crate::settings::{Filter, LogFormat};
use std::io::{IsTerminal, stderr};
use tracing_subscriber::EnvFilter;

/// Starts logging. To be called once.
pub(crate) fn start(filter: &Filter, format: LogFormat) {
    // The filter was checked when it was read.
    let filter = EnvFilter::try_new(&filter.0).unwrap_or_default();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match format {
        LogFormat::Text => builder.with_ansi(stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}
