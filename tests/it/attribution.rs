use harness::apps::{self, App};
use harness::keploy::Project;
use harness::{World, orders};

#[test]
fn dev() {
    let apps = [apps::flask(), apps::aiohttp(), apps::gohttp(), apps::nodehttp()];
    for app in apps {
        let name = app.name;
        let world = World::online();
        let project = Project::new(&world, app);
        let mut command = project.command("record");
        command.args(["--no-learn", "--debug"]);
        let process = harness::Process::start(&world, &mut command);
        process.wait_for("application is listening");
        world.inside(orders::visit);
        process.signal(nix::sys::signal::Signal::SIGINT);
        let ended = process.wait(harness::PATIENCE);
        for line in ended.stderr.lines().filter(|l| l.contains("process ") || l.contains("turns")) {
            eprintln!("{name}: {line}");
        }
        let keep = format!("/tmp/h/evidence/{name}");
        let _ = std::fs::remove_dir_all(&keep);
        std::fs::create_dir_all(&keep).unwrap();
        std::process::Command::new("cp").args(["-r", project.folder.to_str().unwrap(), &keep]).status().unwrap();
        std::fs::write(format!("{keep}/stderr"), &ended.stderr).unwrap();
    }
}
