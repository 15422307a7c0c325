//! Everyday faults: what the user sees, and what the machine looks like afterwards.

use std::path::{Path, PathBuf};
use std::process::Command;

use harness::apps::{self, PORT};
use harness::http::{Client, Connections};
use harness::keploy::{Outcome, Project};
use harness::{PATIENCE, Process, World, orders};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const DIED: i32 = 3;
const NEVER_LISTENED: i32 = 4;
const NOTHING_RECORDED: i32 = 5;
const PARSER_MISSING: i32 = 6;
const USAGE: i32 = 2;

#[test]
fn an_application_that_crashes_at_once_is_a_failure_of_its_own() {
    let world = World::offline();
    let crash = apps::script(r#"raise SystemExit("the settings are wrong")"#);
    let recorded = a_recording(&world);
    recorded.with_app(crash).test(&world, "").expect_code(DIED).expect_words(&["the settings are wrong", "hint:"]);
}

#[test]
fn an_application_killed_by_a_signal_is_named_with_it() {
    let world = World::offline();
    let recorded = a_recording(&world);
    let crash = apps::script("import os; os.abort()");
    recorded.with_app(crash).test(&world, "").expect_code(DIED).expect_words(&["SIGABRT"]);
}

#[test]
fn an_application_that_never_listens_is_waited_for_only_so_long() {
    let world = World::offline();
    let recorded = a_recording(&world);
    let idle = apps::script("import threading; threading.Event().wait()");
    let project = recorded.with_app(idle).option("--health-poll-timeout", "1");
    project.test(&world, "").expect_code(NEVER_LISTENED).expect_words(&["listen", "hint:"]);
}

#[test]
fn a_port_in_use_is_the_applications_own_error_and_is_shown() {
    let world = World::offline();
    let recorded = a_recording(&world);
    let other = Process::start(&world, &mut apps::pipe().started_directly());
    other.wait_for_port(&world, PORT);
    recorded.test(&world, "").expect_code(DIED).expect_words(&["address already in use"]);
}

#[test]
fn recording_ends_with_the_application_and_keeps_what_it_did() {
    let world = World::offline();
    let project = Project::new(&world, apps::pipe());
    let recording = project.record(&world);
    end_the_application(recording.process().pid());
    let outcome = Outcome::of(recording.into_process().wait(PATIENCE));
    outcome.expect_words(&["SIGKILL"]);
}

#[test]
fn nothing_recorded_is_said() {
    let world = World::offline();
    let project = Project::new(&world, apps::pipe());
    project.test(&world, "").expect_code(NOTHING_RECORDED).expect_words(&["keploy record", "hint:"]);
}

#[test]
fn broken_yaml_is_named_by_file_and_line() {
    let world = World::offline();
    let project = a_recording(&world);
    let test = a_test_file(&project);
    let text = std::fs::read_to_string(&test).expect("it was recorded");
    let kind = text.lines().position(|line| line.starts_with("kind:")).expect("a kind") + 1;
    std::fs::write(&test, text.replacen("kind: Http", "kind: [Http", 1)).expect("the folder is ours");
    // A bracket that is never closed is noticed where the next thing begins.
    let file = test.file_name().and_then(|name| name.to_str()).expect("a slug");
    let places = [format!("{file}:{kind}"), format!("{file}:{}", kind + 1)];
    let names_it = |said: &str| places.iter().any(|place| said.contains(place)) && said.contains("hint:");

    let replayed = project.test(&world, "");
    assert!(names_it(&replayed.expect_code(USAGE).stderr), "{}", replayed.said());
    let checked = check(&world, &project.folder);
    assert!(!checked.status.success() && names_it(&format!("{}{}", checked.stdout, checked.stderr)), "{checked:?}");
}

#[test]
fn an_unknown_key_in_keploy_yml_is_named_with_its_line() {
    let world = World::offline();
    let project = a_recording(&world);
    std::fs::write(project.folder.join("keploy.yml"), "path: .\napiTimeot: 5\n").expect("the folder is ours");
    project.test(&world, "").expect_code(USAGE).expect_words(&["keploy.yml:2", "apiTimeot", "hint:"]);
}

#[test]
fn a_recording_whose_parser_is_missing_says_which() {
    let world = World::offline();
    let project = a_recording(&world);
    let test = a_test_file(&project);
    let text = std::fs::read_to_string(&test).expect("it was recorded");
    std::fs::write(&test, text.replacen("kind: Http", "kind: Semaphore", 1)).expect("the folder is ours");
    project.test(&world, "").expect_code(PARSER_MISSING).expect_words(&["Semaphore", "--plugins", "hint:"]);
}

#[test]
fn not_root_is_said_with_what_to_do() {
    let world = World::offline();
    let project = Project::new(&world, apps::pipe());
    let mut command = project.command("record");
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    // A place nobody can reach: the binary may lie in somebody's home.
    let binary = world.folder().join("keploy-binary");
    std::fs::copy(command.get_program(), &binary).expect("the folder is ours");
    open_to_all(&[world.folder(), &project.folder, &binary]);
    nobody.arg(&binary).args(command.get_args()).current_dir(&project.folder);
    command.env_clear();
    let ended = Process::start(&world, &mut nobody).wait(PATIENCE);
    assert_eq!(ended.status.code(), Some(USAGE), "{ended:?}");
    assert!(ended.stderr.contains("root") && ended.stderr.contains("hint:"), "{ended:?}");
}

#[test]
fn what_the_machine_lacks_is_said() {
    let world = World::offline();
    let project = Project::new(&world, apps::pipe());
    let no_btf = "mount -t tmpfs none /sys/kernel/btf";
    let no_cgroup2 = "for place in $(awk '$3 == \"cgroup2\" {print $2}' /proc/self/mounts); do umount -l $place; done";
    for (take_away, missing) in [(no_btf, "BTF"), (no_cgroup2, "cgroup v2")] {
        let keploy = project.command("record");
        let mut without = Command::new("unshare");
        without.args(["--mount", "sh", "-c", &format!("{take_away} && exec \"$@\""), "sh"]);
        without.arg(keploy.get_program()).args(keploy.get_args()).current_dir(&project.folder);
        let ended = Process::start(&world, &mut without).wait(PATIENCE);
        assert_eq!(ended.status.code(), Some(USAGE), "{missing}: {ended:?}");
        assert!(ended.stderr.contains(missing) && ended.stderr.contains("hint:"), "{missing}: {ended:?}");
    }
}

#[test]
fn after_kill_9_what_was_finished_is_on_disk_and_the_machine_is_as_before() {
    let world = World::online();
    let project = Project::new(&world, apps::aiohttp());
    let recording = project.record(&world);
    let sent = world.inside(orders::visit);
    let (keploy, application) = (recording.process().pid(), the_application(recording.process().pid()));
    kill(keploy, Signal::SIGKILL).expect("it is running");
    recording.into_process().wait(PATIENCE);
    assert!(is_gone(&world, application), "the application outlived keploy");

    // What had been finished is in the journal; the next command makes files of it.
    let checked = check(&world, &project.folder);
    assert!(checked.status.success(), "{checked:?}");
    let written = project.test_files();
    assert!(written + harness::orders::CLIENTS >= sent, "{written} of {sent} tests are on disk");
    // An empty group may stay until the next run sweeps it: the kernel removes none by itself.
    let again = project.record(&world);
    again.finish().expect_code(0);
    assert_eq!(cgroups_of(keploy), Vec::<PathBuf>::new());
    assert!(!world.is_listened_on(PORT));
}

/// One request, recorded with the simplest application.
fn a_recording(world: &World) -> Project {
    let project = Project::new(world, apps::gohttp());
    let recording = project.record(world);
    world.inside(|| {
        let client = Client::new(PORT, Connections::OneEach);
        assert_eq!(client.send("GET", "/health", b"", "").expect("it answers").status, 200);
    });
    recording.finish().expect_code(0);
    project
}

fn a_test_file(project: &Project) -> PathBuf {
    let mut files = std::fs::read_dir(project.test_set().join("tests")).expect("tests were recorded");
    files.next().expect("one test").expect("a readable folder").path()
}

fn check(world: &World, folder: &Path) -> harness::Ended {
    Process::start(world, harness::keploy::keploy().arg("check").current_dir(folder)).wait(PATIENCE)
}

fn open_to_all(paths: &[&Path]) {
    use std::os::unix::fs::PermissionsExt;
    for path in paths {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).expect("it is ours");
    }
}

/// The process below keploy that listens: its children are asked for children until there are none.
fn the_application(keploy: Pid) -> Pid {
    let mut pid = keploy;
    while let Some(child) = children(pid).first() {
        pid = *child;
    }
    assert_ne!(pid, keploy, "keploy has started nothing");
    pid
}

fn end_the_application(keploy: Pid) {
    kill(the_application(keploy), Signal::SIGKILL).expect("it is running");
}

fn children(pid: Pid) -> Vec<Pid> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|n| n.parse().ok()).map(Pid::from_raw).collect::<Vec<_>>())
        .collect()
}

/// The kernel ends it when keploy is gone; that takes a moment.
fn is_gone(world: &World, pid: Pid) -> bool {
    let mut tail = Command::new("tail");
    tail.args([&format!("--pid={pid}"), "-f", "/dev/null"]);
    Process::start(world, &mut tail).wait(PATIENCE).status.success()
}

/// The groups that this run of keploy made: `keploy-PID-N`.
fn cgroups_of(keploy: Pid) -> Vec<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/mounts").expect("procfs");
    let cgroup2 = mounts.lines().find_map(|line| {
        let mut columns = line.split(' ').skip(1);
        let place = columns.next()?;
        (columns.next()? == "cgroup2").then(|| PathBuf::from(place))
    });
    let folders = std::fs::read_dir(cgroup2.expect("cgroup v2 is mounted")).expect("a readable folder").flatten();
    let its = |folder: &PathBuf| {
        folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("keploy-{keploy}-")))
    };
    folders.map(|folder| folder.path()).filter(its).collect()
}
