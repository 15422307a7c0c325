//! Socket addresses and the kernel side's form of them.
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::layout::{Addr, Destination, End, Way};

// SAFETY: plain integers without padding.
unsafe impl aya::Pod for Addr {}
// SAFETY: as above.
unsafe impl aya::Pod for Destination {}
// SAFETY: as above.
unsafe impl aya::Pod for End {}
// SAFETY: as above.
unsafe impl aya::Pod for Way {}

impl From<SocketAddr> for Addr {
    fn from(addr: SocketAddr) -> Self {
        Self { ip: words(addr.ip()), port: addr.port().into() }
    }
}

impl From<Addr> for SocketAddr {
    fn from(addr: Addr) -> Self {
        let mut octets = [0; 16];
        for (four, word) in octets.chunks_exact_mut(4).zip(addr.ip) {
            four.copy_from_slice(&word.to_ne_bytes());
        }
        // Ports have 16 bits; the field has 32 only so that there is no padding.
        Self::new(Ipv6Addr::from(octets).to_canonical(), addr.port as u16)
    }
}

/// In network order, IPv4 as `::ffff:a.b.c.d`.
pub fn words(ip: IpAddr) -> [u32; 4] {
    let octets = match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    let (words, _) = octets.as_chunks::<4>();
    std::array::from_fn(|n| u32::from_ne_bytes(words[n]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_survive_the_way_there_and_back() {
        for text in ["127.0.0.1:80", "[2001:db8::7]:65535", "[::]:0", "0.0.0.0:1"] {
            let addr: SocketAddr = text.parse().expect("an address");
            assert_eq!(SocketAddr::from(Addr::from(addr)), addr);
        }
    }

    #[test]
    fn a_mapped_address_comes_back_as_ipv4() {
        let mapped: SocketAddr = "[::ffff:10.1.2.3]:4".parse().expect("an address");
        assert_eq!(SocketAddr::from(Addr::from(mapped)).to_string(), "10.1.2.3:4");
    }
}
