use std::io;

/// Why an application can't have another clock on this machine.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages are the documentation")]
pub enum Unsupported {
    #[error("another clock for the application is there for x86-64 machines only")]
    Machine,
    #[error(
        "the kernel does not report system calls to a supervisor (seccomp user notification, since 5.5)\nhint: use a newer kernel, with CONFIG_SECCOMP_FILTER"
    )]
    Kernel,
    #[error(
        "another supervisor gets the system calls of this process already (seccomp), and there can be only one\nhint: is this inside of another clock, or in a container whose runtime does that?"
    )]
    Taken,
    #[error("the kernel refuses the filter for system calls (seccomp): {0}\nhint: in a container, --cap-add SYS_ADMIN")]
    Refused(io::Error),
    #[error(
        "the clock's page of shared memory cannot be made: {0}\nhint: `ipcs -m` shows what there is, /proc/sys/kernel/shmmni how much may be"
    )]
    Memory(io::Error),
    #[error(
        "the kernel's vDSO is not as expected: {0}\nhint: please report this together with the output of `uname -a`"
    )]
    Vdso(&'static str),
    #[error("the clock's supervisor cannot be started: {0}")]
    Supervisor(io::Error),
}
