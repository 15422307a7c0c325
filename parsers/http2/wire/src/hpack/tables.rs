//! The static table (RFC 7541, appendix A) and the dynamic one behind it.
use std::collections::VecDeque;

#[rustfmt::skip]
const STATIC: [(&[u8], &[u8]); 61] = [
    (b":authority", b""), (b":method", b"GET"), (b":method", b"POST"), (b":path", b"/"), (b":path", b"/index.html"),
    (b":scheme", b"http"), (b":scheme", b"https"), (b":status", b"200"), (b":status", b"204"), (b":status", b"206"),
    (b":status", b"304"), (b":status", b"400"), (b":status", b"404"), (b":status", b"500"), (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"), (b"accept-language", b""), (b"accept-ranges", b""), (b"accept", b""),
    (b"access-control-allow-origin", b""), (b"age", b""), (b"allow", b""), (b"authorization", b""),
    (b"cache-control", b""), (b"content-disposition", b""), (b"content-encoding", b""), (b"content-language", b""),
    (b"content-length", b""), (b"content-location", b""), (b"content-range", b""), (b"content-type", b""),
    (b"cookie", b""), (b"date", b""), (b"etag", b""), (b"expect", b""), (b"expires", b""), (b"from", b""),
    (b"host", b""), (b"if-match", b""), (b"if-modified-since", b""), (b"if-none-match", b""), (b"if-range", b""),
    (b"if-unmodified-since", b""), (b"last-modified", b""), (b"link", b""), (b"location", b""), (b"max-forwards", b""),
    (b"proxy-authenticate", b""), (b"proxy-authorization", b""), (b"range", b""), (b"referer", b""), (b"refresh", b""),
    (b"retry-after", b""), (b"server", b""), (b"set-cookie", b""), (b"strict-transport-security", b""),
    (b"transfer-encoding", b""), (b"user-agent", b""), (b"vary", b""), (b"via", b""), (b"www-authenticate", b""),
];

/// Where the static table has this field, value included.
pub fn whole(name: &[u8], value: &[u8]) -> Option<usize> {
    STATIC.iter().position(|entry| *entry == (name, value)).map(|at| at + 1)
}

/// Where the static table has this name.
pub fn name(name: &[u8]) -> Option<usize> {
    STATIC.iter().position(|entry| entry.0 == name).map(|at| at + 1)
}

type Field = (Vec<u8>, Vec<u8>);

/// Both tables of one direction.
pub struct Table {
    /// The newest first.
    dynamic: VecDeque<Field>,
    size: usize,
    most: usize,
}

impl Table {
    pub fn new(most: usize) -> Self {
        Self { dynamic: VecDeque::new(), size: 0, most }
    }

    pub fn get(&self, index: usize) -> Option<Field> {
        let index = index.checked_sub(1)?;
        match STATIC.get(index) {
            Some((name, value)) => Some((name.to_vec(), value.to_vec())),
            None => self.dynamic.get(index - STATIC.len()).cloned(),
        }
    }

    pub fn add(&mut self, field: Field) {
        let size = size(&field);
        self.shrink(self.most.saturating_sub(size));
        // One that does not fit leaves the table empty (RFC 7541, 4.4).
        if size <= self.most {
            self.size += size;
            self.dynamic.push_front(field);
        }
    }

    pub fn resize(&mut self, most: usize) {
        self.most = most;
        self.shrink(most);
    }

    fn shrink(&mut self, to: usize) {
        while self.size > to
            && let Some(oldest) = self.dynamic.pop_back()
        {
            self.size -= size(&oldest);
        }
    }
}

/// RFC 7541, 4.1.
fn size((name, value): &Field) -> usize {
    name.len() + value.len() + 32
}
