//! Settings as a file, an environment or a command line has them, under the same names.

use crate::{Builder, Limits, Relay, credential::Secret};
use nws_listen::SettingsError;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use std::{fmt, net::IpAddr, path::PathBuf};

/// The port of the first relay.
pub(crate) const DEFAULT_PORT: u16 = 8087;

/// The delimiter that the first relay's users have.
pub(crate) const DEFAULT_DELIMITER: &str = "|";

/// What a relay is told by its user. All of it has a default.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RelayConfig {
    /// Who knows it may administer the relay; without one, nobody may.
    pub secret: Option<Secret>,
    /// 8087.
    pub port: u16,
    /// The one address to listen on; all of them by default.
    pub listen: Option<IpAddr>,
    /// What stands between the parts of a frame of the first dialect. `|`.
    pub delimiter: String,
    /// A PEM file with the certificate, and those that it rests on.
    pub tls_cert: Option<PathBuf>,
    /// A PEM file with the certificate's key.
    pub tls_key: Option<PathBuf>,
    /// How much everyone may have.
    pub limits: Limits,
}

/// Why settings can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It is no file of settings, or has an unknown or bad one.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A certificate without a key, or a key without a certificate.
    #[error("tls-cert and tls-key go together: one of them is missing")]
    HalfTls,
}

impl RelayConfig {
    /// The names of settings that are no limits, and what they are.
    pub const NAMES: &'static [(&'static str, &'static str)] = &[
        ("port", "Port to listen on. 8087."),
        ("listen", "The one address to listen on. All of them by default."),
        ("secret", "Who knows it may administer the relay in the first dialect. Without one nobody may."),
        ("delimiter", "What stands between the parts of a frame of the first dialect. |"),
        ("tls-cert", "Serve wss:// with this certificate (PEM); SIGHUP reads it again."),
        ("tls-key", "The certificate's key (PEM)."),
    ];

    /// Reads JSON if the text begins with a brace, else TOML.
    ///
    /// # Errors
    /// [`ConfigError`] with what is wrong; never with the secret.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Ok(nws_listen::read(text)?)
    }

    /// Reads the section `[relay]` of a larger settings file in TOML; `None` when there is no such section.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn section(text: &str) -> Result<Option<Self>, ConfigError> {
        #[derive(Deserialize)]
        struct Sections {
            relay: Option<RelayConfig>,
        }
        Ok(nws_listen::read_toml::<Sections>(text)?.relay)
    }

    /// Sets what has this name, as it is called in a file and on a command line.
    ///
    /// # Errors
    /// With words that say what is wrong; never with the secret.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        match name {
            "secret" => self.secret = Some(Secret::new(text).map_err(|error| error.to_string())?),
            "port" => self.port = text.parse().map_err(|_| format!("the port {text:?} is not a number up to 65535"))?,
            "listen" => {
                self.listen = Some(text.parse().map_err(|_| format!("{text:?} is not an IP address"))?);
            }
            "delimiter" if text.is_empty() => return Err("the delimiter is empty".to_owned()),
            "delimiter" => text.clone_into(&mut self.delimiter),
            "tls-cert" => self.tls_cert = Some(text.into()),
            "tls-key" => self.tls_key = Some(text.into()),
            limit => return self.limits.set(limit, text).unwrap_or_else(|| Err("there is no such setting".to_owned())),
        }
        Ok(())
    }

    /// A relay with these settings.
    ///
    /// # Errors
    /// [`ConfigError`] when they contradict each other.
    pub fn builder(self) -> Result<Builder, ConfigError> {
        let mut builder = Relay::builder().port(self.port).delimiter(self.delimiter).limits(self.limits);
        if let Some(secret) = self.secret {
            builder = builder.secret(secret);
        }
        if let Some(address) = self.listen {
            builder = builder.address(address);
        }
        match (self.tls_cert, self.tls_key) {
            (Some(certificate), Some(key)) => Ok(builder.tls(certificate, key)),
            (None, None) => Ok(builder),
            _ => Err(ConfigError::HalfTls),
        }
    }
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            secret: None,
            port: DEFAULT_PORT,
            listen: None,
            delimiter: DEFAULT_DELIMITER.to_owned(),
            tls_cert: None,
            tls_key: None,
            limits: Limits::DEFAULT,
        }
    }
}

/// A number or a text.
#[derive(Deserialize)]
#[serde(untagged, expecting = "write a whole number, or text in quotes")]
enum Scalar {
    Number(u64),
    Text(String),
}

impl<'de> Deserialize<'de> for RelayConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ConfigVisitor)
    }
}

struct ConfigVisitor;

impl<'de> Visitor<'de> for ConfigVisitor {
    type Value = RelayConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings of a relay")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RelayConfig, A::Error> {
        let mut config = RelayConfig::default();
        while let Some(name) = map.next_key::<String>()? {
            let text = match map.next_value()? {
                Scalar::Number(number) => number.to_string(),
                Scalar::Text(text) => text,
            };
            config.set(&name, &text).map_err(|words| A::Error::custom(format!("{name}: {words}")))?;
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;
    use std::time::Duration;

    #[test]
    fn json_and_toml_have_all_of_it_under_one_name() {
        let toml = "secret = \"s3cret\"\nport = 80\nlisten = \"127.0.0.1\"\ndelimiter = \"::\"\nwindow = 1000\n\
                    grace = \"1m\"\nchannel-idle = \"off\"\nmessages-per-second = 9\n";
        let json = r#"{"secret": "s3cret", "port": 80, "listen": "127.0.0.1", "delimiter": "::", "window": 1000,
                       "grace": "1m", "channel-idle": "off", "messages-per-second": "9"}"#;
        for text in [toml, json] {
            let config = RelayConfig::parse(text).unwrap();
            assert_eq!((config.port, config.delimiter.as_str(), config.limits.window), (80, "::", 1000));
            assert_eq!((config.limits.grace, config.limits.messages_per_second), (Duration::from_secs(60), Some(9)));
            assert!(config.secret.is_some() && config.limits.channel_idle.is_none());
        }
        let section = RelayConfig::section("port = 9009\npeer = [\"a:1\"]\n[relay]\nport = 8088\n").unwrap().unwrap();
        assert_eq!(section.port, 8088);
        assert!(RelayConfig::section("port = 9009").unwrap().is_none());
    }

    #[test]
    fn every_limit_has_a_name_by_which_it_is_set() {
        let mut config = RelayConfig::default();
        for (name, words) in Limits::NAMES {
            let value = if config.set(name, "7").is_ok() { "7" } else { "7s" };
            assert_eq!(config.set(name, value), Ok(()), "{name}");
            assert!(words.ends_with('.'), "{name}");
            // They are for users: nothing of where a number is from.
            assert!(!words.contains("guess") && !words.contains("tests/"), "{name}: {words}");
        }
        assert_eq!(config.limits.channels_per_client, 7);
        assert_eq!(config.limits.idle, Duration::from_secs(7));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        for bad in [
            "{\"secret\": \"s3cr3t\", \"prot\": 1}",
            "{\"secret\": \"s3cr3t\"",
            "secret = \"s3cr3t\"\ngrace = \"30\"",
            "secret = \"s3cr3t",
            "prot = 1\nsecret = \"s3cr3t\"",
            "secret = [\"s3cr3t\"]",
            "secret = \"\"",
            "delimiter = \"\"",
            "window = -1",
        ] {
            let words = RelayConfig::parse(bad).unwrap_err().to_string();
            assert!(!words.contains("s3cr3t") && !words.is_empty(), "{words}");
        }
        let half = RelayConfig { tls_cert: Some("x".into()), ..RelayConfig::default() };
        assert!(matches!(half.builder(), Err(ConfigError::HalfTls)));
    }
}
