//! JSON whose members stay in the order in which they were written, as people read these files.
//!
//! serde_json can keep that order too, by a feature that would then hold for every crate of the workspace.

use data_encoding::HEXLOWER;

/// One JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(i64),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// An object, its members as they stand.
macro_rules! object {
    ($($name:literal : $value:expr),* $(,)?) => {
        $crate::json::Json::Object(vec![$(($name.to_owned(), $crate::json::Json::from($value))),*])
    };
}
pub(crate) use object;

impl Json {
    /// A member of an object.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(known, _)| known == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// An object with one more member.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Self>) -> Self {
        match &mut self {
            Self::Object(members) => members.push((name.to_owned(), value.into())),
            other => unreachable!("{other:?} is no object"),
        }
        self
    }
}

/// Bytes, in lower-case hexadecimal.
pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> Json {
    Json::Text(HEXLOWER.encode(bytes.as_ref()))
}

/// A list of byte strings.
pub(crate) fn hexes<T: AsRef<[u8]>>(list: &[T]) -> Json {
    list.iter().map(hex).collect()
}

/// The bytes that a text in hexadecimal stands for; white space is for the eye.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    HEXLOWER.decode(digits.as_bytes()).unwrap()
}

/// Bytes given in parts, of which some repeat, so that large inputs stay readable: see spec/vectors/README.md.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    bytes: Vec<u8>,
    parts: Vec<Json>,
}

impl Parts {
    pub(crate) fn then(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.bytes.extend_from_slice(bytes.as_ref());
        self.parts.push(hex(bytes));
        self
    }

    pub(crate) fn times(mut self, bytes: impl AsRef<[u8]>, times: usize) -> Self {
        self.bytes.extend(bytes.as_ref().repeat(times));
        self.parts.push(object! { "hex": hex(bytes), "times": times });
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    /// One part that does not repeat is a plain text, anything else a list.
    pub(crate) fn json(mut self) -> Json {
        match self.parts.as_slice() {
            [] => hex([]),
            [Json::Text(_)] => self.parts.remove(0),
            _ => Json::List(self.parts),
        }
    }

    /// As few parts as are readable, of bytes that are there already.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        match bytes {
            [first, rest @ ..] if rest.len() >= 256 && rest.iter().all(|byte| byte == first) => {
                Self::default().times([*first], bytes.len())
            }
            _ => Self::default().then(bytes),
        }
    }
}

/// Columns of a line of the files: room for two scalars.
const WIDTH: usize = 180;

impl Json {
    /// The value as text: on one line where that is short enough, otherwise one item a line.
    pub(crate) fn render(&self, indent: usize) -> String {
        let flat = self.flat();
        let (open, items, close) = match self {
            Self::List(items) => ('[', items.iter().map(|item| item.render(indent + 2)).collect::<Vec<_>>(), ']'),
            Self::Object(members) => {
                ('{', members.iter().map(|(name, value)| member(name, value, indent + 2)).collect(), '}')
            }
            _ => return flat,
        };
        if items.is_empty() || (indent > 2 && flat.chars().count() + indent < WIDTH) {
            return flat;
        }
        let inner = " ".repeat(indent + 2);
        format!("{open}\n{inner}{}\n{}{close}", items.join(&format!(",\n{inner}")), " ".repeat(indent))
    }

    fn flat(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Text(value) => quoted(value),
            Self::List(items) => format!("[{}]", items.iter().map(Self::flat).collect::<Vec<_>>().join(", ")),
            Self::Object(members) if members.is_empty() => "{}".to_owned(),
            Self::Object(members) => {
                let members: Vec<_> =
                    members.iter().map(|(name, value)| format!("{}: {}", quoted(name), value.flat())).collect();
                format!("{{ {} }}", members.join(", "))
            }
        }
    }
}

fn member(name: &str, value: &Json, indent: usize) -> String {
    format!("{}: {}", quoted(name), value.render(indent))
}

/// A JSON string in ASCII, so that no editor and no tool changes it: other characters are escaped.
fn quoted(text: &str) -> String {
    let json = serde_json::to_string(text).unwrap();
    let mut ascii = String::with_capacity(json.len());
    let mut units = [0; 2];
    for character in json.chars() {
        if (' '..='~').contains(&character) {
            ascii.push(character);
        } else {
            character.encode_utf16(&mut units).iter().for_each(|unit| ascii.push_str(&format!("\\u{unit:04x}")));
        }
    }
    ascii
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Json {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<u32> for Json {
    fn from(value: u32) -> Self {
        Self::Number(value.into())
    }
}

impl From<usize> for Json {
    fn from(value: usize) -> Self {
        Self::Number(value.try_into().unwrap())
    }
}

impl<T: Into<Self>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Json {
    fn from(values: Vec<T>) -> Self {
        values.into_iter().collect()
    }
}

impl<T: Into<Self>> FromIterator<T> for Json {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}
