//! JSON as it is spelled: the parts of a collection, and what is between them.

/// The text of an object or array, taken apart.
pub(crate) struct Collection {
    open: String,
    pub parts: Vec<Part>,
    /// Between two of them, where there are two.
    separator: Option<String>,
    close: String,
}

/// An entry or an element.
pub(crate) struct Part {
    /// The name, the colon and the space around it; empty for elements.
    pub label: String,
    pub value: String,
}

impl Part {
    /// As it is spelled: names are hardly ever escaped, and one that is counts as another.
    pub fn name(&self) -> String {
        self.label.split('"').nth(1).unwrap_or_default().to_owned()
    }
}

impl Collection {
    /// None when `text`, which is JSON, is no collection.
    pub fn read(text: &str) -> Option<Self> {
        let mut scanner = Scanner { text, at: 0 };
        scanner.space();
        let is_object = match scanner.next()? {
            b'{' => true,
            b'[' => false,
            _ => return None,
        };
        scanner.at += 1;
        let (mut parts, mut separator, mut end) = (Vec::new(), None, scanner.at);
        let mut open = None;
        loop {
            scanner.space();
            if matches!(scanner.next()?, b'}' | b']') {
                break;
            }
            let start = scanner.at;
            match open {
                None => open = Some(text[..start].to_owned()),
                Some(_) => separator = separator.or_else(|| Some(text[end..start].to_owned())),
            }
            if is_object {
                scanner.string();
                scanner.space();
                scanner.at += 1;
                scanner.space();
            }
            let value = scanner.at;
            scanner.value();
            end = scanner.at;
            parts.push(Part { label: text[start..value].to_owned(), value: text[value..end].to_owned() });
            scanner.space();
            if scanner.next()? == b',' {
                scanner.at += 1;
            }
        }
        let open = open.unwrap_or_else(|| text[..end].to_owned());
        Some(Self { open, parts, separator, close: text[end..].to_owned() })
    }

    /// With one part's value replaced.
    pub fn with_value(&self, at: usize, value: String) -> String {
        let part = |(n, part): (usize, &Part)| {
            let value = if n == at { value.clone() } else { part.value.clone() };
            Part { label: part.label.clone(), value }
        };
        self.write(&self.parts.iter().enumerate().map(part).collect::<Vec<_>>(), self)
    }

    /// With other parts; what `like` has between its parts serves where this one has none.
    pub fn write(&self, parts: &[Part], like: &Self) -> String {
        let separator = self.separator.as_deref().or(like.separator.as_deref()).unwrap_or(",");
        let parts: Vec<String> = parts.iter().map(|Part { label, value }| format!("{label}{value}")).collect();
        format!("{}{}{}", self.open, parts.join(separator), self.close)
    }
}

/// Over text that is known to be JSON.
struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl Scanner<'_> {
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.next().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.next() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return;
            }
        }
    }

    fn value(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.next() {
            match byte {
                b'"' => self.string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                // A number or a word ends where something else begins.
                b'}' | b']' => return,
                b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return,
                _ => {
                    self.at += 1;
                    continue;
                }
            }
            if depth == 0 {
                return;
            }
        }
    }
}
