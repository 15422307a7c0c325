//! Bodies that are too large for a guest: hashed, and kept or not, as they pass.
use std::io;

use keploy_value::Blob;
use sha2::{Digest as _, Sha256};

/// Takes a body piece by piece.
pub trait BlobWriter: Send {
    /// # Errors
    /// When the piece cannot be kept.
    fn write(&mut self, data: &[u8]) -> io::Result<()>;
    /// # Errors
    /// When the body cannot be kept.
    fn finish(self: Box<Self>) -> io::Result<Blob>;
}

/// Replay: what the application sends is compared by size and hash, and not kept.
#[derive(Default)]
pub(crate) struct HashOnly {
    size: u64,
    sha: Sha256,
}

impl BlobWriter for HashOnly {
    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.size += data.len() as u64;
        self.sha.update(data);
        Ok(())
    }
    fn finish(self: Box<Self>) -> io::Result<Blob> {
        Ok(Blob { id: 0, size: self.size, sha256: self.sha.finalize().into() })
    }
}
