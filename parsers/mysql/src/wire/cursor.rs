//! Numbers and strings inside a packet.
use keploy_sdk::Fault;

/// Reads a packet from the front. It knows what it reads, for its faults.
#[derive(Clone)]
pub struct Cursor<'a> {
    what: &'static str,
    whole: usize,
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, whole: bytes.len(), rest: bytes }
    }

    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// A fault at this place.
    pub fn wrong(&self, expected: &str) -> Fault {
        let at = self.whole - self.rest.len();
        Fault::new("bad-packet", format!("{}, byte {at} of {}: expected {expected}", self.what, self.whole))
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| self.wrong(&format!("{count} more bytes")))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(|| self.wrong(&format!("{N} more bytes")))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub fn u8(&mut self) -> Result<u8, Fault> {
        self.array::<1>().map(|[byte]| byte)
    }
    pub fn u16(&mut self) -> Result<u16, Fault> {
        self.array().map(u16::from_le_bytes)
    }
    pub fn u32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_le_bytes)
    }
    pub fn u64(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_le_bytes)
    }

    /// `int<lenenc>`.
    pub fn lenenc(&mut self) -> Result<u64, Fault> {
        match self.u8()? {
            byte @ 0..=0xfa => Ok(byte.into()),
            0xfc => self.u16().map(u64::from),
            0xfd => self.array().map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]).into()),
            0xfe => self.u64(),
            _ => Err(self.wrong("a length-encoded number")),
        }
    }

    /// `string<lenenc>`.
    pub fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.lenenc()?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// `string<NUL>`. The last of a packet may lack its end.
    pub fn nul(&mut self) -> &'a [u8] {
        let end = memchr::memchr(0, self.rest).unwrap_or(self.rest.len());
        let (string, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        string
    }
}

pub fn put_lenenc(out: &mut Vec<u8>, number: u64) {
    match number {
        0..=0xfa => out.push(number as u8),
        0xfb..=0xffff => {
            out.push(0xfc);
            out.extend_from_slice(&(number as u16).to_le_bytes());
        }
        0x1_0000..=0xff_ffff => {
            out.push(0xfd);
            super::put_u24(out, number as usize);
        }
        _ => {
            out.push(0xfe);
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
}

/// `string<lenenc>`.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_lenenc(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// `string<NUL>`.
pub fn put_nul(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
    out.push(0);
}
