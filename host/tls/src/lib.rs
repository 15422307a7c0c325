//! What it takes to read TLS that was not meant for us: an authority of the run's own, certificates like the real ones,
//! and an application that trusts them.
//!
//! The authority's key is made at start, lives in memory only, and is gone with the process. Nothing is installed: the
//! application finds the certificate where it looks for authorities anyway (see [`Trust`]).
//!
//! **What the application sees of a certificate is as good as the real one.** A certificate that we cannot verify is
//! replaced by one that the application cannot verify either; the names in it are those of the real one. So who
//! verifies sees what he would see without us, and who does not is not kept from working.
mod authority;
mod jks;
mod roots;
mod tls;
mod trust;
mod upstream;

pub use authority::{Seen, gather_entropy};
pub use tls::{Settings, Tls, TlsError};
pub use trust::{Overlay, Search, Trust};
pub use upstream::Upstream;
