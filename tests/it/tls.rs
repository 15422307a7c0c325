//! TLS is taken off without the application noticing, in every runtime, and put to nobody who does not want it.

use std::path::{Path, PathBuf};
use std::process::Command;

use harness::apps::{App, PORT, script};
use harness::databases::{Tls, https};
use harness::drivers::{CLIENTS, Language, UNTRUSTING};
use harness::keploy::Project;
use harness::{PATIENCE, Process, World, file, files_below, rows};

const SECURE: u16 = 8443;

/// A world with an HTTPS server in it, which only `caCert` of keploy.yml makes trustworthy.
struct Secure {
    world: World,
    /// Of the server: `ca.pem`, `client.pem`, `client.key`.
    folder: PathBuf,
    server: Process,
}

impl Secure {
    fn new(clients: Tls) -> Self {
        let world = World::online();
        let folder = world.folder().join("secure");
        let server = https(&world, SECURE, &folder, clients);
        Self { world, folder, server }
    }

    /// With `record: upstreamTls:` as said, and `caCert` if the server is to be trusted.
    fn project(&self, app: App, trusted: bool, more: &[(&str, &Path)]) -> Project {
        let project = Project::new(&self.world, app);
        let ca = self.folder.join("ca.pem");
        let keys = trusted.then_some(("caCert", &*ca)).into_iter().chain(more.iter().copied());
        let keys: String = keys.map(|(key, file)| format!("    {key}: {}\n", file.display())).collect();
        std::fs::write(project.folder.join("keploy.yml"), format!("record:\n  upstreamTls:\n    verify: true\n{keys}"))
            .expect("the folder is ours");
        project
    }

    fn fetch(&self, client: &'static str, path: &str) -> serde_json::Value {
        let url = format!("https://secure.test:{SECURE}{path}");
        self.world.inside(move || rows::fetch(client, &url))
    }
}

#[test]
fn python_is_read() {
    is_read(Language::Python);
}

#[test]
fn go_is_read() {
    is_read(Language::Go);
}

#[test]
fn node_is_read() {
    is_read(Language::Node);
}

#[test]
fn java_is_read() {
    is_read(Language::Java);
}

#[test]
fn ruby_is_read() {
    is_read(Language::Ruby);
}

#[test]
fn rust_is_read() {
    is_read(Language::Rust);
}

/// Recorded with every client there is in this language, and replayed with the server gone.
fn is_read(language: Language) {
    let (_, clients) = CLIENTS.iter().find(|(of, _)| *of == language).expect("every language has some");
    let secure = Secure::new(Tls::Offered);
    let project = secure.project(language.fetcher(), true, &[]);
    let recording = project.record(&secure.world);
    for client in *clients {
        for n in 0..2 {
            let answer = secure.fetch(client, &format!("/{client}/{n}"));
            assert_eq!(answer["status"], 200, "{client}: {answer}");
            assert!(answer["body"].to_string().contains("grüß dich"), "{client}: {answer}");
        }
    }
    let recorded = recording.finish();
    recorded.expect_code(0);
    let all = 2 * clients.len() as u64;
    let counts = ["tests", "exchanges", "lost", "unparsed"].map(|name| recorded.number(name));
    assert_eq!(counts, [all, all, 0, 0], "{}", recorded.said());
    let mocks = std::fs::read_to_string(project.test_set().join("mocks.yaml")).expect("it was written");
    assert!(mocks.contains(&format!("https://secure.test:{SECURE}/{}/1", clients[0])), "{mocks}");
    let offline = World::offline();
    let replayed = project.test(&offline, "");
    replayed.expect_code(0);
    assert_eq!(offline.sent().packets, 0, "{}", replayed.said());
}

/// Nobody can look into it: its first connection fails, all others go through, and it is said which and why.
#[test]
fn who_trusts_only_himself_is_passed_through() {
    let secure = Secure::new(Tls::Offered);
    let own = secure.own_authorities();
    let recording = secure.project(curl(&format!("--cacert {}", own.display())), true, &[]).record(&secure.world);
    assert_eq!(secure.curl("/first"), "exit 60\n");
    for _ in 0..2 {
        assert!(secure.curl("/then").contains("/then"));
    }
    let recorded = recording.finish();
    recorded.expect_code(0).expect_words(&[
        "secure.test:8443",
        "does not accept keploy's certificate",
        "hint: caFiles",
    ]);
    assert_eq!(["tests", "exchanges"].map(|name| recorded.number(name)), [3, 0]);
}

/// The pin is of the real certificate's key, and is looked at when the handshake is over.
#[test]
fn who_pins_a_certificate_is_passed_through() {
    let secure = Secure::new(Tls::Offered);
    let server = secure.folder.join("server.pem");
    let pin = format!(
        "$(openssl x509 -in {} -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64)",
        server.display()
    );
    let ca = secure.folder.join("ca.pem").display().to_string();
    let app = curl(&format!("--pinnedpubkey sha256//{pin}")).with("CURL_CA_BUNDLE", &ca);
    let recording = secure.project(app, false, &[]).record(&secure.world);
    for _ in 0..2 {
        assert_eq!(secure.curl("/refused"), "exit 90\n", "curl says that it is another key");
    }
    assert!(secure.curl("/then").contains("/then"));
    recording.finish().expect_code(0).expect_words(&["it pins the real one"]);
}

/// Roots that are compiled in: with or without us, it does not trust this server.
#[test]
fn who_brings_his_roots_along_is_told_of() {
    let secure = Secure::new(Tls::Offered);
    let (language, client) = UNTRUSTING;
    let recording = secure.project(language.fetcher(), true, &[]).record(&secure.world);
    let url = format!("/fetch?client={client}&url=https://secure.test:{SECURE}/");
    assert!(secure.curl(&url).contains("UnknownIssuer"));
    recording.finish().expect_code(0).expect_words(&["does not accept keploy's certificate"]);
}

/// A file of authorities that only the application knows the name of, and keploy.yml.
#[test]
fn a_file_of_its_own() {
    let secure = Secure::new(Tls::Offered);
    let own = secure.own_authorities();
    let project = secure.project(curl(&format!("--cacert {}", own.display())), false, &[]);
    std::fs::write(project.folder.join("keploy.yml"), format!("caFiles: [{}]\n", own.display())).expect("ours");
    let recording = project.record(&secure.world);
    assert!(secure.curl("/read").contains("/read"));
    assert_eq!(recording.finish().expect_code(0).number("exchanges"), 1);
    project.test(&World::offline(), "").expect_code(0);
}

/// A server that nobody vouches for: who verifies is told so, as without us; who does not is read.
#[test]
fn a_bad_certificate_stays_bad() {
    let secure = Secure::new(Tls::Offered);
    let project = secure.project(curl(""), false, &[]);
    let recording = project.record(&secure.world);
    assert!(secure.curl("/refused").contains("exit 60"), "curl says that it cannot verify");
    let recorded = recording.finish();
    recorded
        .expect_code(0)
        .expect_words(&["nobody this machine trusts has signed its certificate", "--insecure-upstream"]);

    let project = secure.project(curl("-k"), false, &[]);
    let recording = project.record(&secure.world);
    assert!(secure.curl("/unverified").contains("/unverified"), "curl -k does not look at it");
    assert_eq!(recording.finish().expect_code(0).number("exchanges"), 1);

    let project = secure.project(curl(""), false, &[]).option("--insecure-upstream", "secure.test");
    let recording = project.record(&secure.world);
    assert!(secure.curl("/insecure").contains("/insecure"), "keploy was told to trust it");
    assert_eq!(recording.finish().expect_code(0).number("exchanges"), 1);
}

/// Without its key nobody can show a client's certificate in its place: the connection is left alone, from the first.
#[test]
fn a_client_certificate_that_we_do_not_have() {
    let secure = Secure::new(Tls::Required);
    let [pem, key, ca] = ["client.pem", "client.key", "ca.pem"].map(|name| secure.folder.join(name));
    let shown = format!("--cert {} --key {} --cacert {}", pem.display(), key.display(), ca.display());

    let recording = secure.project(curl(&shown), true, &[]).record(&secure.world);
    let answer = secure.curl("/left-alone");
    assert!(answer.contains("\"client\": \"t\""), "{answer}");
    let recorded = recording.finish();
    recorded.expect_code(0).expect_words(&["asks for a client certificate", "upstreamTls.clientCert"]);
}

/// keploy.yml names it: then the server knows the application by it.
#[test]
fn a_client_certificate_that_we_have() {
    let secure = Secure::new(Tls::Required);
    let [pem, key] = ["client.pem", "client.key"].map(|name| secure.folder.join(name));
    let project = secure.project(curl(""), true, &[("clientCert", &pem), ("clientKey", &key)]);
    let recording = project.record(&secure.world);
    let answer = secure.curl("/by-us");
    assert!(answer.contains("\"client\": \"t\""), "{answer}");
    assert_eq!(recording.finish().expect_code(0).number("exchanges"), 1);
    let written = std::fs::read_to_string(project.test_set().join("mocks.yaml")).expect("it was written");
    assert!(!written.contains("PRIVATE KEY"));
    project.test(&World::offline(), "").expect_code(0);
}

/// The application serves HTTPS itself.
#[test]
fn incoming() {
    let world = World::online();
    let folder = world.folder().join("app");
    // Made by the script, as for any server.
    drop(https(&world, SECURE, &folder, Tls::Offered));
    let app = App {
        name: "https",
        command: format!("python3 {} {PORT} {} offered", file("servers/https.py").display(), folder.display()),
        environment: Vec::new(),
    };
    let ask = |path: &str| {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--cacert"]).arg(folder.join("ca.pem")).arg(format!("https://localhost:{PORT}{path}"));
        Process::start(&world, &mut curl).wait(PATIENCE)
    };
    let project = Project::new(&world, app.clone());
    let recording = project.record(&world);
    assert!(ask("/through").stdout.contains("/through"));
    recording.finish().expect_code(0).expect_words(&["the application serves TLS", "--tls-cert and --tls-key"]);

    let option = |project: Project, name, value: &str| project.option(name, folder.join(value));
    let with_key = option(option(project.clone(), "--tls-cert", "server.pem"), "--tls-key", "server.key");
    let recording = with_key.record(&world);
    for path in ["/one", "/two"] {
        let answer = ask(path);
        assert!(answer.stdout.contains(path), "{answer:?}");
    }
    assert_eq!(recording.finish().expect_code(0).number("tests"), 2);
    let replayed = project.test(&World::offline(), "");
    replayed.expect_code(0);
    let tests = replayed.json["sets"][0]["tests"].as_array().map(Vec::len);
    assert_eq!(tests, Some(2), "{}", replayed.said());
}

/// Sessions are resumed, and old clients served.
#[test]
fn versions_and_sessions() {
    let secure = Secure::new(Tls::Offered);
    let code = format!(
        r#"
import http.server, json, socket, ssl
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = []
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.create_default_context()
            context.minimum_version = context.maximum_version = version
            session = None
            for turn in range(2):
                with socket.create_connection(("secure.test", {SECURE})) as plain:
                    with context.wrap_socket(plain, server_hostname="secure.test", session=session) as tls:
                        agreed = [tls.version(), tls.session_reused]
                        tls.sendall(b"GET / HTTP/1.1\r\nHost: secure.test\r\nConnection: close\r\n\r\n")
                        while tls.recv(999): pass
                        session = tls.session
                        said.append(agreed)
        text = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
http.server.ThreadingHTTPServer(("127.0.0.1", {PORT}), H).serve_forever()
"#
    );
    let path = secure.world.folder().join("sessions.py");
    std::fs::write(&path, code).expect("the folder is ours");
    let app = App { command: format!("python3 {}", path.display()), ..script("") };
    let recording = secure.project(app, true, &[]).record(&secure.world);
    let said = secure.curl("/");
    // TLS 1.3 sends its tickets after the handshake: they went by inside what was read.
    let reused = r#"[["TLSv1.2", false], ["TLSv1.2", true], ["TLSv1.3", false], ["TLSv1.3", true]]"#;
    assert_eq!(said, reused, "{}", secure.server.stderr());
    assert_eq!(recording.finish().expect_code(0).number("exchanges"), 4);
}

/// The application alone sees what was laid over the machine's files; no key is on any disk, and nothing is left.
#[test]
fn nothing_outside_the_application_changes() {
    let bundle = "/etc/ssl/certs/ca-certificates.crt";
    let before = std::fs::read(bundle).expect("Debian has it");
    let secure = Secure::new(Tls::Offered);
    let temporary = secure.world.folder().join("tmp");
    std::fs::create_dir(&temporary).expect("the folder is ours");
    let app = shell(&format!("cat {bundle} $NODE_EXTRA_CA_CERTS")).with("TMPDIR", &temporary.display().to_string());
    let app = app.with("NODE_EXTRA_CA_CERTS", "");
    let project = secure.project(app, true, &[]);
    let recording = project.record(&secure.world);
    let seen = secure.curl("/");
    let ours = seen.matches("BEGIN CERTIFICATE").count();
    let theirs = String::from_utf8_lossy(&before).matches("BEGIN CERTIFICATE").count();
    assert_eq!(ours, theirs + 2, "the machine's and ours, and ours alone");
    assert!(!seen.contains("PRIVATE KEY"));
    assert_eq!(std::fs::read(bundle).expect("still there"), before);
    let written: Vec<_> = files_below(&temporary);
    assert!(!written.is_empty() && written.iter().all(|file| !contains(file, "PRIVATE KEY")), "{written:?}");
    recording.finish().expect_code(0);
    assert_eq!(files_below(&temporary), Vec::<PathBuf>::new(), "all of it is gone");
}

impl Secure {
    /// The server's authority in a file that nobody else has heard of.
    fn own_authorities(&self) -> PathBuf {
        let own = self.world.folder().join("own.pem");
        std::fs::copy(self.folder.join("ca.pem"), &own).expect("the folder is ours");
        own
    }

    /// What the application of [`shell`] answers.
    fn curl(&self, path: &str) -> String {
        let mut curl = Command::new("curl");
        curl.args(["-sS", &format!("http://127.0.0.1:{PORT}{path}")]);
        Process::start(&self.world, &mut curl).wait(PATIENCE).stdout
    }
}

/// Calls the HTTPS server by curl, with these options, and answers what it says.
fn curl(options: &str) -> App {
    shell(&format!("curl -sS {options} https://secure.test:{SECURE}$REQUEST_PATH || echo exit $?"))
}

/// Answers each request with what a shell command prints; `$REQUEST_PATH` is the request's.
fn shell(command: &str) -> App {
    const CODE: &str = r#"
import http.server, os, subprocess
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        environment = {**os.environ, "REQUEST_PATH": self.path}
        text = subprocess.run(["sh", "-c", os.environ["RUN"]], env=environment, capture_output=True).stdout
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
http.server.ThreadingHTTPServer(("127.0.0.1", 8080), H).serve_forever()
"#;
    script(CODE).with("RUN", command)
}

fn contains(file: &Path, words: &str) -> bool {
    String::from_utf8_lossy(&std::fs::read(file).expect("a file of ours")).contains(words)
}
