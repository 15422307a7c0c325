//! `inet`, `cidr` and `macaddr`.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::Fields;

const IPV4: u8 = 2;
const IPV6: u8 = 3;

pub fn to_text(raw: &[u8]) -> Option<String> {
    let mut fields = Fields(raw);
    let (family, bits, cidr, length) = (fields.u8()?, fields.u8()?, fields.u8()?, fields.u8()?);
    let (address, most): (IpAddr, u8) = match (family, length) {
        (IPV4, 4) => (Ipv4Addr::from(fields.array::<4>()?).into(), 32),
        (IPV6, 16) => (Ipv6Addr::from(fields.array::<16>()?).into(), 128),
        _ => return None,
    };
    let text = if cidr == 0 && bits == most { address.to_string() } else { format!("{address}/{bits}") };
    fields.end(text)
}

pub fn from_text(text: &str, cidr: bool) -> Option<Vec<u8>> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let (family, most, address) = match address.parse().ok()? {
        IpAddr::V4(address) => (IPV4, 32, address.octets().to_vec()),
        IpAddr::V6(address) => (IPV6, 128, address.octets().to_vec()),
    };
    let bits = bits.map_or(Some(most), |bits| bits.parse().ok().filter(|bits| *bits <= most))?;
    let mut raw = vec![family, bits, cidr.into(), address.len() as u8];
    raw.extend(address);
    Some(raw)
}

pub fn mac_to_text(raw: &[u8]) -> String {
    raw.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

pub fn mac_from_text(text: &str) -> Option<Vec<u8>> {
    text.split(':').map(|byte| u8::from_str_radix(byte, 16).ok().filter(|_| byte.len() == 2)).collect()
}
