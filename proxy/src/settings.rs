//! All settings of the program in one table: name, value, default and help stand here and nowhere
//! else. The command line, the environment, the settings file, `--help` and `--check` are made of it.
//!
//! It knows how settings are written, not what is done with them.

mod address;
mod check;
mod duration;
mod file;
mod guesses;
mod key;
mod size;
mod sources;
mod value;

pub(crate) use address::{AllowedOrigin, HostName};
pub(crate) use duration::Span;
pub(crate) use key::read_network_key;
pub(crate) use size::Size;
pub(crate) use sources::{LoadError, Loaded, load};
pub(crate) use value::{Count, DiscoveryChoice, Filter, Interface, LogFormat, TransportChoice, Value, Workers};

use nws_mesh::FixedPeer;
use nws_protocol::matching::BudgetLimits;
use std::{net::SocketAddr, path::PathBuf};
use value::Field;

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Setting {
    /// `--name` on the command line and `name` in the file; `NWS_NAME` in the environment.
    pub(crate) name: &'static str,
    /// What stands for the value in `--help`.
    pub(crate) value: &'static str,
    /// Under which heading `--help` shows it.
    pub(crate) heading: &'static str,
    /// What it does, in lines.
    pub(crate) help: &'static [&'static str],
    /// What counts when nothing is given.
    pub(crate) default: &'static [&'static str],
    /// May be given several times.
    pub(crate) repeatable: bool,
}

macro_rules! settings {
    ($($heading:literal { $($(#[doc = $help:literal])+ $field:ident: $type:ty = $name:literal $value:literal [$($default:literal),*];)+ })+) => {
        /// What counts after command line, environment, file and defaults.
        #[derive(Debug, Clone)]
        pub(crate) struct Settings { $($($(#[doc = $help])+ pub(crate) $field: $type,)+)+ }

        /// The table.
        pub(crate) const TABLE: &[Setting] = &[$($(Setting {
            name: $name,
            value: $value,
            heading: $heading,
            help: &[$($help),+],
            default: &[$($default),*],
            repeatable: <$type as Field>::REPEATABLE,
        },)+)+];

        impl Settings {
            /// Reads each setting from what was given for it. The error names the setting that is wrong.
            pub(crate) fn read<'a>(mut given: impl FnMut(&'static str) -> &'a [String]) -> Result<Self, (&'static str, String)> {
                Ok(Self { $($($field: Field::read_all(given($name)).map_err(|words| ($name, words))?,)+)+ })
            }

            /// Each setting with its value as TOML.
            pub(crate) fn toml(&self) -> Vec<(&'static str, Option<String>)> {
                vec![$($(($name, self.$field.toml_all()),)+)+]
            }
        }
    };
}

settings! {
    "Clients" {
        /// Port for pages and programs on this machine (127.0.0.1 and ::1); 0 takes any free one.
        port: u16 = "port" "PORT" ["9009"];
        /// Pages that may open channels, by origin; any lets every page in.
        allow_origin: Vec<AllowedOrigin> = "allow-origin" "ORIGIN" ["any"];
        /// A further name by which clients may call this proxy, besides localhost, 127.0.0.1 and [::1].
        allow_host: Vec<HostName> = "allow-host" "NAME" [];
        /// A client that is silent for this long is pinged; one that does not answer is closed.
        ping_interval: Span = "ping-interval" "TIME" ["54s"];
        /// A folder of your own pages, served at /www/.
        www: Option<PathBuf> = "www" "DIR" [];
        /// Port for wss:// and https:// on this machine; 0 takes any free one. Needs tls-cert and tls-key.
        tls_port: Option<u16> = "tls-port" "PORT" [];
        /// File with the certificate for that port and its chain, in PEM; read again on SIGHUP.
        tls_cert: Option<PathBuf> = "tls-cert" "FILE" [];
        /// File with the private key of that certificate, in PEM; read again on SIGHUP.
        tls_key: Option<PathBuf> = "tls-key" "FILE" [];
    }
    "Links to other proxies" {
        /// What carries links: quic, tcp, or auto (listen on both, dial QUIC first).
        transport: TransportChoice = "transport" "NAME" ["auto"];
        /// Where links are accepted; QUIC and TCP use the same port number.
        link_listen: SocketAddr = "link-listen" "ADDRESS:PORT" ["[::]:0"];
        /// How other proxies are found: mdns (multicast DNS), or off (only those named by --peer).
        discovery: DiscoveryChoice = "discovery" "HOW" ["mdns"];
        /// Search and announce on this network interface only.
        interface: Vec<Interface> = "interface" "NAME" [];
        /// A proxy to link to, [quic://|tcp://]HOST:PORT; dialled again for ever.
        peer: Vec<FixedPeer> = "peer" "ADDRESS" [];
        /// File with a secret that only the proxies of your network share; others never match its
        /// channels. It holds 32 bytes: as 64 hex digits, as base64, or as they are.
        network_key_file: Option<PathBuf> = "network-key-file" "PATH" [];
        /// A link is pinged when nothing was received for this long.
        link_ping: Span = "link-ping" "TIME" ["5s"];
        /// A link that stays silent this long is closed.
        link_silence: Span = "link-silence" "TIME" ["15s"];
    }
    "Limits" {
        /// Largest message of a client.
        max_message_bytes: Size = "max-message-bytes" "SIZE" ["1MiB"];
        /// Most clients at a time.
        max_clients: Count = "max-clients" "NUMBER" ["16384"];
        /// Most links at a time; when there are no more, one with nothing in common makes way for a newcomer.
        max_links: Count = "max-links" "NUMBER" ["1024"];
        /// Most bytes that a channel keeps for receivers that are behind; then its senders are held.
        channel_log_bytes: Size = "channel-log-bytes" "SIZE" ["4MiB"];
        /// Most bytes that wait for one client alone (direct messages, answers); then senders are held.
        client_queue_bytes: Size = "client-queue-bytes" "SIZE" ["2MiB"];
        /// Most bytes that wait for one channel of one link; then senders are held.
        lane_queue_bytes: Size = "lane-queue-bytes" "SIZE" ["4MiB"];
        /// A client that holds up others is watched for at least this long, and closed if it reads too slowly.
        client_stall: Span = "client-stall" "TIME" ["2s"];
        /// Too slow is a client that takes fewer bytes than this each second and has fallen 512 KiB behind that; so one that takes nothing is closed 8 to 11 s after it stopped.
        client_min_rate: Size = "client-min-rate" "SIZE" ["64KiB"];
        /// A link with a channel that makes no progress for this long is closed.
        lane_stall: Span = "lane-stall" "TIME" ["1m"];
        /// Guesses at channel names that one link may make: so many at once, and more each second.
        link_guesses: BudgetLimits = "link-guesses" "BUDGET" ["1024+0.5/s"];
        /// The same for all links from one address.
        address_guesses: BudgetLimits = "address-guesses" "BUDGET" ["4096+1/s"];
        /// The same for all links of this proxy.
        proxy_guesses: BudgetLimits = "proxy-guesses" "BUDGET" ["8192+4/s"];
    }
    "The program" {
        /// What the log on standard error shows: a level (error, warn, info, debug, trace), or levels by part.
        log: Filter = "log" "FILTER" ["warn,nws=info"];
        /// How the log is written: text, or json (one object a line).
        log_format: LogFormat = "log-format" "FORMAT" ["text"];
        /// Time to say goodbye to links and clients after SIGINT or SIGTERM.
        shutdown_deadline: Span = "shutdown-deadline" "TIME" ["5s"];
        /// Threads that do the work: auto takes as many as there are processors.
        workers: Workers = "workers" "NUMBER" ["auto"];
    }
}

/// The name in the environment.
pub(crate) fn environment_name(name: &str) -> String {
    format!("NWS_{}", name.replace('-', "_").to_ascii_uppercase())
}

/// The valid name that is nearest to one that is not.
pub(crate) fn nearest<'a>(wrong: &str, valid: impl IntoIterator<Item = &'a str>) -> &'a str {
    let close = |name: &str| strsim::jaro_winkler(wrong, name);
    valid.into_iter().max_by(|a, b| close(a).total_cmp(&close(b))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    fn defaults() -> Settings {
        let given: Vec<(&str, Vec<String>)> =
            TABLE.iter().map(|s| (s.name, s.default.iter().map(ToString::to_string).collect())).collect();
        Settings::read(|name| given.iter().find(|(n, _)| *n == name).map_or(&[], |(_, v)| v.as_slice())).unwrap()
    }

    #[test]
    fn the_defaults_are_valid_and_write_themselves() {
        let settings = defaults();
        settings.check().unwrap();
        for ((name, toml), setting) in settings.toml().into_iter().zip(TABLE) {
            assert_eq!(name, setting.name);
            let toml = toml.unwrap_or_default();
            for default in setting.default {
                assert!(toml.contains(default), "{name}: {toml} is not {default}");
            }
        }
    }

    /// The table of the README, made of this one.
    fn readme_table() -> String {
        let mut table = String::new();
        let mut heading = "";
        for setting in TABLE {
            if setting.heading != heading {
                heading = setting.heading;
                table.push_str(&format!("\n**{heading}**\n\n| flag | default | meaning |\n|---|---|---|\n"));
            }
            let default: Vec<String> = setting.default.iter().map(|default| format!("`{default}`")).collect();
            let more = if setting.repeatable { " (repeatable)" } else { "" };
            let help = setting.help.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").replace('|', "\\|");
            table.push_str(&format!(
                "| `--{} {}`{more} | {} | {help} |\n",
                setting.name,
                setting.value,
                default.join(", ")
            ));
        }
        table
    }

    #[test]
    fn the_readme_says_the_same() {
        let readme = include_str!("../../README.md");
        let table = readme_table();
        assert!(readme.contains(&table), "the README should have these tables:\n{table}");
        for (code, words) in crate::exit::Exit::TABLE {
            let row = format!("| {code} | {words} |\n");
            assert!(readme.contains(&row), "the README should have this row:\n{row}");
        }
    }

    #[test]
    fn names_are_plain_and_unique() {
        for (at, setting) in TABLE.iter().enumerate() {
            assert!(setting.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", setting.name);
            assert!(TABLE.iter().skip(at + 1).all(|other| other.name != setting.name), "{}", setting.name);
            assert!(!["config", "check", "help", "version"].contains(&setting.name));
        }
        assert_eq!(environment_name("max-message-bytes"), "NWS_MAX_MESSAGE_BYTES");
    }

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        let names = || TABLE.iter().map(|s| s.name);
        for (wrong, right) in [
            ("prot", "port"),
            ("max-mesage-bytes", "max-message-bytes"),
            ("peers", "peer"),
            ("log_format", "log-format"),
        ] {
            assert_eq!(nearest(wrong, names()), right);
        }
    }
}
