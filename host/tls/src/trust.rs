//! How the application comes to trust the run's authority, without a change to it or to the machine.
//!
//! Two means, used together: the variables that runtimes read, and files that lie over the machine's own in a mount
//! namespace that only the application is in. Every file is the original with one certificate more, so that what is
//! not read by us is verified as before.
use std::{
    collections::BTreeSet,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use fs_err as fs;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use crate::{Tls, TlsError, jks};

/// What the application is started with.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    pub environment: Vec<(OsString, OsString)>,
    pub overlays: Vec<Overlay>,
    /// Files of authorities that the application was using: we verify against them, too.
    pub authorities: Vec<PathBuf>,
}

/// A file that the application sees in place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    pub over: PathBuf,
    pub file: PathBuf,
}

/// Where to look for what the application trusts.
pub struct Search<'a> {
    /// Where merged files go. The application must be able to read there.
    pub directory: &'a Path,
    pub home: &'a Path,
    /// The application's working directory.
    pub here: &'a Path,
    /// `caFiles` of keploy.yml.
    pub named: &'a [PathBuf],
    /// Can files be laid over others?
    pub overlays: bool,
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
}

/// Where distributions keep the authorities of the machine, most usual first.
const BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
];

/// Variables that name a file which is trusted *instead of* the machine's authorities.
const INSTEAD: [&str; 8] = [
    "SSL_CERT_FILE",      // OpenSSL, Go, Ruby, rustls-native-certs, httpx
    "REQUESTS_CA_BUNDLE", // Python's requests
    "CURL_CA_BUNDLE",     // curl, requests
    "AWS_CA_BUNDLE",      // AWS's libraries
    "GIT_SSL_CAINFO",
    "PIP_CERT",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", // gRPC in C, Python, Ruby
    "DENO_CERT",
];
/// Variables that name a file which is trusted, but which must not be set where they are not: to set them means more.
const WHERE_SET: [&str; 2] = ["PGSSLROOTCERT", "CARGO_HTTP_CAINFO"];

impl Trust {
    /// Merges and writes.
    ///
    /// # Errors
    /// When a file named in keploy.yml is of no use, or nothing can be written.
    pub fn prepare(tls: &Tls, search: &Search<'_>) -> Result<Self, TlsError> {
        let (pem, der) = tls.certificate();
        let mut merge = Merge { search, pem, der: der.to_vec(), trust: Self::default(), written: 0 };
        merge.run().map_err(|error| TlsError::File {
            file: search.directory.to_owned(),
            why: error.to_string(),
            hint: "keploy writes there what the application is to trust (TMPDIR says where)",
        })?;
        for named in search.named {
            merge.named(named)?;
        }
        Ok(merge.trust)
    }
}

struct Merge<'a> {
    search: &'a Search<'a>,
    pem: String,
    der: Vec<u8>,
    trust: Trust,
    written: usize,
}

impl Merge<'_> {
    fn run(&mut self) -> io::Result<()> {
        let alone = self.write(self.pem.clone().as_bytes(), "pem")?;
        let mut machine = None;
        for bundle in unique(BUNDLES.iter().map(PathBuf::from)) {
            let merged = self.over_pem(&bundle)?;
            machine = machine.or(merged);
        }
        let machine = machine.unwrap_or_else(|| alone.clone());
        for bundle in unique(self.certifi()) {
            self.over_pem(&bundle)?;
        }
        for name in INSTEAD {
            let merged = self.of_variable(name)?.unwrap_or_else(|| machine.clone());
            self.set(name, merged);
        }
        for name in WHERE_SET {
            if let Some(merged) = self.of_variable(name)? {
                self.set(name, merged);
            }
        }
        // Node trusts this beside its own.
        let node = self.of_variable("NODE_EXTRA_CA_CERTS")?.unwrap_or(alone);
        self.set("NODE_EXTRA_CA_CERTS", node);
        // libpq's own file.
        let of_libpq = self.search.home.join(".postgresql/root.crt");
        if of_libpq.is_file() {
            self.over_pem(&of_libpq)?;
        }
        self.java()
    }

    /// The file that a variable names, merged. None: it is not set, or to no file.
    fn of_variable(&mut self, name: &str) -> io::Result<Option<PathBuf>> {
        let Some(value) = (self.search.variable)(name) else { return Ok(None) };
        self.over_pem(&self.search.here.join(value))
    }

    fn java(&mut self) -> io::Result<()> {
        let mut found = false;
        for home in unique(self.jdks()) {
            let stores = ["lib/security/cacerts", "jre/lib/security/cacerts"].map(|store| home.join(store));
            let Some(store) = stores.into_iter().find_map(|store| store.canonicalize().ok()) else { continue };
            found = true;
            if !self.trust.overlays.iter().any(|overlay| overlay.over == store) {
                let merged = self.java_store(&fs::read(&store)?)?;
                self.lay(&store, &merged);
            }
        }
        if found && !self.search.overlays {
            let store = self.java_store(&[])?;
            let mut options = (self.search.variable)("JAVA_TOOL_OPTIONS").unwrap_or_default();
            options.push(format!(
                " -Djavax.net.ssl.trustStore={} -Djavax.net.ssl.trustStorePassword={}",
                store.display(),
                jks::PASSWORD
            ));
            self.set("JAVA_TOOL_OPTIONS", options);
        }
        Ok(())
    }

    /// A Java store with our certificate; one that we cannot read is made anew, of the machine's authorities.
    fn java_store(&mut self, original: &[u8]) -> io::Result<PathBuf> {
        let merged = jks::with(original, &[&self.der]).unwrap_or_else(|| {
            let pem = BUNDLES.iter().find_map(|bundle| fs::read(bundle).ok()).unwrap_or_default();
            let mut all: Vec<_> = CertificateDer::pem_slice_iter(&pem).flatten().map(|c| c.to_vec()).collect();
            all.push(self.der.clone());
            jks::of(&all)
        });
        self.write(&merged, "jks")
    }

    /// A file of the application's own, named by the user.
    fn named(&mut self, named: &Path) -> Result<(), TlsError> {
        let path = self.search.here.join(named);
        let error = |why: String, hint| TlsError::File { file: path.clone(), why, hint };
        let io = |e: io::Error| {
            error(e.to_string(), "caFiles in keploy.yml names the files of the application's own authorities")
        };
        let content = fs::read(&path).map_err(io)?;
        let over = path.canonicalize().map_err(io)?;
        let merged = if jks::is_jks(&content) {
            self.java_store(&content).map_err(io)?
        } else if content.windows(10).any(|window| window == b"-----BEGIN") {
            self.trust.authorities.push(over.clone());
            self.merged_pem(&content).map_err(io)?
        } else {
            let hint = "keploy adds to PEM files and to Java stores (JKS): keytool -importkeystore -deststoretype jks";
            return Err(error("it is neither a PEM file nor a Java store".to_owned(), hint));
        };
        if !self.search.overlays {
            return Err(error("no file can be laid over it here".to_owned(), "run keploy as root"));
        }
        self.lay(&over, &merged);
        Ok(())
    }

    /// Lays a merged copy of a PEM file over it. None: there is no such file.
    fn over_pem(&mut self, file: &Path) -> io::Result<Option<PathBuf>> {
        let Ok(over) = file.canonicalize() else { return Ok(None) };
        if let Some(known) = self.trust.overlays.iter().find(|overlay| overlay.over == over) {
            return Ok(Some(known.file.clone()));
        }
        let Ok(content) = fs::read(&over) else { return Ok(None) };
        let merged = self.merged_pem(&content)?;
        self.trust.authorities.push(over.clone());
        self.lay(&over, &merged);
        Ok(Some(merged))
    }

    fn merged_pem(&mut self, content: &[u8]) -> io::Result<PathBuf> {
        // Ours first: who reads only one certificate, reads it.
        let merged = [self.pem.as_bytes(), content].concat();
        self.write(&merged, "pem")
    }

    fn lay(&mut self, over: &Path, file: &Path) {
        self.trust.overlays.push(Overlay { over: over.to_owned(), file: file.to_owned() });
    }

    fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.trust.environment.push((name.into(), value.into()));
    }

    fn write(&mut self, content: &[u8], extension: &str) -> io::Result<PathBuf> {
        self.written += 1;
        let path = self.search.directory.join(format!("trusted-{}.{extension}", self.written));
        fs::write(&path, content)?;
        Ok(path)
    }

    /// Python's certifi brings authorities of its own: those of the interpreters that the application may mean.
    fn certifi(&self) -> Vec<PathBuf> {
        let mut prefixes: Vec<PathBuf> =
            ["/usr", "/usr/local"].iter().map(PathBuf::from).chain([self.search.home.join(".local")]).collect();
        prefixes.extend([".venv", "venv", "env"].map(|folder| self.search.here.join(folder)));
        prefixes.extend((self.search.variable)("VIRTUAL_ENV").map(PathBuf::from));
        prefixes.extend((self.search.variable)("CONDA_PREFIX").map(PathBuf::from));
        // PREFIX/bin/python3, also by way of links; and pyenv's, which hides them behind a script.
        prefixes.extend(self.programs("python3").into_iter().flat_map(|p| p.ancestors().nth(2).map(Path::to_owned)));
        prefixes.extend(children(&self.search.home.join(".pyenv/versions")));
        let libraries = prefixes.iter().flat_map(|prefix| children(&prefix.join("lib")));
        let packages =
            libraries.filter(|lib| lib.file_name().is_some_and(|n| n.to_string_lossy().starts_with("python3")));
        let packages = packages.flat_map(|lib| [lib.join("site-packages"), lib.join("dist-packages")]);
        packages.flat_map(|p| [p.join("certifi/cacert.pem"), p.join("pip/_vendor/certifi/cacert.pem")]).collect()
    }

    fn jdks(&self) -> Vec<PathBuf> {
        let mut homes: Vec<PathBuf> = (self.search.variable)("JAVA_HOME").map(PathBuf::from).into_iter().collect();
        homes.extend(self.programs("java").into_iter().filter_map(|p| p.ancestors().nth(2).map(Path::to_owned)));
        homes.extend(children(Path::new("/usr/lib/jvm")));
        homes.extend(children(&self.search.home.join(".sdkman/candidates/java")));
        homes.extend(children(Path::new("/opt")));
        homes
    }

    /// A program of the application's PATH, where it stands and where it really is.
    fn programs(&self, name: &str) -> Vec<PathBuf> {
        let path = (self.search.variable)("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).map(|folder| folder.join(name)).filter(|program| program.is_file());
        found.flat_map(|program| [program.canonicalize().ok(), Some(program)].into_iter().flatten()).collect()
    }
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// Those that exist, each once, whatever it is called.
fn unique(paths: impl IntoIterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    paths.into_iter().filter_map(|path| path.canonicalize().ok()).filter(|path| seen.insert(path.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    struct Machine {
        tls: Tls,
        folder: tempfile::TempDir,
    }

    impl Machine {
        fn new() -> Self {
            let (tls, folder) = (Tls::new(Settings::default()), tempfile::tempdir());
            Self { tls: tls.expect("nothing was asked for"), folder: folder.expect("a temporary folder") }
        }

        fn file(&self, name: &str, content: &[u8]) -> PathBuf {
            let path = self.folder.path().join(name);
            fs::write(&path, content).expect("the folder is ours");
            path
        }

        /// In an environment of these variables alone.
        fn prepare(&self, named: &[PathBuf], variables: &[(&str, &Path)]) -> Result<Trust, TlsError> {
            let here = self.folder.path();
            let variable = |wanted: &str| {
                let set = variables.iter().find(|(name, _)| *name == wanted);
                set.map(|(_, value)| value.as_os_str().to_owned())
            };
            let (home, overlays, variable) = (here, true, &variable);
            Trust::prepare(&self.tls, &Search { directory: here, home, here, named, overlays, variable })
        }
    }

    impl Trust {
        fn variable(&self, wanted: &str) -> Option<String> {
            let (_, file) = self.environment.iter().find(|(name, _)| name == wanted)?;
            Some(fs::read_to_string(Path::new(file)).expect("a variable names a file"))
        }
    }

    #[test]
    fn what_a_variable_names_is_kept_and_ours_added() {
        let machine = Machine::new();
        let own = machine.file("own.pem", b"-----BEGIN CERTIFICATE-----\ntheirs\n");
        let trust = machine.prepare(&[], &[("SSL_CERT_FILE", &own), ("PGSSLROOTCERT", &own)]).expect("prepared");
        let ours = machine.tls.certificate().0;
        let both = format!("{ours}-----BEGIN CERTIFICATE-----\ntheirs\n");
        assert_eq!(trust.variable("SSL_CERT_FILE"), Some(both.clone()));
        assert_eq!(trust.variable("PGSSLROOTCERT"), Some(both));
        assert_eq!(trust.variable("NODE_EXTRA_CA_CERTS"), Some(ours), "Node has its own beside it");
        assert!(trust.overlays.iter().any(|overlay| overlay.over.ends_with("own.pem")));
        assert!(trust.authorities.iter().any(|file| file.ends_with("own.pem")), "we trust it, too");
    }

    #[test]
    fn a_variable_that_means_more_is_not_set_by_us() {
        let trust = Machine::new().prepare(&[], &[]).expect("prepared");
        // libpq would begin to verify.
        assert_eq!(trust.variable("PGSSLROOTCERT"), None);
    }

    #[test]
    fn named_files_are_pem_or_java_stores() {
        let machine = Machine::new();
        let pem = machine.file("a.pem", b"-----BEGIN CERTIFICATE-----\n");
        let store = machine.file("a.jks", &jks::of(&[b"theirs"]));
        let trust = machine.prepare(&[pem.clone(), store.clone()], &[]).expect("prepared");
        let over: Vec<_> = trust.overlays.iter().map(|overlay| &overlay.over).collect();
        assert!(
            over.contains(&&pem.canonicalize().expect("there"))
                && over.contains(&&store.canonicalize().expect("there"))
        );

        let other = machine.file("a.p12", b"0\x82");
        let error = machine.prepare(&[other], &[]).expect_err("it is neither").to_string();
        assert!(error.contains("a.p12") && error.contains("hint: "), "{error}");
        let error = machine.prepare(&["gone.pem".into()], &[]).expect_err("there is none").to_string();
        assert!(error.contains("gone.pem"), "{error}");
    }
}
