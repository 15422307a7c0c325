//! The harness, without keploy: what it says about a world must be true before it is used to judge anybody.

use std::net::{SocketAddr, UdpSocket};

use harness::apps::{self, App};
use harness::databases::{Database, Protocol, Server, Tls};
use harness::drivers::{DRIVERS, Trust};
use harness::pipe::{CONVERSATIONS, End};
use harness::{Process, Sent, World, orders, rows};

#[test]
fn every_sample_application_keeps_its_promises_without_us() {
    for app in [apps::flask(), apps::aiohttp(), apps::gohttp(), apps::nodehttp()] {
        let world = World::online();
        let _application = started(&world, &app);
        let sent = world.inside(|| orders::visit() + orders::draw_tickets());
        assert!(sent > 200, "{} requests are no crowd", sent);
    }
}

#[test]
fn every_driver_keeps_its_applications_promises_without_us() {
    for driver in DRIVERS {
        let server = match driver.protocol {
            Protocol::Postgres => Server::Postgres18,
            Protocol::MySql => Server::MySql9,
        };
        let world = World::online();
        let database = Database::start(&world, server, Tls::Required);
        let _application = started(&world, &driver.app(&database, Trust::Authority(&database.ca())));
        let sent = world.inside(rows::visit);
        assert!(sent > 80, "{}: {sent} requests are no crowd", driver.name);
    }
}

#[test]
fn whatever_tries_to_leave_a_world_is_counted() {
    let world = World::offline();
    assert_eq!(world.sent(), Sent::default());
    let send = |to: &'static str| {
        move || {
            UdpSocket::bind("[::]:0").and_then(|socket| socket.send_to(b"out", to.parse::<SocketAddr>().expect("one")))
        }
    };
    world.inside(send("[::ffff:192.0.2.1]:9")).expect("there is a way out");
    world.inside(send("[2001:db8::1]:9")).expect_err("there is none for IPv6");
    let sent = world.sent();
    assert!(sent.packets == 1 && sent.without_route >= 1, "{sent:?}");
}

#[test]
fn a_bare_pipe_passes_on_what_both_ends_do() {
    let world = World::offline();
    let _pipe = started(&world, &apps::pipe());
    for conversation in CONVERSATIONS {
        let (client, server) = world.inside(|| conversation.hold());
        let hung_up = conversation.name.contains("hangs up hard");
        let reset = [&client, &server].iter().any(|seen| seen.end == End::Reset);
        assert_eq!(reset, hung_up, "{}: {client:?}, {server:?}", conversation.name);
    }
}

fn started(world: &World, app: &App) -> Process {
    let process = Process::start(world, &mut app.started_directly());
    process.wait_for_port(world, apps::PORT);
    process
}
