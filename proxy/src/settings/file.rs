//! The settings file: TOML with the names of the flags. What it says that no setting is called is an
//! error, with the line and the nearest valid name.

use super::{TABLE, nearest};
use crate::{
    beside::Sections,
    exit::{Exit, Failure},
};
use nws_bootstrap::BootstrapConfig;
use nws_relay::RelayConfig;
use std::{fs::File, io::Read, ops::Range, path::Path};
use toml::de::{DeTable, DeValue};

/// A settings file is a page of text; what is larger is some other file.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// One setting in the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FileEntry {
    pub(crate) name: &'static str,
    pub(crate) line: usize,
    pub(crate) values: Vec<String>,
}

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct FileSettings {
    pub(crate) entries: Vec<FileEntry>,
    /// Those of other servers, which run beside the proxy.
    pub(crate) beside: Sections,
}

/// The sections that have settings of other servers.
const BOOTSTRAP: &str = "bootstrap";
const RELAY: &str = "relay";

/// Reads a file.
///
/// # Errors
/// When it can't be read, is not TOML, or has an unknown name.
pub(crate) fn read(path: &Path) -> Result<FileSettings, Failure> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text));
    if let Err(error) = read {
        let exit = if error.kind() == std::io::ErrorKind::InvalidData { Exit::Config } else { Exit::Input };
        return Err(Failure::new(exit, format!("the settings file {} cannot be read: {error}", path.display())));
    }
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(Failure::new(Exit::Config, format!("{} is too large for a settings file", path.display())));
    }
    let wrong = |words| Failure::new(Exit::Config, format!("{} {words}", path.display()));
    let entries = parse(&text).map_err(wrong)?;
    let bootstrap = BootstrapConfig::section(&text).map_err(|error| wrong(format!("[{BOOTSTRAP}]: {error}")))?;
    let relay = RelayConfig::section(&text).map_err(|error| wrong(format!("[{RELAY}]: {error}")))?;
    Ok(FileSettings { entries, beside: Sections { bootstrap, relay } })
}

fn parse(text: &str) -> Result<Vec<FileEntry>, String> {
    let line = |span: Range<usize>| text.get(..span.start).unwrap_or(text).matches('\n').count() + 1;
    let table = DeTable::parse(text)
        .map_err(|error| format!("line {}: not TOML: {}", error.span().map_or(1, line), error.message()))?;
    let mut entries = Vec::new();
    for (key, value) in table.into_inner() {
        let at = line(key.span());
        let key = key.into_inner();
        if [BOOTSTRAP, RELAY].contains(&key.as_ref()) && matches!(value.get_ref(), DeValue::Table(_)) {
            continue;
        }
        let Some(setting) = TABLE.iter().find(|setting| setting.name == key) else {
            if ["config", "check"].contains(&key.as_ref()) {
                return Err(format!("line {at}: {key} is a flag only, not a setting of the file"));
            }
            let near = nearest(&key, TABLE.iter().map(|setting| setting.name));
            return Err(format!("line {at}: there is no setting {key}; the nearest one is {near}"));
        };
        let values = match value.into_inner() {
            DeValue::Array(array) if setting.repeatable => {
                array.into_iter().map(|one| scalar(one.get_ref())).collect::<Option<Vec<_>>>()
            }
            one => scalar(&one).map(|text| vec![text]),
        };
        let values = values.ok_or_else(|| {
            let list = if setting.repeatable { ", or a list of them in brackets" } else { "" };
            format!("line {at}: {key}: write a number, or text in quotes{list}")
        })?;
        entries.push(FileEntry { name: setting.name, line: at, values });
    }
    Ok(entries)
}

/// A plain value as it would stand on the command line.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) => match number.radix() {
            10 => Some(number.as_str().to_owned()),
            radix => i64::from_str_radix(number.as_str(), radix).ok().map(|number| number.to_string()),
        },
        DeValue::Boolean(word) => Some(word.to_string()),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;

    #[test]
    fn text_numbers_and_lists_are_read_with_their_lines() {
        let entries =
            parse("# mine\nport = 1_000\npeer = [\"a:1\",\n  \"b:2\"]\nlog = 'debug'\nmax-message-bytes = 0x400\n")
                .unwrap();
        let find = |name| entries.iter().find(|e| e.name == name).map(|e| (e.line, e.values.join(" "))).unwrap();
        assert_eq!(find("port"), (2, "1000".into()));
        assert_eq!(find("peer"), (3, "a:1 b:2".into()));
        assert_eq!(find("log"), (5, "debug".into()));
        assert_eq!(find("max-message-bytes"), (6, "1024".into()));
        assert_eq!(parse("peer = 'a:1'").unwrap().len(), 1);
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn an_unknown_name_is_told_with_its_line_and_neighbour() {
        assert_eq!(parse("\nprot = 1").unwrap_err(), "line 2: there is no setting prot; the nearest one is port");
        assert!(parse("[links]\ntransport = 'quic'").unwrap_err().contains("there is no setting links"));
        assert!(parse("check = true").unwrap_err().contains("flag only"));
    }

    #[test]
    fn the_sections_of_other_servers_are_no_settings_of_the_proxy() {
        assert_eq!(parse("port = 1\n[bootstrap]\nport = 2\n[relay]\nport = 3").unwrap().len(), 1);
        assert!(parse("relay = 1").unwrap_err().contains("there is no setting relay"));
        assert!(parse("bootstrap = 1").unwrap_err().contains("there is no setting bootstrap"));
    }

    #[test]
    fn what_is_no_value_is_told_with_its_line() {
        for text in ["port = [1]", "port = 1.5", "peer = [[\"a:1\"]]", "port = {a = 1}", "port = 2020-01-01"] {
            assert!(parse(text).unwrap_err().starts_with("line 1: p"), "{text}");
        }
        assert!(parse("port = 1\nport = 2").unwrap_err().starts_with("line 2: not TOML: duplicate"));
        assert!(parse("port =").unwrap_err().starts_with("line 1: not TOML"));
    }
}
