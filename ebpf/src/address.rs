//! Addresses in the one form in which the maps keep them.
use aya_ebpf::{macros::map, maps::HashMap};

use crate::layout::Addr;

/// The machine's own addresses that are not loopback.
#[map]
static LOCAL: HashMap<[u32; 4], u32> = HashMap::with_max_entries(1024, 0);

pub const ANY4: [u32; 4] = v4(0);
pub const ANY6: [u32; 4] = [0; 4];
pub const LOOPBACK4: [u32; 4] = v4(0x7f00_0001_u32.to_be());
pub const LOOPBACK6: [u32; 4] = [0, 0, 0, 1_u32.to_be()];
const MAPPED: u32 = 0xffff_u32.to_be();

pub const fn v4(ip: u32) -> [u32; 4] {
    [0, 0, MAPPED, ip]
}

impl Addr {
    pub const ZERO: Self = Self { ip: ANY6, port: 0 };

    #[inline(always)]
    pub fn is_v4(&self) -> bool {
        self.ip[0] == 0 && self.ip[1] == 0 && self.ip[2] == MAPPED
    }
    #[inline(always)]
    pub fn is_loopback(&self) -> bool {
        if self.is_v4() { self.ip[3] & 0xff_u32.to_le() == 127 } else { self.ip == LOOPBACK6 }
    }
    /// This machine, whatever its name for itself. (An unspecified destination means loopback, too.)
    #[inline(always)]
    pub fn is_local(&self) -> bool {
        self.is_loopback() || self.ip == ANY4 || self.ip == ANY6 || unsafe { LOCAL.get(self.ip) }.is_some()
    }
}
