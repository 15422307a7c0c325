//! Plain types: <https://kafka.apache.org/protocol#protocol_types>.

/// What is left to read. `None` from any method: it ends too early.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub fn i8(&mut self) -> Option<i8> {
        self.array().map(i8::from_be_bytes)
    }

    pub fn i16(&mut self) -> Option<i16> {
        self.array().map(i16::from_be_bytes)
    }

    pub fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    pub fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    /// Seven bits a byte, the lowest first.
    pub fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.array::<1>()?[0];
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// Zigzag: 0, -1, 1, -2, …
    pub fn signed(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        #[expect(clippy::cast_possible_wrap, reason = "half of it fits, and its lowest bit is the sign")]
        let value = (value >> 1) as i64 ^ -((value & 1) as i64);
        Some(value)
    }

    /// A length and so many bytes; a negative length is null.
    pub fn nullable_bytes(&mut self) -> Option<Option<&'a [u8]>> {
        match self.signed()? {
            length if length < 0 => Some(None),
            length => self.bytes(usize::try_from(length).ok()?).map(Some),
        }
    }
}

pub fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    #[expect(clippy::cast_sign_loss, reason = "the sign moves into the lowest bit")]
    put_unsigned(out, ((value << 1) ^ (value >> 63)) as u64);
}

pub fn put_nullable_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => put_signed(out, -1),
        Some(bytes) => {
            put_signed(out, i64::try_from(bytes.len()).unwrap_or(i64::MAX));
            out.extend(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_length_come_back() {
        for value in [0, 1, -1, 63, -64, 64, 300, -300, i64::from(i32::MAX), i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            put_signed(&mut out, value);
            assert_eq!((Reader(&out).signed(), out.len() <= 10), (Some(value), true));
        }
    }
}
