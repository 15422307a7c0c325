//! `keploy explain`: the story of one test.
use std::path::Path;

use store::{SetReport, Status, TestReport};

use crate::{
    arguments::{Place, PluginDirectories},
    exit::{Code, Failure, Outcome},
    parsers, sets,
    story::{Allowed, Call, Story, What},
    style, words,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// TEST, or SET/TEST.
    test: String,
    /// The run: 3 or test-run-3. The last one, if not said.
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    directories: PluginDirectories,
    /// Print the story as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: Arguments, config_path: &Path) -> Outcome {
    let Arguments { test, run, place, directories, json } = arguments;
    let (_, project) = sets::project(config_path, place.path)?;
    let registry = parsers::load(&directories)?;
    let run = sets::run(&project, run.as_deref())?;
    let reports = run.read()?;
    let (report, told) = find(&reports, &test, &run.name)?;
    let set = sets::read(&project, &report.set, &registry)?;
    let story = Story::of(&run.name, report, told, &set, &registry).ok_or_else(|| {
        let words =
            format!("{} is in {}, but not in {} any more\nhint: run `keploy test` again", test, run.name, set.name);
        Failure::words(Code::Usage, words)
    })?;
    if json {
        println!("{}", serde_json::to_string_pretty(&story)?);
    } else {
        print(&story);
    }
    Ok(Code::Success)
}

fn find<'r>(reports: &'r [SetReport], wanted: &str, run: &str) -> Result<(&'r SetReport, &'r TestReport), Failure> {
    let (set, name) = wanted.split_once('/').map_or((None, wanted), |(set, name)| (Some(set), name));
    let all = || reports.iter().flat_map(|report| report.tests.iter().map(move |test| (report, test)));
    let of_set = |report: &SetReport| set.is_none_or(|set| report.set == set);
    let found: Vec<_> = all().filter(|(report, test)| of_set(report) && test.name == name).collect();
    match found[..] {
        [one] => Ok(one),
        [] => {
            let failed = all().filter(|(_, test)| test.status == Status::Failed);
            let names: Vec<String> =
                failed.take(5).map(|(report, test)| format!("{}/{}", report.set, test.name)).collect();
            let hint = if names.is_empty() { "`keploy report` names them".to_owned() } else { names.join(", ") };
            Err(Failure::words(Code::Usage, format!("there is no test {wanted} in {run}\nhint: {hint}")))
        }
        _ => {
            let names: Vec<String> = found.iter().map(|(report, _)| format!("{}/{name}", report.set)).collect();
            Err(Failure::words(Code::Usage, format!("several are called {name}\nhint: say {}", names.join(" or "))))
        }
    }
}

fn print(story: &Story) {
    let status = match story.status {
        Status::Passed => style::green(story.status.as_str()),
        _ => style::red(story.status.as_str()),
    };
    println!("{status} {} {}", style::bold(&story.test), style::dim(format_args!("{}, {}", story.set, story.run)));
    println!("  file      {}", story.file);
    println!("  request   {}", story.request);
    println!("  clock     recorded {}; ran {}, {}", story.recorded_at, story.ran_at, clock(story));
    if let Some(error) = &story.error {
        println!("  {}     {}", style::red("error"), error.replace('\n', "\n            "));
    }
    if !story.flaky.is_empty() {
        println!("  flaky     while learning, though nothing had changed:");
    }
    story.flaky.iter().for_each(|how| println!("            {}", style::red(words::short(how))));
    println!("  calls     {}", if story.calls.is_empty() { "none" } else { "in recorded order" });
    story.calls.iter().enumerate().for_each(|(n, call)| print_call(n + 1, call));
    println!("  answer    {}", story.answered);
    if story.differences.is_empty() {
        println!("            as recorded");
    } else {
        println!("            recorded: {}", story.expected);
    }
    for difference in &story.differences {
        println!("            {}", style::red(words::difference(difference)));
    }
    if !story.may_differ.is_empty() {
        println!("  not compared exactly");
    }
    story.may_differ.iter().for_each(|allowed| println!("            {}", line(allowed)));
}

fn clock(story: &Story) -> String {
    match (story.clock, story.at_real_time.as_slice()) {
        ("recorded", []) => "at the recorded time".to_owned(),
        ("recorded", others) => format!("at the recorded time, but {}", others.join(", ")),
        _ => "at the machine's time".to_owned(),
    }
}

fn print_call(n: usize, call: &Call) {
    let what = match call.what {
        What::AsRecorded => String::new(),
        What::Changed => style::red("changed: "),
        What::Missing => style::red("missing: "),
        What::Additional => style::red("additional: "),
    };
    let mock = call.mock.as_ref().map_or_else(String::new, |mock| match call.what {
        What::Additional => format!("nearest: {mock}"),
        _ => format!("{mock}: {}", call.evidence),
    });
    let mock = style::dim(mock);
    println!("    {n:>4}    {what}{} {} to {}  {mock}", call.protocol, call.summary, call.destination);
    for difference in &call.differences {
        println!("              {}", style::red(words::difference(difference)));
    }
    if call.what == What::AsRecorded {
        println!("              -> {}", call.answer);
        let places: Vec<String> = call.may_differ.iter().map(place).collect();
        if !places.is_empty() {
            println!("              {}", style::dim(format_args!("may differ: {}", places.join(", "))));
        }
    }
}

fn place(allowed: &Allowed) -> String {
    match &allowed.place.is {
        Some(is) => format!("{} ({is})", allowed.place.at),
        None => allowed.place.at.clone(),
    }
}

fn line(allowed: &Allowed) -> String {
    let evidence = if allowed.evidence.is_empty() { String::new() } else { format!(": {}", allowed.evidence) };
    format!("{}  {}", place(allowed), style::dim(format_args!("{}{evidence}", allowed.place.by)))
}
