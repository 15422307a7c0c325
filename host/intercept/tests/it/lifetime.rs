//! Everything is gone when the run is, however it ends.
use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::{self, Child, Stdio},
    thread,
    time::Duration,
};

use intercept::Mode;
use libtest_mimic::Trial;

use crate::{
    run::{PATIENCE, Process, Run, app, ask, this_program},
    test,
};

pub fn tests() -> Vec<Trial> {
    vec![
        test("lifetime::the_application_ends_as_ctrl_c_ends_it", the_application_ends_as_ctrl_c_ends_it),
        test("lifetime::an_application_that_does_not_want_to_end_is_killed", one_that_does_not_want_to_end_is_killed),
        test("lifetime::children_end_with_the_application", children_end_with_the_application),
        test("lifetime::the_run_leaves_no_folder", the_run_leaves_no_folder),
        test("lifetime::kill_9_leaves_nothing", kill_9_leaves_nothing),
        test("lifetime::an_application_without_supervisor_ends", an_application_without_supervisor_ends),
        test("lifetime::what_is_left_is_swept_by_the_next_run", what_is_left_is_swept_by_the_next_run),
    ]
}

fn the_application_ends_as_ctrl_c_ends_it() {
    // It takes the signal when it wants to: a shell that has not come to its `wait` yet may lose it.
    let waits = "import signal, sys; ctrl_c = [signal.SIGINT]; signal.pthread_sigmask(signal.SIG_BLOCK, ctrl_c); \
        print('ready', flush=True); signal.sigwait(ctrl_c); print('bye', flush=True); sys.exit(3)";
    let mut run = Run::shell(Mode::Record, &format!("exec python3 -c \"{waits}\""));
    let mut stdout = BufReader::new(run.application.take_output().expect("pipes").stdout).lines();
    assert_eq!(stdout.next().expect("a line").expect("text"), "ready");
    assert_eq!(run.terminate(PATIENCE).code(), Some(3));
    assert_eq!(stdout.next().expect("a line").expect("text"), "bye");
}

fn one_that_does_not_want_to_end_is_killed() {
    let mut run = Run::shell(Mode::Record, "trap '' INT TERM; echo ready; while :; do sleep 0.01; done");
    let mut stdout = BufReader::new(run.application.take_output().expect("pipes").stdout).lines();
    assert_eq!(stdout.next().expect("a line").expect("text"), "ready");
    assert_eq!(run.terminate(Duration::from_millis(50)).signal(), Some(libc::SIGKILL));
    assert_eq!(run.application.exited().and_then(|status| status.signal()), Some(libc::SIGKILL));
}

/// Also those that have left its process group, its session and its ancestry.
fn children_end_with_the_application() {
    let mut run = Run::shell(Mode::Record, "setsid sleep 1000 >/dev/null 2>&1 & echo $!");
    let child: u32 = run.output().trim().parse().expect("a process id");
    let child = Process::open(child);
    drop(run);
    assert!(child.ends());
}

fn the_run_leaves_no_folder() {
    let run = Run::shell(Mode::Record, "exec sleep 1000");
    let (folder, application) = (folder_of(run.application.pid()), Process::open(run.application.pid()));
    let user = fs::read_to_string(folder.join("cgroup.procs")).expect("the folder is there");
    assert_eq!(user.trim(), run.application.pid().to_string());
    drop(run);
    assert!(application.ends());
    assert!(!folder.exists());
}

fn kill_9_leaves_nothing() {
    let mut host = Host::start(&app("serve 127.0.0.1:0 2"));
    let (application, supervisor) = (Process::open(host.pid), Process::open(parent(host.pid)));
    assert!(ask(host.addr, "who").is_ok());
    host.keploy.kill().expect("it runs");
    host.keploy.wait().expect("it ends");
    assert!(application.ends());
    assert!(supervisor.ends());
    assert!(!host.folder.exists());
    assert!(ask(host.addr, "who").is_err());
}

fn an_application_without_supervisor_ends() {
    let run = Run::shell(Mode::Record, "exec sleep 1000");
    let application = Process::open(run.application.pid());
    Process::open(parent(run.application.pid())).kill(libc::SIGKILL);
    assert_eq!(run.wait().signal(), Some(libc::SIGKILL));
    assert!(application.ends());
}

fn what_is_left_is_swept_by_the_next_run() {
    let mut host = Host::start(&app("serve 127.0.0.1:0 1"));
    let (application, supervisor) = (Process::open(host.pid), Process::open(parent(host.pid)));
    // Both at once: stopped, keploy cannot do the supervisor's work.
    Process::open(host.keploy.id()).kill(libc::SIGSTOP);
    supervisor.kill(libc::SIGKILL);
    host.keploy.kill().expect("it runs");
    host.keploy.wait().expect("it ends");
    let run = Run::shell(Mode::Record, "exec sleep 1000");
    assert!(application.ends());
    // Another test's run may have been the one that swept, and may still be at it.
    let mine = folder_of(run.application.pid());
    assert!(mine.exists() && mine != host.folder);
}

/// A keploy that can be killed.
struct Host {
    keploy: Child,
    pid: u32,
    addr: std::net::SocketAddr,
    folder: PathBuf,
}

impl Host {
    fn start(command: &str) -> Self {
        let mut keploy = process::Command::new(this_program())
            .args(["host", command])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(keploy.stdout.take().expect("a pipe")).lines();
        let mut line = || lines.next().expect("a line").expect("text");
        let pid = line().parse().expect("a process id");
        Self { pid, addr: line().parse().expect("an address"), folder: folder_of(pid), keploy }
    }
}

/// The other end of [`Host::start`].
pub fn host(command: &str) {
    let mut run = Run::shell(Mode::Record, command);
    println!("{}\n{}", run.application.pid(), run.listening());
    loop {
        thread::park();
    }
}

/// The folder of the cgroup v2 that a process is in.
fn folder_of(pid: u32) -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("readable");
    let mount = mounts.lines().find(|line| line.contains(" cgroup2 ")).expect("mounted").split(' ').nth(1);
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("it runs");
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/")).expect("in a cgroup v2");
    PathBuf::from(mount.expect("two fields")).join(path)
}

fn parent(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:")).expect("everybody has one");
    line.trim().parse().expect("a number")
}
