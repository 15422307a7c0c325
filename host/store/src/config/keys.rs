//! Every key of `keploy.yml`, in one table: what is accepted, its default, and whether it does something.
use document::{Value, yaml};

pub(super) struct Key {
    pub path: &'static str,
    /// As YAML.
    pub default: &'static str,
    pub used: Use,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// A field of [`super::Config`]; with its meaning for people.
    Acts(&'static str),
    /// One of Keploy's that does nothing here yet.
    Accepted,
}

impl Key {
    /// Nothing, in any of its forms, is the default of what has none.
    pub fn is_default(&self, value: &Value) -> bool {
        let nothing = match value {
            Value::Null => return true,
            Value::Text(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Map(map) => map.is_empty(),
            _ => false,
        };
        let default = yaml::parse_all(self.default).ok().and_then(|documents| documents.into_iter().next());
        let default = default.map(|document| document.value).unwrap_or_default();
        *value == default || nothing && matches!(self.default, "[]" | "{}" | "\"\"")
    }
}

/// The names of what stands directly below a path.
pub(super) fn below(path: &str) -> impl Iterator<Item = &'static str> {
    let mut last = None;
    let names = KEYS.iter().filter_map(move |key| {
        let rest = if path.is_empty() { key.path } else { key.path.strip_prefix(path)?.strip_prefix('.')? };
        rest.split('.').next()
    });
    // Keys of one parent stand together in the table.
    names.filter(move |name| last.replace(*name) != Some(*name))
}

/// The known name below `parent` that is most like `name`.
pub(super) fn nearest(parent: &str, name: &str) -> Option<&'static str> {
    let likeness = |known: &str| strsim::jaro_winkler(&known.to_lowercase(), &name.to_lowercase());
    let known = below(parent).max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(known) > 0.8).then_some(known)
}

const fn acts(path: &'static str, default: &'static str, meaning: &'static str) -> Key {
    Key { path, default, used: Use::Acts(meaning) }
}

const fn accepted(path: &'static str, default: &'static str) -> Key {
    Key { path, default, used: Use::Accepted }
}

/// Keys of one parent stand together. The defaults of accepted keys are Keploy's.
#[rustfmt::skip]
pub(super) const KEYS: &[Key] = &[
    acts("path", "\"\"", "Where the directory `keploy` is or will be; empty: beside this file."),
    acts("command", "\"\"", "How the application is started, e.g. python app.py."),
    acts("debug", "false", "Say more."),
    acts("disableANSI", "false", "No colours."),
    acts("caFiles", "[]", "Files of authorities that the application reads by a name of its own (sslrootcert, ssl-ca, trustStore): PEM or JKS."),
    acts("record.recordTimer", "0s", "End the recording after so long, e.g. 90s; 0s: when you or the application end it."),
    acts("record.testCaseNaming", "descriptive", "descriptive: get-orders-1; sequential: test-1."),
    acts("record.upstreamTls.verify", "true", "Check the certificates of the servers that the application calls."),
    acts("record.upstreamTls.caCert", "\"\"", "A PEM file of authorities to trust beside the system's."),
    acts("record.upstreamTls.clientCert", "\"\"", "A PEM file with the certificate to show to servers that ask for one (mTLS)."),
    acts("record.upstreamTls.clientKey", "\"\"", "A PEM file with its key."),
    acts("record.tlsCertPath", "\"\"", "A PEM file with the certificate that the application serves TLS with."),
    acts("record.tlsPrivateKeyPath", "\"\"", "A PEM file with its key."),
    acts("record.secrets.enabled", "true", "Write placeholders instead of passwords, keys, tokens and cookies."),
    acts("record.secrets.headers", "[]", "More headers whose values are secrets, e.g. [X-Tenant]."),
    acts("record.secrets.fields", "[]", "More fields, in bodies, forms, queries and documents, e.g. [iban]."),
    acts("record.secrets.patterns", "[]", "Regular expressions of secrets, or of what is around a group, e.g. ['acme_[0-9a-f]{32}']."),
    acts("record.secrets.allow", "[]", "What is no secret: names, and regular expressions of whole values, e.g. [page_token, 'test-.*']."),
    accepted("record.filters", "[]"),
    accepted("record.basePath", "\"\""),
    accepted("record.metadata", "\"\""),
    accepted("record.sync", "false"),
    accepted("record.enableSampling", "0"),
    accepted("record.memoryLimit", "0"),
    accepted("record.channelBindingShim", "false"),
    accepted("record.globalPassthrough", "false"),
    accepted("record.mockFormat", "yaml"),
    accepted("record.capturePackets", "false"),
    accepted("record.opportunisticTlsIntercept", "false"),
    accepted("record.recordBuffer", "{}"),
    accepted("record.passThroughPorts", "[]"),
    accepted("record.passThroughHosts", "[]"),
    acts("test.selectedTests", "{}", "Test set -> tests to run, e.g. {test-set-0: [get-orders-1]}; an empty list: all of the set."),
    acts("test.ignoredTests", "{}", "Test set -> tests not to run; an empty list: none of the set."),
    acts("test.globalNoise.global", "{}", "What may differ in every response, e.g. {body: {id: []}, header: {X-Request-Id: []}}."),
    acts("test.globalNoise.test-sets", "{}", "The same for one test set, e.g. {test-set-0: {body: {id: [\"[0-9]+\"]}}}."),
    acts("test.delay", "0", "Seconds to wait before the first test, once the application listens."),
    acts("test.apiTimeout", "5", "Seconds that a test may take."),
    acts("test.mongoPassword", "\"\"", "For log-ins by SCRAM, whose clients want proof from the server; the environment's are tried, too."),
    acts("test.protoFile", "\"\"", "A .proto file, or a descriptor set: `keploy record` shows gRPC messages by its names."),
    acts("test.protoDir", "\"\"", "A directory of .proto files, for the same."),
    acts("test.protoInclude", "[]", "Directories in which the imports of those are looked for."),
    accepted("test.replaceWith", "{}"),
    accepted("test.healthUrl", "\"\""),
    accepted("test.healthPollTimeout", "60s"),
    accepted("test.appReadyProbeAddr", "\"\""),
    accepted("test.host", "localhost"),
    accepted("test.port", "0"),
    accepted("test.grpcPort", "0"),
    accepted("test.ssePort", "0"),
    accepted("test.protocol.http.port", "0"),
    accepted("test.protocol.sse.port", "0"),
    accepted("test.protocol.grpc.port", "0"),
    accepted("test.skipCoverage", "false"),
    accepted("test.coverageReportPath", "\"\""),
    accepted("test.ignoreOrdering", "true"),
    accepted("test.language", "\"\""),
    accepted("test.removeUnusedMocks", "false"),
    accepted("test.preserveFailedMocks", "false"),
    accepted("test.fallBackOnMiss", "false"),
    accepted("test.jacocoAgentPath", "\"\""),
    accepted("test.basePath", "\"\""),
    accepted("test.mocking", "true"),
    accepted("test.disableLineCoverage", "false"),
    accepted("test.updateTemplate", "false"),
    accepted("test.mustPass", "false"),
    accepted("test.maxFailAttempts", "5"),
    accepted("test.maxFlakyChecks", "1"),
    accepted("test.compareAll", "false"),
    accepted("test.schemaMatch", "false"),
    accepted("test.updateTestMapping", "false"),
    accepted("test.disableAutoHeaderNoise", "false"),
    accepted("test.schemaNoiseDetection", "false"),
    accepted("test.schemaNoiseStrict", "false"),
    accepted("test.strictFailure", "false"),
    accepted("test.strictMockWindow", "true"),
    accepted("test.keepAppAlive", "false"),
    accepted("test.connectionPoolIdleRetention", "5m"),
    acts("plugins", "{}", "Protocol -> settings of its parser, e.g. {Http: {...}}."),
    accepted("storageFormat", "yaml"),
    accepted("appId", "0"),
    accepted("appName", "\"\""),
    accepted("templatize.testSets", "[]"),
    accepted("port", "0"),
    accepted("proxyPort", "16789"),
    accepted("incomingProxyPort", "36789"),
    accepted("dnsPort", "26789"),
    accepted("serverPort", "0"),
    accepted("disableTele", "false"),
    accepted("generateGithubActions", "false"),
    accepted("containerName", "\"\""),
    accepted("networkName", "\"\""),
    accepted("buildDelay", "30"),
    accepted("configPath", "\"\""),
    accepted("bypassRules", "[]"),
    accepted("mysqlPorts", "[]"),
    accepted("disableMysqlAutoDetect", "false"),
    accepted("disableMysqlEndpointDrift", "false"),
    accepted("disableMapping", "false"),
    accepted("retryPassing", "false"),
    accepted("cmdType", "native"),
    accepted("inCi", "false"),
    accepted("async.lanes", "[]"),
    accepted("mock.name", "default"),
    accepted("mock.onMiss", "fail"),
    accepted("mock.strict", "false"),
    accepted("mock.local", "false"),
    accepted("mock.recordTimer", "0s"),
    accepted("contract.driven", "consumer"),
    accepted("contract.mappings.servicesMapping", "{}"),
    accepted("contract.mappings.self", "s1"),
    accepted("contract.services", "[]"),
    accepted("contract.tests", "[]"),
    accepted("contract.path", "\"\""),
    accepted("contract.download", "false"),
    accepted("contract.generate", "false"),
    accepted("report.selectedTestSets", "{}"),
    accepted("report.showFullBody", "false"),
    accepted("report.reportPath", "\"\""),
    accepted("report.summary", "false"),
    accepted("report.testCaseIDs", "[]"),
    accepted("report.format", "text"),
    accepted("agent.enableIPv6Redirect", "true"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_yaml::Value;

    use super::*;
    use crate::Config;

    /// The table and the fields of [`Config`] cannot drift apart.
    #[test]
    fn what_acts_is_a_field() {
        fn leaves(value: &Value, path: &str, found: &mut BTreeSet<String>) {
            match value {
                Value::Mapping(map) if !map.is_empty() => map.iter().for_each(|(key, value)| {
                    let key = key.as_str().expect("fields have names");
                    leaves(value, &format!("{path}.{key}"), found);
                }),
                _ => assert!(found.insert(path.trim_start_matches('.').to_owned())),
            }
        }
        let mut fields = BTreeSet::from(["plugins".to_owned()]); // Read apart from the others.
        leaves(&serde_yaml::to_value(Config::default()).expect("plain data"), "", &mut fields);
        let acting = KEYS.iter().filter(|key| key.used != Use::Accepted).map(|key| key.path.to_owned());
        assert_eq!(acting.collect::<BTreeSet<_>>(), fields);
    }

    #[test]
    fn keys_of_one_parent_stand_together() {
        for parent in ["", "record", "test", "contract"] {
            let names: Vec<_> = below(parent).collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "below `{parent}`");
        }
    }
}
