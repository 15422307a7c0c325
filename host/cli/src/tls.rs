//! What is said of TLS on the command line and in keploy.yml, and the application's trust in the run's authority.
use std::{
    collections::HashSet,
    ffi::OsString,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use ::tls::{Search, Settings, Tls, Trust};
use anyhow::Context as _;
use intercept::User;
use plugins::Registry;
use store::Config;

use crate::exit::{Code, Failure};

#[derive(Clone, Default, clap::Args)]
pub(crate) struct TlsArguments {
    /// The certificate that the application serves TLS with, a PEM file: its TLS is read then.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of that certificate, a PEM file.
    #[arg(long, alias = "tls-private-key-path", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Do not look at the certificate of this host; may be given several times.
    #[arg(long, value_name = "HOST")]
    insecure_upstream: Vec<String>,
}

/// The settings of a run: the command line wins over keploy.yml.
pub(crate) fn settings(arguments: &TlsArguments, config: &Config, registry: &Registry) -> Result<Settings, Failure> {
    let upstream = &config.record.upstream_tls;
    let given = |path: &PathBuf| Some(path.clone()).filter(|path| !path.as_os_str().is_empty());
    let pair = |cert: Option<PathBuf>, key: Option<PathBuf>, what: &str| match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some((cert, key))),
        (None, None) => Ok(None),
        _ => Err(Failure::words(
            Code::Usage,
            format!("{what}: a certificate and its key go together, and one is missing"),
        )),
    };
    let server_cert = arguments.tls_cert.clone().or(given(&config.record.tls_cert_path));
    let server_key = arguments.tls_key.clone().or(given(&config.record.tls_private_key_path));
    let alpn = registry.iter().flat_map(|plugin| &plugin.manifest.alpn);
    Ok(Settings {
        authorities: given(&upstream.ca_cert).into_iter().collect(),
        insecure: arguments.insecure_upstream.iter().cloned().collect::<HashSet<_>>(),
        insecure_all: !upstream.verify,
        client: pair(
            given(&upstream.client_cert),
            given(&upstream.client_key),
            "upstreamTls.clientCert and clientKey",
        )?,
        server: pair(server_cert, server_key, "--tls-cert and --tls-key")?,
        readable: alpn.map(|name| name.clone().into_bytes()).collect(),
    })
}

/// Prepares what the application trusts, in a folder of its own, which the supervisor removes.
pub(crate) fn trust(tls: &Tls, config: &Config, user: &User, here: &Path) -> Result<(Trust, PathBuf), Failure> {
    let scratch = std::env::temp_dir().join(format!("keploy-{}-{}", std::process::id(), relay::now()));
    std::fs::DirBuilder::new().mode(0o755).create(&scratch).with_context(|| scratch.display().to_string())?;
    let variable = |name: &str| -> Option<OsString> { std::env::var_os(name).filter(|value| !value.is_empty()) };
    let search = Search {
        directory: &scratch,
        home: &user.home,
        here,
        named: &config.ca_files,
        // SAFETY: it has no preconditions and cannot fail.
        overlays: unsafe { libc::geteuid() } == 0,
        variable: &variable,
    };
    let trust = match Trust::prepare(tls, &search) {
        Ok(trust) => trust,
        Err(error) => {
            let _ = std::fs::remove_dir_all(&scratch);
            return Err(error.into());
        }
    };
    tls.also_trusts(trust.authorities.clone());
    // Whatever our umask is, the application can read them.
    for entry in std::fs::read_dir(&scratch)?.flatten() {
        std::fs::set_permissions(entry.path(), std::fs::Permissions::from_mode(0o644))?;
    }
    chown(&scratch, Some(user.uid), Some(user.gid))?;
    Ok((trust, scratch))
}
