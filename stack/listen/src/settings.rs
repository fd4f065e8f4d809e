//! Settings as a file has them: JSON, or TOML, with the names of the flags. Which there are is the server's business.

use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};
use std::time::Duration;

/// Why settings can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// It begins as JSON, but is not, or has an unknown or bad setting.
    #[error("not settings in JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// It is not TOML, or has an unknown or bad setting.
    #[error("not settings in TOML: {0}")]
    Toml(#[source] Box<toml::de::Error>),
}

impl From<toml::de::Error> for SettingsError {
    /// Not with the line itself, which may be the one with a secret.
    fn from(mut error: toml::de::Error) -> Self {
        error.set_input(None);
        Self::Toml(Box::new(error))
    }
}

/// Reads JSON if the text begins with a brace, else TOML.
///
/// # Errors
/// With the place and what is wrong; never with what stands there.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, SettingsError> {
    if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(SettingsError::Json)
    } else {
        read_toml(text)
    }
}

/// Reads TOML: for a section of a larger settings file, where JSON has no place.
///
/// # Errors
/// As [`read`].
pub fn read_toml<T: DeserializeOwned>(text: &str) -> Result<T, SettingsError> {
    Ok(toml::from_str(text)?)
}

/// A whole number and a unit, up to a day: `500ms`, `30s`, `5m`, `2h`. For `deserialize_with`.
///
/// # Errors
/// When it is none.
pub fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
    /// A day: nobody waits longer for anything here.
    const LONGEST: Duration = Duration::from_secs(86_400);
    let text = String::deserialize(deserializer)?;
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let unit = UNITS.into_iter().find(|(name, _)| *name == unit.trim());
    let millis = unit.zip(number.parse().ok()).and_then(|((_, unit), number): (_, u64)| number.checked_mul(unit));
    millis.map(Duration::from_millis).filter(|span| (Duration::from_millis(1)..=LONGEST).contains(span)).ok_or_else(
        || {
            D::Error::custom(format!(
                "{text:?} is not a length of time up to a day; write a number and a unit, as \"30s\""
            ))
        },
    )
}
