//! Whom the application runs as, and how its start fails.
use std::{os::unix::process::ExitStatusExt as _, process};

use intercept::{Command, Error, Intercept, Mode, User, describe};
use libtest_mimic::Trial;

use crate::{
    relay::Relay,
    run::{Run, command, root, set, this_program},
    test,
};

pub fn tests() -> Vec<Trial> {
    vec![
        test("user::the_application_is_its_user_and_nobody_else", the_application_is_its_user_and_nobody_else),
        test("user::under_sudo_it_is_who_called", under_sudo_it_is_who_called),
        test("user::the_environment_is_ours_but_for_what_is_said", the_environment_is_ours_but_for_what_is_said),
        test("user::a_missing_directory_is_named", a_missing_directory_is_named),
        test("user::a_forbidden_directory_is_named", a_forbidden_directory_is_named),
        test("user::a_missing_command_is_told", a_missing_command_is_told),
    ]
}

fn daemon() -> User {
    User { uid: 1, gid: 1, groups: vec![1, 12], name: "daemon".into(), home: "/usr/sbin".into() }
}

fn the_application_is_its_user_and_nobody_else() {
    let shell = "id -u; id -g; id -G; echo $HOME $USER $LOGNAME; pwd; readlink /proc/self/fd/0; \
                 test $$ = $(ps -o sid= $$) && echo leader";
    let command = Command { user: daemon(), directory: "/usr".into(), ..command(shell) };
    let output = Run::start(Mode::Record, 1, command).output();
    assert_eq!(output, "1\n1\n1 12\n/usr/sbin daemon daemon\n/usr\n/dev/null\nleader\n");
}

fn under_sudo_it_is_who_called() {
    let caller = process::Command::new(this_program())
        .arg("caller")
        .envs([("SUDO_UID", "1"), ("SUDO_GID", "12")])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&caller.stdout).into_owned();
    assert!(said.starts_with("daemon 1 12 /usr/sbin "), "{said}");
    assert!(said.split([' ', ',']).any(|group| group.trim() == "12"), "{said}");
}

/// The other end of [`under_sudo_it_is_who_called`].
pub fn print_caller() {
    let User { uid, gid, groups, name, home } = intercept::caller().expect("there is one");
    let groups: Vec<_> = groups.iter().map(u32::to_string).collect();
    println!("{name} {uid} {gid} {} {}", home.display(), groups.join(","));
}

fn the_environment_is_ours_but_for_what_is_said() {
    let path = std::env::var("PATH").expect("there is one");
    let environment = vec![set("ADDED", "a b"), ("CARGO_MANIFEST_DIR".into(), None)];
    let shell = "echo \"$ADDED\"; echo \"$PATH\"; echo \"${CARGO_MANIFEST_DIR-gone}\"; echo \"${SUDO_UID-gone}\"";
    let output = Run::start(Mode::Record, 0, Command { environment, ..command(shell) }).output();
    assert_eq!(output, format!("a b\n{path}\ngone\ngone\n"));
}

fn launch_error(command: &Command) -> Error {
    let relay = Relay::bind(0);
    let (intercept, _event_rx) = Intercept::attach(Mode::Record, &relay.ports(), &relay.steered()).expect("attached");
    intercept.launch(command).expect_err("it cannot be launched")
}

fn a_missing_directory_is_named() {
    let error = launch_error(&Command { directory: "/no/such/place".into(), ..command("true") });
    assert!(error.to_string().contains("/no/such/place"), "{error}");
}

fn a_forbidden_directory_is_named() {
    let error = launch_error(&Command { user: daemon(), directory: root().home, ..command("true") });
    let text = error.to_string();
    assert!(text.contains("as daemon in /root: Permission denied") && text.contains("hint: "), "{text}");
}

fn a_missing_command_is_told() {
    let run = Run::shell(Mode::Record, "no-such-command");
    let told = describe(run.wait());
    assert!(told.contains("did not find the command"), "{told}");
    assert_eq!(describe(process::ExitStatus::from_raw(9)), "was ended by SIGKILL");
}
