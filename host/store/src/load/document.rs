//! One document of a file: what can be told of it without the others, so that many are read at the same time.
use std::path::Path;

use document::{Blob, Value};

use super::{Upgrade, Upgraded};
use crate::{
    Foreign, Record, Response, Source, Vault, envelope,
    envelope::{Complaint, Envelope, Mould},
    secrets,
};

/// How the documents of a test set are read.
pub(super) struct Reader<'a> {
    pub directory: &'a Path,
    pub secrets: &'a Vault,
    pub upgrade: &'a dyn Upgrade,
}

/// What a document is.
pub(super) enum Sorted {
    Foreign(Foreign),
    Records {
        records: Vec<Record>,
        /// The bodies that are kept as files.
        blobs: Vec<Blob>,
        /// It became several: its name, and theirs.
        split: Option<(String, Vec<String>)>,
    },
}

impl Reader<'_> {
    pub fn read(&self, source: Source, mut value: Value, mould: Mould) -> Result<Sorted, Complaint> {
        if let Some(spec) = value.as_map_mut().and_then(|map| map.get_mut("spec")) {
            self.secrets.restore(spec);
            secrets::bodies::restore(spec, self.directory);
        }
        let mut envelope = Envelope::open(value)?;
        if envelope.name.is_empty() {
            envelope.name = match mould {
                Mould::Test => source.file.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
                Mould::Mock => {
                    return Err(Complaint::new(
                        &[],
                        "`name` is missing",
                        "add one that no other mock has, e.g. `name: mock-7`",
                    ));
                }
            };
        }
        let mut split = None;
        let mut records = if [envelope::DNS, envelope::UNREACHABLE].contains(&envelope.kind.as_str()) {
            let schema = envelope.schema.unwrap_or_default();
            vec![envelope.record(mould, schema)?]
        } else {
            match (self.upgrade.schema(&envelope.kind), envelope.schema) {
                (None, _) => {
                    let (kind, name, document) = envelope.into_foreign();
                    return Ok(Sorted::Foreign(Foreign { kind, name, document, source }));
                }
                (Some(today), Some(schema)) if schema == today => vec![envelope.record(mould, schema)?],
                (Some(today), Some(schema)) if schema > today => {
                    let message = format!(
                        "`{}` documents of schema {schema} are newer than the parser, which has {today}",
                        envelope.kind
                    );
                    return Err(Complaint::new(
                        &["spec", "metadata", "schema"],
                        message,
                        "update keploy, or the parser in --plugins",
                    ));
                }
                (Some(today), schema) => {
                    let name = envelope.name.clone();
                    let (names, records) = self.upgraded(envelope, mould, schema.unwrap_or_default(), today)?;
                    split = (names.len() != 1).then_some((name, names));
                    records
                }
            }
        };
        let blobs = records.iter_mut().flat_map(|record| finish(record, &source)).collect();
        Ok(Sorted::Records { records, blobs, split })
    }

    /// Has the plugin read the documents, and puts them into what stands around them.
    fn upgraded(
        &self,
        envelope: Envelope,
        mould: Mould,
        schema: u32,
        today: u32,
    ) -> Result<(Vec<String>, Vec<Record>), Complaint> {
        let exchanges = self.upgrade.upgrade(&envelope.kind, schema, envelope.spec()?).map_err(|reason| {
            let hint = "record this test set again, or report the document that cannot be read";
            Complaint::new(&["spec"], format!("the {} parser cannot read this: {reason}", envelope.kind), hint)
        })?;
        let name = envelope.name.clone();
        let names: Vec<String> = match exchanges.len() {
            1 => vec![name],
            many => (1..=many).map(|number| format!("{name}.{number}")).collect(),
        };
        let around = envelope.around(mould)?;
        let records =
            exchanges.into_iter().zip(&names).map(|(exchange, name)| fill(around.clone(), exchange, name, today));
        let records = records.collect();
        Ok((names, records))
    }
}

/// Says where it is from, and which bodies it needs. A mock is packed: of a large recording, a run looks at few.
fn finish(record: &mut Record, source: &Source) -> Vec<Blob> {
    let (request, responses) = match record {
        Record::Test(test) => {
            test.source = source.clone();
            (&mut test.request, &mut test.responses)
        }
        Record::Mock(mock) => {
            mock.source = source.clone();
            (&mut mock.request, &mut mock.responses)
        }
    };
    let mut blobs = Vec::new();
    let bodies = responses.iter_mut().map(|response| &mut response.body);
    for document in std::iter::once(request).chain(bodies) {
        document.for_each_blob(&mut |blob| blobs.push(*blob));
    }
    if let Record::Mock(mock) = record {
        mock.request.pack();
        mock.responses.iter_mut().for_each(|response| response.body.pack());
    }
    blobs
}

fn fill(around: Record, exchange: Upgraded, name: &str, schema: u32) -> Record {
    let Upgraded { request, class, lifetime, responses } = exchange;
    let at = |ended| responses.into_iter().map(move |body| Response { body, at: ended }).collect();
    match around {
        Record::Test(test) => {
            let responses = at(test.ended);
            Record::Test(crate::TestCase { name: name.to_owned(), schema, class, request, responses, ..test })
        }
        Record::Mock(mock) => {
            let responses = at(mock.ended);
            Record::Mock(crate::Mock { name: name.to_owned(), schema, class, lifetime, request, responses, ..mock })
        }
    }
}
