//! Can this machine be intercepted on? Asked before anything is done, so that the answer names what is missing.
use std::{fs, path::PathBuf};

use aya::{
    programs::{ProgramError, ProgramType},
    sys::is_program_supported,
    util::KernelVersion,
};

/// What the machine lacks, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Unsupported {
    #[error("keploy must be root to intercept connections\nhint: sudo keploy ...; the application still runs as you")]
    NotRoot,
    #[error(
        "this kernel is older than 5.15, which is the first that has everything the interception needs\nhint: use a newer kernel; WSL: wsl --update"
    )]
    OldKernel,
    #[error(
        "the kernel does not describe itself: /sys/kernel/btf/vmlinux is missing\nhint: use a kernel built with CONFIG_DEBUG_INFO_BTF, as the big distributions' are; in a container, mount /sys"
    )]
    NoBtf,
    #[error(
        "no cgroup v2 is mounted\nhint: mount -t cgroup2 none /sys/fs/cgroup/unified, or boot with systemd.unified_cgroup_hierarchy=1; `ip netns exec` hides it, `nsenter --net` does not"
    )]
    NoCgroup2,
    #[error(
        "the kernel refuses eBPF: {0}\nhint: a container wants --privileged, or --cap-add BPF,NET_ADMIN,SYS_ADMIN,PERFMON and a seccomp profile that allows bpf()"
    )]
    BpfRefused(ProgramError),
}

/// # Errors
/// Says the first thing that is missing.
pub fn check() -> Result<(), Unsupported> {
    if !nix::unistd::geteuid().is_root() {
        return Err(Unsupported::NotRoot);
    }
    if KernelVersion::current().is_ok_and(|kernel| kernel < KernelVersion::new(5, 15, 0)) {
        return Err(Unsupported::OldKernel);
    }
    if !fs::exists("/sys/kernel/btf/vmlinux").unwrap_or(false) {
        return Err(Unsupported::NoBtf);
    }
    cgroup2_mount()?;
    match is_program_supported(ProgramType::SkLookup) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Unsupported::OldKernel),
        Err(error) => Err(Unsupported::BpfRefused(error)),
    }
}

/// Where cgroup v2 is mounted: `/sys/fs/cgroup`, or `/sys/fs/cgroup/unified` on a machine that has both versions.
pub(crate) fn cgroup2_mount() -> Result<PathBuf, Unsupported> {
    fs::read_to_string("/proc/self/mounts").ok().as_deref().and_then(cgroup2_in).ok_or(Unsupported::NoCgroup2)
}

fn cgroup2_in(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ');
        let (_, path, kind) = (fields.next()?, fields.next()?, fields.next()?);
        (kind == "cgroup2").then(|| path.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_is_found_on_pure_and_on_hybrid_machines() {
        let pure = "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
        assert_eq!(cgroup2_in(pure), Some("/sys/fs/cgroup".into()));
        let hybrid = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(cgroup2_in(hybrid), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(cgroup2_in("cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n"), None);
    }
}
