//! Settings as a file has them: the original's JSON, or TOML, with the names of the flags.

use crate::{
    Builder, Limits, Secret, Server,
    builder::{DEFAULT_PORT, DEFAULT_TIMEOUT},
};
use nws_listen::SettingsError;
use serde::Deserialize;
use std::{net::IpAddr, path::PathBuf, time::Duration};

/// What a server is told by its user. Only the secret has no default.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub struct BootstrapConfig {
    /// By which the root is known. It may also come from elsewhere, as from the environment.
    pub secret: Option<Secret>,
    /// 5000.
    #[serde(default = "port")]
    pub port: u16,
    /// The one address to listen on; all of them by default.
    pub listen: Option<IpAddr>,
    /// The folder of static files.
    pub public: Option<PathBuf>,
    /// How long a joiner may stay; a whole number and a unit, as `"30s"`.
    #[serde(default = "joining", deserialize_with = "nws_listen::span")]
    pub timeout: Duration,
    /// Makes ids repeatable, for tests.
    pub seed: Option<i64>,
    /// A PEM file with the certificate, and those that it rests on.
    pub tls_cert: Option<PathBuf>,
    /// A PEM file with the certificate's key.
    pub tls_key: Option<PathBuf>,
    /// [`Limits::joiners`].
    pub max_joiners: Option<usize>,
    /// [`Limits::joiners_per_address`].
    pub max_joiners_per_address: Option<usize>,
    /// [`Limits::message_bytes`].
    pub max_message_bytes: Option<usize>,
    /// [`Limits::messages_per_second`].
    pub messages_per_second: Option<u32>,
    /// [`Limits::message_burst`].
    pub message_burst: Option<u32>,
}

/// Why settings can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It is no file of settings, or has an unknown or bad one.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// There is no secret anywhere.
    #[error("there is no secret: set it with secret in the settings, --secret, or SECRET in the environment")]
    NoSecret,
    /// A certificate without a key, or a key without a certificate.
    #[error("tls-cert and tls-key go together: one of them is missing")]
    HalfTls,
}

impl BootstrapConfig {
    /// Reads JSON if the text begins with a brace, else TOML.
    ///
    /// # Errors
    /// [`ConfigError`] with the place and what is wrong; never with the secret.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Ok(nws_listen::read(text)?)
    }

    /// Reads the section `[bootstrap]` of a larger settings file in TOML; `None` when there is no such section.
    ///
    /// # Errors
    /// [`ConfigError::Settings`] as [`parse`](Self::parse).
    pub fn section(text: &str) -> Result<Option<Self>, ConfigError> {
        #[derive(Deserialize)]
        struct Sections {
            bootstrap: Option<BootstrapConfig>,
        }
        Ok(nws_listen::read_toml::<Sections>(text)?.bootstrap)
    }

    /// A server with these settings.
    ///
    /// # Errors
    /// [`ConfigError`] when they contradict each other, or the secret is missing.
    pub fn builder(self) -> Result<Builder, ConfigError> {
        let secret = self.secret.ok_or(ConfigError::NoSecret)?;
        let mut limits = Limits::default();
        let set = |limit: &mut usize, value: Option<usize>| *limit = value.unwrap_or(*limit);
        set(&mut limits.joiners, self.max_joiners);
        set(&mut limits.joiners_per_address, self.max_joiners_per_address);
        set(&mut limits.message_bytes, self.max_message_bytes);
        limits.messages_per_second = self.messages_per_second.unwrap_or(limits.messages_per_second);
        limits.message_burst = self.message_burst.unwrap_or(limits.message_burst);
        let mut builder = Server::builder(secret.reveal()).port(self.port).timeout(self.timeout).limits(limits);
        if let Some(address) = self.listen {
            builder = builder.address(address);
        }
        if let Some(folder) = self.public {
            builder = builder.public(folder);
        }
        if let Some(seed) = self.seed {
            builder = builder.seed(seed);
        }
        match (self.tls_cert, self.tls_key) {
            (Some(certificate), Some(key)) => Ok(builder.tls(certificate, key)),
            (None, None) => Ok(builder),
            _ => Err(ConfigError::HalfTls),
        }
    }
}

impl Default for BootstrapConfig {
    fn default() -> Self {
        Self {
            secret: None,
            port: DEFAULT_PORT,
            listen: None,
            public: None,
            timeout: DEFAULT_TIMEOUT,
            seed: None,
            tls_cert: None,
            tls_key: None,
            max_joiners: None,
            max_joiners_per_address: None,
            max_message_bytes: None,
            messages_per_second: None,
            message_burst: None,
        }
    }
}

const fn port() -> u16 {
    DEFAULT_PORT
}

const fn joining() -> Duration {
    DEFAULT_TIMEOUT
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn the_original_file_is_taken() {
        let config = BootstrapConfig::parse("{\n    \"secret\": \"EMpGMQADK1oR5n8xffrx\"\n}\n").unwrap();
        assert_eq!((config.port, config.timeout), (5000, Duration::from_secs(30)));
        config.builder().unwrap();
    }

    #[test]
    fn toml_has_all_of_it() {
        let text = "secret = \"EMpGMQADK1oR5n8xffrx\"\nport = 80\nlisten = \"127.0.0.1\"\npublic = \"www\"\n\
                    timeout = \"5m\"\nseed = -7\nmax-joiners = 9\n";
        let config = BootstrapConfig::parse(text).unwrap();
        assert_eq!((config.port, config.timeout, config.seed), (80, Duration::from_secs(300), Some(-7)));
        assert_eq!(config.max_joiners, Some(9));
    }

    #[test]
    fn a_section_of_a_larger_file_is_taken() {
        let text = "port = 9009\npeer = [\"a:1\"]\n[bootstrap]\nsecret = \"EMpGMQADK1oR5n8xffrx\"\nport = 5001\n";
        assert_eq!(BootstrapConfig::section(text).unwrap().unwrap().port, 5001);
        assert!(BootstrapConfig::section("port = 9009").unwrap().is_none());
        let words = BootstrapConfig::section("[bootstrap]\nsecret = \"s3cr3t/\"").unwrap_err().to_string();
        assert!(!words.contains("s3cr3t"), "{words}");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        for bad in [
            "{\"secret\": \"my secret/s3cr3t\"}",
            "{\"secret\": \"s3cr3t\", \"prot\": 1}",
            "{\"secret\": \"s3cr3t\"",
            "secret = \"s3cr3t\"\ntimeout = \"30\"",
            "secret = \"s3cr3t\"\ntimeout = \"0s\"",
            "secret = \"s3cr3t",
            "secret = \"s3cr3t/\"",
            "prot = 1\nsecret = \"s3cr3t\"",
        ] {
            let words = BootstrapConfig::parse(bad).unwrap_err().to_string();
            assert!(!words.contains("s3cr3t"), "{words}");
        }
        let half = BootstrapConfig { tls_cert: Some("x".into()), ..BootstrapConfig::default() };
        assert!(matches!(half.clone().builder(), Err(ConfigError::NoSecret)));
        let half = BootstrapConfig { secret: Some(Secret::new("x").unwrap()), ..half };
        assert!(matches!(half.builder(), Err(ConfigError::HalfTls)));
    }
}
