//! One value, spelled as JSON, URLs and the names of tests have it.
use std::borrow::Cow;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    Plain,
    Json,
    Url,
    /// Small letters and digits, with dashes between.
    Slug,
}

impl Spelling {
    pub const ALL: [Self; 4] = [Self::Plain, Self::Json, Self::Url, Self::Slug];

    /// What a placeholder has at its end where the value was spelled so.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Json => "-json",
            Self::Url => "-url",
            Self::Slug => "-slug",
        }
    }

    pub fn write(self, value: &str) -> Cow<'_, str> {
        match self {
            Self::Plain => Cow::Borrowed(value),
            Self::Json => json(value),
            Self::Url => url(value),
            Self::Slug => Cow::Owned(slug(value)),
        }
    }

    /// None: it is not spelled as [`Spelling::write`] would.
    pub fn read(self, spelled: &str) -> Option<String> {
        let value = match self {
            Self::Plain => spelled.to_owned(),
            Self::Json => serde_json::from_str(&format!("\"{spelled}\"")).ok()?,
            Self::Url => unescaped(spelled)?,
            // There is no way back.
            Self::Slug => return None,
        };
        (self.write(&value) == spelled).then_some(value)
    }
}

fn json(value: &str) -> Cow<'_, str> {
    let Ok(quoted) = serde_json::to_string(value) else { return Cow::Borrowed(value) };
    let inside = &quoted[1..quoted.len() - 1];
    if inside == value { Cow::Borrowed(value) } else { Cow::Owned(inside.to_owned()) }
}

fn url(value: &str) -> Cow<'_, str> {
    let stays = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    if value.bytes().all(stays) {
        return Cow::Borrowed(value);
    }
    let spell = |byte: u8| if stays(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    Cow::Owned(value.bytes().map(spell).collect())
}

fn slug(value: &str) -> String {
    let words = value.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

fn unescaped(spelled: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(spelled.len());
    let mut rest = spelled;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(u8::from_str_radix(after.get(..2)?, 16).ok()?);
        rest = &after[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}
