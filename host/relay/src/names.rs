//! Which name the application resolved to which address: a destination is shown, and matched, by its name.
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{PoisonError, RwLock},
};

/// The names of addresses, as DNS answers went by. The latest name of an address counts.
#[derive(Default)]
pub struct Names(RwLock<HashMap<IpAddr, String>>);

impl Names {
    pub fn learn(&self, address: IpAddr, name: &str) {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(address.to_canonical(), name);
    }
    /// The name that was last resolved to `address`, else the address itself.
    pub fn of(&self, address: IpAddr) -> String {
        let address = address.to_canonical();
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        names.get(&address).cloned().unwrap_or_else(|| address.to_string())
    }
}
