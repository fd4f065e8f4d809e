//! How one value of a setting is read from text and written back as TOML, and which kinds of value
//! may be given once, several times, or not at all.

use std::{net::SocketAddr, path::PathBuf};

/// One value as a person writes it.
pub(crate) trait Value: Sized {
    /// Reads it. The error says what was written and what may be written, without the setting's name.
    fn read(text: &str) -> Result<Self, String>;

    /// As it stands in a TOML file.
    fn toml(&self) -> String;
}

/// All that was given for one setting.
pub(crate) trait Field: Sized {
    /// May be given several times.
    const REPEATABLE: bool;

    /// Reads all that was given at the level that counts: nothing, one, or several.
    fn read_all(given: &[String]) -> Result<Self, String>;

    /// As it stands in a TOML file; `None` when there is nothing.
    fn toml_all(&self) -> Option<String>;
}

impl<T: Value> Field for T {
    const REPEATABLE: bool = false;

    fn read_all(given: &[String]) -> Result<Self, String> {
        match given {
            [one] => T::read(one),
            [] => Err("needs a value".to_owned()),
            _ => Err("takes one value, not several".to_owned()),
        }
    }

    fn toml_all(&self) -> Option<String> {
        Some(self.toml())
    }
}

impl<T: Value> Field for Option<T> {
    const REPEATABLE: bool = false;

    fn read_all(given: &[String]) -> Result<Self, String> {
        if given.is_empty() { Ok(None) } else { T::read_all(given).map(Some) }
    }

    fn toml_all(&self) -> Option<String> {
        self.as_ref().map(T::toml)
    }
}

impl<T: Value> Field for Vec<T> {
    const REPEATABLE: bool = true;

    fn read_all(given: &[String]) -> Result<Self, String> {
        given.iter().map(|text| T::read(text)).collect()
    }

    fn toml_all(&self) -> Option<String> {
        let all: Vec<String> = self.iter().map(T::toml).collect();
        Some(format!("[{}]", all.join(", ")))
    }
}

/// A TOML basic string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl Value for u16 {
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("{text:?} is not a port number; write 1 to 65535, or 0 for any free port"))
    }

    fn toml(&self) -> String {
        self.to_string()
    }
}

/// How many of something: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) usize);

impl Value for Count {
    fn read(text: &str) -> Result<Self, String> {
        // Bounded so that sums of counts and sizes never overflow.
        let number = text.parse().ok().filter(|n| (1..=1_000_000_000).contains(n));
        number.map(Self).ok_or_else(|| format!("{text:?} is not a number that fits; write a whole number, at least 1"))
    }

    fn toml(&self) -> String {
        self.0.to_string()
    }
}

impl Value for SocketAddr {
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| {
            format!("{text:?} is not an IP address with a port; write [::]:0 for any address and any free port, or 192.168.1.5:9010")
        })
    }

    fn toml(&self) -> String {
        quoted(&self.to_string())
    }
}

impl Value for PathBuf {
    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("needs the path of a file or folder".to_owned()) } else { Ok(Self::from(text)) }
    }

    fn toml(&self) -> String {
        quoted(&self.to_string_lossy())
    }
}

/// The name of a network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interface(pub(crate) String);

impl Value for Interface {
    fn read(text: &str) -> Result<Self, String> {
        let name = text.trim();
        if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(format!("{text:?} is not the name of a network interface, as eth0 or wlan0"));
        }
        Ok(Self(name.to_owned()))
    }

    fn toml(&self) -> String {
        quoted(&self.0)
    }
}

/// What the log shows, in the syntax of tracing's `EnvFilter`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter(pub(crate) String);

impl Value for Filter {
    fn read(text: &str) -> Result<Self, String> {
        let wrong = |why: String| {
            format!(
                "{text:?} is not a log filter{why}; write a level (error, warn, info, debug, trace) or levels by part, as warn,nws_mesh=debug"
            )
        };
        if text.trim().is_empty() {
            return Err(wrong(String::new()));
        }
        match tracing_subscriber::EnvFilter::try_new(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(why) => Err(wrong(format!(" ({why})"))),
        }
    }

    fn toml(&self) -> String {
        quoted(&self.0)
    }
}

/// How many threads do the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workers {
    /// As many as there are processors.
    Auto,
    /// So many.
    Exactly(usize),
}

impl Value for Workers {
    fn read(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("auto", _) => Ok(Self::Auto),
            (_, Ok(number @ 1..=1024)) => Ok(Self::Exactly(number)),
            _ => Err(format!("{text:?} is not a number of threads; write auto, or 1 to 1024")),
        }
    }

    fn toml(&self) -> String {
        match self {
            Self::Auto => quoted("auto"),
            Self::Exactly(number) => number.to_string(),
        }
    }
}

/// A setting that takes one of a few words.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[$each])* $variant),+ }

        impl Value for $name {
            fn read(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(format!("{text:?} is not one of {}", [$($word),+].join(", "))),
                }
            }

            fn toml(&self) -> String {
                quoted(match self { $(Self::$variant => $word),+ })
            }
        }
    };
}

choice! {
    /// What carries links.
    TransportChoice {
        /// Listen on both, dial QUIC first.
        Auto = "auto",
        /// QUIC only.
        Quic = "quic",
        /// TLS on TCP only.
        Tcp = "tcp",
    }
}

choice! {
    /// How other proxies are found.
    DiscoveryChoice {
        /// By multicast DNS.
        Mdns = "mdns",
        /// Only those named by `--peer`.
        Off = "off",
    }
}

choice! {
    /// How the log is written.
    LogFormat {
        /// Lines for people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    #[test]
    fn a_choice_names_what_may_be_chosen() {
        assert_eq!(TransportChoice::read("quic"), Ok(TransportChoice::Quic));
        let words = TransportChoice::read("udp").unwrap_err();
        assert!(words.contains("auto, quic, tcp"), "{words}");
    }

    #[test]
    fn strings_are_written_as_toml() {
        assert_eq!(quoted("a\"b\\c\nd"), r#""a\"b\\c\u000Ad""#);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert!(u16::read("65536").is_err() && u16::read("-1").is_err() && u16::read("").is_err());
        assert!(Count::read("0").is_err() && Count::read("many").is_err());
        assert!(Workers::read("0").is_err() && Workers::read("auto") == Ok(Workers::Auto));
    }

    #[test]
    fn a_filter_is_checked_when_it_is_read() {
        assert!(Filter::read("warn,nws_mesh=debug").is_ok());
        assert!(Filter::read("nws=loud").is_err() && Filter::read("").is_err());
    }

    #[test]
    fn an_address_needs_a_port() {
        assert!(SocketAddr::read("[::]:0").is_ok() && SocketAddr::read("127.0.0.1:1").is_ok());
        assert!(SocketAddr::read("::").unwrap_err().contains("[::]:0"));
    }
}
