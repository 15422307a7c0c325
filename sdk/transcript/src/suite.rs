//! Every case of every file, in every mode and every tearing.
use std::{fs, path::Path};

use keploy_sdk::{Side, Value};
use similar::TextDiff;

use crate::{
    case::{Case, Step, escape, sent},
    driver::Driver,
    expect, markdown,
    run::{self, Ended, Recording},
};

/// Runs them; returns what failed, in words.
pub fn run(driver: &mut dyn Driver, path: &Path, update: bool) -> Vec<String> {
    let files = match transcripts(path) {
        Ok(files) if files.is_empty() => return vec![format!("{}: no transcripts there", path.display())],
        Ok(files) => files,
        Err(error) => return vec![format!("{}: {error}", path.display())],
    };
    files.iter().flat_map(|file| run_file(driver, file, update)).collect()
}

fn transcripts(path: &Path) -> std::io::Result<Vec<std::path::PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        files.push(entry?.path());
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    Ok(files)
}

fn run_file(driver: &mut dyn Driver, file: &Path, update: bool) -> Vec<String> {
    let mut failures = Vec::new();
    let name = file.display();
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return vec![format!("{name}: {error}")],
    };
    let sections = match markdown::sections(&text) {
        Ok(sections) => sections,
        Err(error) => return vec![format!("{name}: {error}")],
    };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // From the end, so that an update does not move the lines of the cases still to come.
    for section in sections.into_iter().rev() {
        let case = match Case::read(section) {
            Ok(Some(case)) => case,
            Ok(None) => continue,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        if update {
            rewrite(&mut lines, &case, &base(driver, &case));
        }
        if let Err(error) = check(driver, &case, update) {
            failures.push(format!("{name}:{}: {}: {error}", case.line, case.name));
        }
    }
    if update && let Err(error) = fs::write(file, lines.join("\n") + "\n") {
        failures.push(format!("{name}: {error}"));
    }
    failures.reverse();
    failures
}

fn rewrite(lines: &mut Vec<String>, case: &Case, recording: &Recording) {
    let yaml = expect::yaml(&expect::whole(recording), &recording.contents);
    let new = yaml.lines().map(str::to_owned);
    match &case.expect {
        Some(block) => drop(lines.splice(block.start..block.start + block.lines.len(), new)),
        None => {
            let block = ["", "```expect"].map(str::to_owned).into_iter().chain(new).chain(["```".to_owned()]);
            lines.splice(case.behind..case.behind, block);
        }
    }
}

/// What the case records. A fault drops what its call had asked for, so only single bytes show all that came before.
fn base(driver: &mut dyn Driver, case: &Case) -> Recording {
    let recording = run::record(driver, case, &case.steps);
    if recording.fault.is_some() { run::record(driver, case, &torn(&case.steps)) } else { recording }
}

fn check(driver: &mut dyn Driver, case: &Case, update: bool) -> Result<(), String> {
    let recording = base(driver, case);
    match &case.expect {
        _ if update => {}
        None => return Err("no expect block\nhint: TRANSCRIPT_UPDATE=1 writes it".into()),
        Some(block) => {
            // The last line has an end too: a text block that keeps its empty lines counts it.
            let expected = expect::document(&(block.lines.join("\n") + "\n"))?;
            same("recorded", &expected, &expect::like(&recording, &expected), &recording)?;
        }
    }
    if let Some(fault) = recording.fault {
        for (how, steps) in tearings(case) {
            let code = run::record(driver, case, &steps).fault.map(|fault| fault.code);
            if code.as_ref() != Some(&fault.code) {
                return Err(format!("{how}: the fault is {code:?}, expected {:?}", fault.code));
            }
        }
        return Ok(());
    }
    let documents = expect::whole(&recording);
    let complete = recording.exchanges.iter().all(|exchange| exchange.ended == Ended::Closed);
    for (how, steps) in tearings(case) {
        let torn = run::record(driver, case, &steps);
        same(&format!("recorded {how}"), &documents, &expect::whole(&torn), &recording)?;
        if complete || case.mock.is_some() {
            check_mock(driver, case, &steps, &recording).map_err(|error| format!("mocked {how}: {error}"))?;
        }
        if driver.manifest().drives && (complete || case.drive.is_some()) {
            check_drive(driver, case, &steps, &torn).map_err(|error| format!("driven {how}: {error}"))?;
        }
    }
    Ok(())
}

fn check_mock(driver: &mut dyn Driver, case: &Case, steps: &[Step], recording: &Recording) -> Result<(), String> {
    let mocked = run::mock(driver, case, steps, recording)?;
    let expected = case.mock.clone().unwrap_or_else(|| case.sent(Side::Server));
    same_bytes(&expected, &sent(&mocked.steps, Side::Server))?;
    if case.server_ends && !mocked.ended_first() {
        return Err("the server ended the connection; the mock left it open".into());
    }
    let again = run::record(driver, case, &mocked.steps);
    same("recorded again", &expect::whole(recording), &expect::whole(&again), recording)
}

fn check_drive(driver: &mut dyn Driver, case: &Case, steps: &[Step], recording: &Recording) -> Result<(), String> {
    let (written, driven) = run::drive(driver, case, steps, recording)?;
    same_bytes(&case.drive.clone().unwrap_or_else(|| case.sent(Side::Client)), &written)?;
    same("read", &expect::whole(recording), &expect::whole(&driven), recording)
}

/// The ways a case is cut into chunks.
fn tearings(case: &Case) -> [(&'static str, Vec<Step>); 3] {
    [("as written", case.steps.clone()), ("byte by byte", torn(&case.steps)), ("in lumps", lumps(&case.steps))]
}

fn torn(steps: &[Step]) -> Vec<Step> {
    let mut torn = Vec::new();
    for step in steps {
        match step {
            Step::Bytes { from, data, .. } => {
                torn.extend(data.iter().map(|byte| Step::Bytes { from: *from, data: vec![*byte], after: false }));
            }
            end => torn.push(end.clone()),
        }
    }
    torn
}

/// All of the client's bytes, then all of the server's, as far as the order allows.
fn lumps(steps: &[Step]) -> Vec<Step> {
    let mut lumps = Vec::new();
    let mut waiting = Vec::new();
    for step in steps {
        match step {
            Step::Bytes { after: false, .. } => waiting.push(step.clone()),
            Step::Bytes { .. } => {
                lump(&mut waiting, &mut lumps);
                waiting.push(step.clone());
            }
            end => {
                lump(&mut waiting, &mut lumps);
                lumps.push(end.clone());
            }
        }
    }
    lumps
}

fn lump(waiting: &mut Vec<Step>, lumps: &mut Vec<Step>) {
    for from in [Side::Client, Side::Server] {
        let data = sent(waiting, from);
        if !data.is_empty() {
            lumps.push(Step::Bytes { from, data, after: false });
        }
    }
    waiting.clear();
}

fn same(what: &str, expected: &Value, actual: &Value, recording: &Recording) -> Result<(), String> {
    if expected == actual {
        return Ok(());
    }
    let render = |document| expect::yaml(document, &recording.contents);
    Err(format!("{what}: not as expected\n{}", diff(&render(expected), &render(actual))))
}

fn same_bytes(expected: &[u8], actual: &[u8]) -> Result<(), String> {
    if expected == actual {
        return Ok(());
    }
    let render = |bytes: &[u8]| bytes.split_inclusive(|byte| *byte == b'\n').map(escape).collect::<Vec<_>>().join("\n");
    Err(format!("wrote other bytes\n{}", diff(&render(expected), &render(actual))))
}

fn diff(expected: &str, actual: &str) -> String {
    TextDiff::from_lines(expected, actual).unified_diff().context_radius(4).header("expected", "actual").to_string()
}
