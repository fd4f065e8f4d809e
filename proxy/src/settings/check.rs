//! What settings demand of each other. Each refusal names both settings, their values, and what to do.

use super::{Settings, Size, Span};
use nws_hub::HubLimits;
use nws_protocol::limits::{FRAME_OVERHEAD_BYTES, MAX_FRAME_BYTES_CEILING};
use std::time::Duration;

/// Room for the ids and names around the data of a message.
const OVERHEAD: Size = Size::of(FRAME_OVERHEAD_BYTES);

impl Settings {
    /// Checks them against each other.
    ///
    /// # Errors
    /// With words, when two contradict each other.
    pub(crate) fn check(&self) -> Result<(), String> {
        let message = self.max_message_bytes;
        let largest = Size::of(MAX_FRAME_BYTES_CEILING - FRAME_OVERHEAD_BYTES);
        if message.bytes() == 0 || message > largest {
            return Err(format!("max-message-bytes is {message}; it must be at least 1B and at most {largest}"));
        }
        let needed = Size::of(message.bytes() + OVERHEAD.bytes());
        for (name, room) in [
            ("channel-log-bytes", self.channel_log_bytes),
            ("client-queue-bytes", self.client_queue_bytes),
            ("lane-queue-bytes", self.lane_queue_bytes),
        ] {
            if room < needed {
                return Err(format!(
                    "{name} is {room}, too small for one message: max-message-bytes is {message} and {OVERHEAD} go around it; \
                     set {name} to {needed} or more, or max-message-bytes lower"
                ));
            }
        }
        for (name, span) in [
            ("ping-interval", self.ping_interval),
            ("link-ping", self.link_ping),
            ("link-silence", self.link_silence),
            ("client-stall", self.client_stall),
            ("lane-stall", self.lane_stall),
        ] {
            if span.get() < Duration::from_millis(10) {
                return Err(format!("{name} is {span}; it must be at least 10ms"));
            }
        }
        let tls = [
            ("tls-port", self.tls_port.is_some()),
            ("tls-cert", self.tls_cert.is_some()),
            ("tls-key", self.tls_key.is_some()),
        ];
        if let (Some((given, _)), Some((missing, _))) = (tls.iter().find(|(_, is)| *is), tls.iter().find(|(_, is)| !is))
        {
            return Err(format!("{given} is set and {missing} is not; tls-port, tls-cert and tls-key need each other"));
        }
        if self.tls_port == Some(self.port) && self.port != 0 {
            return Err(format!("port and tls-port are both {}; they must differ", self.port));
        }
        shorter(
            ("client-stall", self.client_stall),
            ("lane-stall", self.lane_stall),
            "so that a stuck client is closed before it costs a whole link",
        )?;
        let (rate, burst) = (self.client_min_rate, Size::of(HubLimits::default().client_burst_bytes as usize));
        if rate.bytes() as f64 * self.lane_stall.get().as_secs_f64() <= burst.bytes() as f64 {
            return Err(format!(
                "client-min-rate is {rate}, at which a client may lag by {burst} for longer than lane-stall, which is {}; set one of \
                 them higher, so that a stuck client is closed before it costs a whole link",
                self.lane_stall
            ));
        }
        shorter(
            ("link-ping", self.link_ping),
            ("link-silence", self.link_silence),
            "so that a quiet link is asked before it is given up",
        )
    }
}

fn shorter(short: (&str, Span), long: (&str, Span), why: &str) -> Result<(), String> {
    if short.1 < long.1 {
        return Ok(());
    }
    Err(format!("{} is {} and {} is {}; the first must be shorter, {why}", short.0, short.1, long.0, long.1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::super::{Settings, TABLE};

    fn check(changes: &[(&str, &str)]) -> Result<(), String> {
        let given: Vec<(&str, Vec<String>)> = TABLE
            .iter()
            .map(|s| match changes.iter().find(|(name, _)| *name == s.name) {
                Some((_, value)) => (s.name, vec![(*value).to_owned()]),
                None => (s.name, s.default.iter().map(ToString::to_string).collect()),
            })
            .collect();
        Settings::read(|name| given.iter().find(|(n, _)| *n == name).map_or(&[], |(_, v)| v.as_slice()))
            .unwrap()
            .check()
    }

    #[test]
    fn a_message_fits_into_every_queue() {
        for name in ["channel-log-bytes", "client-queue-bytes", "lane-queue-bytes"] {
            let words = check(&[(name, "1MiB")]).unwrap_err();
            assert!(words.contains(name) && words.contains("set ") && words.contains("1025KiB"), "{words}");
            check(&[(name, "1025KiB")]).unwrap();
        }
        check(&[("max-message-bytes", "100"), ("channel-log-bytes", "2KiB")]).unwrap();
    }

    #[test]
    fn a_message_fits_into_a_frame() {
        assert!(check(&[("max-message-bytes", "65MiB")]).unwrap_err().contains("at most"));
        assert!(check(&[("max-message-bytes", "0")]).unwrap_err().contains("at least"));
    }

    #[test]
    fn what_tls_needs_is_there() {
        let words = check(&[("tls-port", "9443")]).unwrap_err();
        assert!(words.contains("tls-port is set and tls-cert is not"), "{words}");
        let words = check(&[("tls-cert", "a"), ("tls-key", "b")]).unwrap_err();
        assert!(words.contains("tls-cert is set and tls-port is not"), "{words}");
        check(&[("tls-cert", "a"), ("tls-key", "b"), ("tls-port", "9443")]).unwrap();
        let words = check(&[("tls-cert", "a"), ("tls-key", "b"), ("tls-port", "9009")]).unwrap_err();
        assert!(words.contains("both 9009"), "{words}");
        check(&[("tls-cert", "a"), ("tls-key", "b"), ("tls-port", "0"), ("port", "0")]).unwrap();
    }

    #[test]
    fn times_stand_in_order() {
        assert!(check(&[("client-stall", "1m")]).unwrap_err().contains("lane-stall is 1m"));
        let words = check(&[("client-min-rate", "8KiB")]).unwrap_err();
        assert!(words.contains("client-min-rate is 8KiB") && words.contains("lane-stall, which is 1m"), "{words}");
        assert!(check(&[("client-min-rate", "0B")]).is_err());
        check(&[("client-min-rate", "8KiB"), ("lane-stall", "2m")]).unwrap();
        assert!(check(&[("link-silence", "5s")]).unwrap_err().contains("link-ping is 5s"));
        assert!(check(&[("ping-interval", "0s")]).unwrap_err().contains("at least"));
        check(&[("shutdown-deadline", "0s")]).unwrap();
    }
}
