//! The log: tracing's events on standard error, for people or for machines.

use crate::settings::{Filter, LogFormat};
use std::io::{IsTerminal, stderr};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer, filter::filter_fn, layer::SubscriberExt, registry::LookupSpan, util::SubscriberInitExt,
};

/// Libraries that write whole messages at the level trace, and with them credentials and secrets.
const INDISCREET: [&str; 2] = ["tungstenite", "tokio_tungstenite"];

/// Starts logging. To be called once.
pub(crate) fn start(filter: &Filter, format: LogFormat) {
    let builder = tracing_subscriber::fmt().with_env_filter(env_filter(filter)).with_writer(stderr);
    match format {
        LogFormat::Text => builder.with_ansi(stderr().is_terminal()).finish().with(discretion()).init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().with(discretion()).init(),
    }
}

fn env_filter(filter: &Filter) -> EnvFilter {
    // The filter was checked when it was read.
    EnvFilter::try_new(&filter.0).unwrap_or_default()
}

/// Keeps what libraries say of their messages out of the log, whatever the filter asks for.
fn discretion<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    filter_fn(is_discreet)
}

fn is_discreet(metadata: &Metadata<'_>) -> bool {
    let krate = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::DEBUG || !INDISCREET.contains(&krate)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

    use super::*;
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_websocket_carries_is_in_no_log_whatever_the_filter_says() {
        for filter in ["trace", "info,tungstenite=trace,tokio_tungstenite=trace", "tungstenite::protocol=trace,warn"] {
            let written = Written::default();
            let writer = written.clone();
            let subscriber = tracing_subscriber::fmt()
                .with_env_filter(env_filter(&Filter(filter.to_owned())))
                .with_writer(move || writer.clone())
                .finish()
                .with(discretion());
            tracing::subscriber::with_default(subscriber, || {
                tracing::trace!(target: "tungstenite", "secret");
                tracing::trace!(target: "tungstenite::protocol", "secret");
                tracing::trace!(target: "tokio_tungstenite::compat", "secret");
                tracing::debug!(target: "tungstenite::protocol", "of a handshake");
                tracing::error!(target: "tungstenite_like", "of another");
            });
            let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
            assert!(!written.contains("secret"), "{filter}: {written}");
            assert!(written.contains("of a handshake") && written.contains("of another"), "{filter}: {written}");
        }
    }
}
