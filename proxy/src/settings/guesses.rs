//! How a budget of guesses is written: how many at once, and how many more each second, `1024+0.5/s`.

use super::value::{Value, quoted};
use nws_protocol::matching::BudgetLimits;
use std::time::Duration;

/// Rates beyond these are mistakes, and a rate of nothing would lock honest proxies out for ever.
const RATES: std::ops::RangeInclusive<f64> = 0.0001..=1_000_000.0;

impl Value for BudgetLimits {
    fn read(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a budget of guesses; write how many at once + how many more each second, as 1024+0.5/s"
            )
        };
        let (burst, rate) = text.split_once('+').ok_or_else(wrong)?;
        let burst = burst.trim().parse().ok().filter(|burst| *burst > 0).ok_or_else(wrong)?;
        let rate = rate.trim().strip_suffix("/s").ok_or_else(wrong)?.trim();
        if !rate.chars().all(|c| c.is_ascii_digit() || c == '.') {
            return Err(wrong());
        }
        let rate: f64 = rate.parse().ok().filter(|rate| RATES.contains(rate)).ok_or_else(wrong)?;
        Ok(Self { burst, refill: Duration::from_secs_f64(rate.recip()) })
    }

    fn toml(&self) -> String {
        // A rate is kept as its inverse, in whole nanoseconds; what was lost by that is not shown.
        let rate = (self.refill.as_secs_f64().recip() * 10_000.0).round() / 10_000.0;
        quoted(&format!("{}+{rate}/s", self.burst))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    #[test]
    fn reads_and_writes_itself() {
        for text in ["1024+0.5/s", "8192+4/s", "1+3/s", "4294967295+0.0001/s", "7+7.77/s"] {
            assert_eq!(BudgetLimits::read(text).unwrap().toml(), format!("\"{text}\""));
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_protocol() {
        for (text, limits) in
            [("1024+0.5/s", BudgetLimits::LINK), ("4096+1/s", BudgetLimits::ADDRESS), ("8192+4/s", BudgetLimits::PROXY)]
        {
            let read = BudgetLimits::read(text).unwrap();
            assert_eq!((read.burst, read.refill), (limits.burst, limits.refill));
        }
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for text in [
            "",
            "1024",
            "1024+1",
            "+1/s",
            "0+1/s",
            "1+0/s",
            "1+-1/s",
            "1+inf/s",
            "1+nan/s",
            "1+1e9/s",
            "1+9999999999/s",
            "1+/s",
        ] {
            assert!(BudgetLimits::read(text).unwrap_err().contains("1024+0.5/s"), "{text}");
        }
    }
}
