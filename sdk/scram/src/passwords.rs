//! Where a mock has passwords from: never from a recording.
use keploy_sdk::Value;

/// All that are known. Which of them it is, the client's own proof tells.
pub struct Passwords(Vec<Password>);

struct Password {
    /// None: anybody's.
    user: Option<String>,
    password: String,
}

/// Each costs some thousand rounds of a hash.
const MOST: usize = 16;

impl Passwords {
    /// `config`: `password`, a text or a list of texts; `environment`, the application's variables by name. `schemes`: of
    /// addresses that have a password in them.
    #[must_use]
    pub fn new(config: &Value, schemes: &[&str]) -> Self {
        let mut all = Vec::new();
        match config.get("password") {
            Some(Value::Array(list)) => all.extend(list.iter().filter_map(Password::in_settings)),
            Some(one) => all.extend(Password::in_settings(one)),
            None => {}
        }
        for (name, value) in config.get("environment").and_then(Value::as_map).into_iter().flat_map(|map| map.iter()) {
            let Some(value) = value.as_str() else { continue };
            let inside = Password::in_address(value, schemes).or_else(|| Password::in_jaas(value));
            match inside {
                Some(password) => all.push(password),
                None if is_password(name) => all.push(Password::anybodys(value)),
                None => {}
            }
        }
        all.retain(|known| !known.password.is_empty());
        Self(all)
    }

    /// Those that may be a user's.
    #[must_use]
    pub fn of(&self, user: &str) -> Vec<&str> {
        let may_be = |known: &&Password| known.user.as_ref().is_none_or(|known| known == user);
        self.0.iter().filter(may_be).map(|known| known.password.as_str()).take(MOST).collect()
    }
}

impl Password {
    fn anybodys(password: &str) -> Self {
        Self { user: None, password: password.to_owned() }
    }

    /// One of digits is a number in YAML.
    fn in_settings(value: &Value) -> Option<Self> {
        match value {
            Value::Int(digits) => Some(Self::anybodys(&digits.to_string())),
            other => other.as_str().map(Self::anybodys),
        }
    }

    /// `scheme://user:password@…`
    fn in_address(address: &str, schemes: &[&str]) -> Option<Self> {
        let rest = schemes.iter().find_map(|scheme| address.strip_prefix(scheme)?.strip_prefix("://"))?;
        let authority = rest.split(['/', '?']).next()?;
        let (user, password) = authority.rsplit_once('@')?.0.split_once(':')?;
        Some(Self { user: Some(decoded(user)), password: decoded(password) })
    }

    /// `….ScramLoginModule required username="…" password="…";`, as Java has it.
    fn in_jaas(text: &str) -> Option<Self> {
        let quoted = |name: &str| {
            let rest = text.split_once(&format!("{name}="))?.1;
            let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            Some(rest[1..].split_once(quote)?.0.to_owned())
        };
        if !text.contains("LoginModule") {
            return None;
        }
        Some(Self { user: quoted("username"), password: quoted("password")? })
    }
}

fn is_password(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["PASS", "PWD", "SECRET"].iter().any(|word| name.contains(word))
}

/// `%40` is `@`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let code = behind.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        (bytes, rest) = match code.filter(|_| *byte == b'%') {
            Some(code) => ([bytes, vec![code]].concat(), &behind[2..]),
            None => ([bytes, vec![*byte]].concat(), behind),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use keploy_sdk::{Map, Value};

    use super::Passwords;

    #[test]
    fn they_come_from_the_settings_and_from_the_environment() {
        let environment = Map::new()
            .with("MONGODB_URI", "mongodb://ada:p%40ss%2f@db.test,other:27018/shop?authSource=admin")
            .with("SASL_JAAS_CONFIG", "org.x.ScramLoginModule required username=\"ada\" password='jaas';")
            .with("DB_PASSWORD", "pw")
            .with("HOME", "/root")
            .with("OTHER_URI", "mongodb://db.test/shop");
        let config = Value::from(Map::new().with("password", "secret").with("environment", environment));
        let passwords = |config: &Value| Passwords::new(config, &["mongodb", "mongodb+srv"]);
        let known = passwords(&config);
        assert_eq!(known.of("ada"), ["secret", "p@ss/", "jaas", "pw"]);
        assert_eq!(known.of("bob"), ["secret", "pw"]);
        assert!(passwords(&Value::Null).of("ada").is_empty());
        let list = Value::from(Map::new().with("password", vec![Value::from("a"), 7.into(), "".into()]));
        assert_eq!(passwords(&list).of("ada"), ["a", "7"]);
    }
}
