//! Secrets in bodies that are kept as files.
//!
//! A cleaned body is another file, with another hash, and the document names that one. What was recorded goes to
//! `secret/CLEANED.RECORDED` (two hashes), which git leaves alone: where it is there, loading takes it.
use std::path::{Path, PathBuf};

use ::secrets::find;
use document::{Blob, Map, Value};
use fs_err as fs;

use super::Secrets;
use crate::{Assets, Error, assets, files::Files, layout::SECRETS};

impl Secrets {
    /// Takes note of the secrets in the bodies of a test or a mock.
    pub fn scan_bodies(&mut self, document: &mut Map, directory: &Path) {
        each_blob(document, &mut |blob| {
            if let Some(mut text) = text(directory, blob) {
                find(&mut text, &self.rules, &mut self.vault, &format!("assets/{}", assets::name(blob)));
            }
            Ok(())
        })
        .expect("nothing in it fails");
    }

    /// Replaces the secrets in the bodies of a test or a mock.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn clean_bodies(&mut self, document: &mut Map, directory: &Path, files: Files) -> Result<(), Error> {
        each_blob(document, &mut |blob| {
            let Some(recorded) = text(directory, blob) else { return Ok(()) };
            let mut cleaned = recorded.clone();
            find(&mut cleaned, &self.rules, &mut self.vault, "");
            self.vault.hide(&mut cleaned);
            if cleaned == recorded {
                return Ok(());
            }
            let assets = Assets::new(directory, files.0);
            let mut writer = assets.write()?;
            writer.write(cleaned.as_str().unwrap_or_default().as_bytes())?;
            let new = writer.finish()?;
            let secret = directory.join(SECRETS).join(format!("{}.{}", assets::name(&new), assets::name(blob)));
            files.create_dir_all(&directory.join(SECRETS))?;
            files.replace_private(&secret, |file| file.write_all(recorded.as_str().unwrap_or_default().as_bytes()))?;
            self.bodies.push(assets.path(blob));
            *blob = new;
            Ok(())
        })
    }

    /// Removes the bodies that were cleaned, when every document names the new ones.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn remove_bodies(&mut self) -> Result<(), Error> {
        for path in self.bodies.drain(..).filter(|path| path.exists()) {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// The recorded bodies in place of the cleaned ones, where they are there.
pub(crate) fn restore(document: &mut Value, directory: &Path) {
    document.for_each_blob(&mut |blob| {
        if let Some((path, recorded)) = beside(directory, |cleaned, _| *cleaned == assets::name(blob))
            && let (Some(sha256), Ok(metadata)) = (hash(&recorded), fs::metadata(path))
        {
            *blob = Blob { id: 0, size: metadata.len(), sha256 };
        }
    });
}

/// The file of a recorded body that was cleaned.
pub(crate) fn path(directory: &Path, recorded: &str) -> Option<PathBuf> {
    Some(beside(directory, |_, name| name == recorded)?.0)
}

/// The first of `secret/CLEANED.RECORDED` that fits, and its second hash.
fn beside(directory: &Path, fits: impl Fn(&str, &str) -> bool) -> Option<(PathBuf, String)> {
    let entries = fs::read_dir(directory.join(SECRETS)).ok()?;
    entries.filter_map(Result::ok).find_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let (cleaned, recorded) = name.split_once('.')?;
        fits(cleaned, recorded).then(|| (entry.path(), recorded.to_owned()))
    })
}

fn each_blob(document: &mut Map, each: &mut dyn FnMut(&mut Blob) -> Result<(), Error>) -> Result<(), Error> {
    let mut done = Ok(());
    if let Some(spec) = document.get_mut("spec") {
        spec.for_each_blob(&mut |blob| {
            if done.is_ok() {
                done = each(blob);
            }
        });
    }
    done
}

/// The content of a body that is text; not of what is too large to be one that people wrote.
fn text(directory: &Path, blob: &Blob) -> Option<Value> {
    const LARGEST: u64 = 64 << 20;
    if blob.size > LARGEST {
        return None;
    }
    let bytes = fs::read(Assets::new(directory, None).path(blob)).ok()?;
    String::from_utf8(bytes).ok().map(Value::Text)
}

fn hash(name: &str) -> Option<[u8; 32]> {
    let byte = |at: usize| u8::from_str_radix(name.get(at..at + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..name.len()).step_by(2).map(byte).collect::<Option<_>>()?;
    bytes.try_into().ok()
}
