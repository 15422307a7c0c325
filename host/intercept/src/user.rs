//! Whom the application runs as: the user who called, also under sudo.
use std::{env, ffi::CString, path::PathBuf};

use nix::unistd::{self, Gid, Uid};

use crate::Error;

/// A user as a process has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
    /// All of them, `gid` included.
    pub groups: Vec<u32>,
    pub name: String,
    pub home: PathBuf,
}

/// The user who typed the command: under sudo the one who called sudo, with all his groups.
///
/// # Errors
/// When that user does not exist.
pub fn caller() -> Result<User, Error> {
    let id = |name| env::var(name).ok().and_then(|value| value.parse().ok());
    match (id("SUDO_UID"), id("SUDO_GID")) {
        // Whoever sets these without being root gains nothing: setuid() will refuse.
        (Some(uid), Some(gid)) => by_id(uid, gid),
        _ => {
            let (uid, gid) = (unistd::getuid(), unistd::getgid());
            let groups = unistd::getgroups().map_err(Error::system("cannot ask for the groups of this process"))?;
            let (name, home) = match entry(uid)? {
                Some(entry) => (entry.name, entry.dir),
                // Containers run as users that no file names; then the environment is as good as it gets.
                None => (uid.to_string(), env::var_os("HOME").unwrap_or_else(|| "/".into()).into()),
            };
            Ok(User { uid: uid.as_raw(), gid: gid.as_raw(), groups: raw(&groups), name, home })
        }
    }
}

fn by_id(uid: u32, gid: u32) -> Result<User, Error> {
    let entry = entry(Uid::from_raw(uid))?.ok_or(Error::UnknownUser(uid))?;
    let name = CString::new(entry.name.as_str()).map_err(|_| Error::UnknownUser(uid))?;
    let groups = unistd::getgrouplist(&name, Gid::from_raw(gid))
        .map_err(Error::system("cannot look up the groups of the calling user"))?;
    Ok(User { uid, gid, groups: raw(&groups), name: entry.name, home: entry.dir })
}

fn entry(uid: Uid) -> Result<Option<unistd::User>, Error> {
    unistd::User::from_uid(uid).map_err(Error::system("cannot read the user database"))
}

fn raw(groups: &[Gid]) -> Vec<u32> {
    groups.iter().map(|gid| gid.as_raw()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_comes_with_name_home_and_groups() {
        let daemon = by_id(1, 1).expect("every machine has it");
        assert_eq!((daemon.name.as_str(), daemon.uid, daemon.gid), ("daemon", 1, 1));
        assert!(daemon.groups.contains(&1));
    }

    #[test]
    fn a_user_that_does_not_exist_is_named() {
        let error = by_id(4_000_000_001, 1).expect_err("nobody has this number");
        assert!(error.to_string().contains("4000000001"), "{error}");
    }
}
