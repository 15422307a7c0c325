//! What connections to brokers tell each other: records come over one of them, and what a group's member has done with them is
//! said over another, to the group's coordinator.
use std::collections::BTreeMap;

use keploy_sdk::{Instant, Map, Session, Value};

use crate::topics::{Topics, list, number, said};

/// A topic by the name that people know, and a partition.
pub type Place = (String, i128);

/// What is told.
pub enum Told {
    /// What an ID stands for.
    Topic {
        id: String,
        name: String,
    },
    /// A group's members fetch this topic, which is said as they say it: they have asked where to begin.
    Group {
        topic: String,
    },
    Commit(Commit),
}

/// A group has done its work up to these offsets.
#[derive(Clone)]
pub struct Commit {
    pub group: String,
    pub at: Instant,
    /// By topic, as it was said, and partition: the offset, and what the member says about it.
    offsets: Vec<(Place, Offset)>,
}

#[derive(Clone)]
pub struct Offset {
    pub next: i128,
    metadata: Value,
}

impl Commit {
    /// By topics' names, as far as they are known here.
    pub fn offsets(&self, topics: &Topics) -> BTreeMap<Place, Offset> {
        let named = |((topic, partition), offset): &(Place, Offset)| {
            ((topics.shown(topic).to_owned(), *partition), offset.clone())
        };
        self.offsets.iter().map(named).collect()
    }
}

/// What comes of records that were fetched.
pub fn outcome(group: &str, offsets: &BTreeMap<Place, Offset>) -> Value {
    let offsets = offsets.iter().map(|((topic, partition), offset)| {
        let one = Map::new().with("topic", topic.as_str()).with("partition", Value::Int(*partition));
        let one = one.with("offset", Value::Int(offset.next));
        match &offset.metadata {
            Value::Null => one.into(),
            metadata => one.with("metadata", metadata.clone()).into(),
        }
    });
    let outcome = Map::new().with("api", "OffsetCommit").with("groupId", group);
    outcome.with("offsets", Value::Array(offsets.collect())).into()
}

/// What a request that went well tells. `at`: when it was asked.
pub fn told(request: &Value, response: &Value, at: Instant) -> Vec<Told> {
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    match request.get("api").and_then(Value::as_str).unwrap_or_default() {
        "OffsetFetch" => {
            let of_groups = list(request, "groups").iter().flat_map(|group| list(group, "topics"));
            let topics = list(request, "topics").iter().chain(of_groups);
            topics.map(|topic| Told::Group { topic: said(topic).to_owned() }).collect()
        }
        "OffsetCommit" => {
            let refused: Vec<Place> = each_partition(response)
                .filter(|(_, partition)| partition.get("errorCode").is_some())
                .map(|(topic, partition)| (topic.to_owned(), number(partition, "partitionIndex")))
                .collect();
            let offsets = each_partition(request).map(|(topic, partition)| {
                let metadata = partition.get("committedMetadata").filter(|said| **said != Value::from(""));
                let (next, metadata) = (number(partition, "committedOffset"), metadata.cloned().unwrap_or_default());
                ((topic.to_owned(), number(partition, "partitionIndex")), Offset { next, metadata })
            });
            let offsets: Vec<_> = offsets.filter(|(place, _)| !refused.contains(place)).collect();
            vec![Told::Commit(Commit { group: text(request, "groupId"), at, offsets })]
        }
        _ => Vec::new(),
    }
}

fn each_partition(of: &Value) -> impl Iterator<Item = (&str, &Value)> {
    list(of, "topics").iter().flat_map(|topic| list(topic, "partitions").iter().map(move |one| (said(topic), one)))
}

impl Told {
    /// To all other connections.
    pub fn tell(&self, host: &mut dyn Session) {
        let time = |at: &Instant| Value::Int((*at).into());
        let (subject, message) = match self {
            Self::Topic { id, name } => {
                (format!("topic {id}"), Map::new().with("id", id.as_str()).with("name", name.as_str()))
            }
            Self::Group { topic } => (format!("group of {topic}"), Map::new().with("topic", topic.as_str())),
            Self::Commit(Commit { group, at, offsets }) => {
                let offsets = offsets.iter().map(|((topic, partition), Offset { next, metadata })| {
                    let one = Map::new().with("topic", topic.as_str()).with("partition", Value::Int(*partition));
                    one.with("next", Value::Int(*next)).with("metadata", metadata.clone()).into()
                });
                let message = Map::new().with("group", group.as_str()).with("at", time(at));
                (format!("progress of {group}"), message.with("offsets", Value::Array(offsets.collect())))
            }
        };
        host.tell(&subject, message.into());
    }

    /// What another connection told.
    pub fn read(message: &Value) -> Option<Self> {
        let text = |of: &Value, name: &str| Some(of.get(name)?.as_str()?.to_owned());
        if let Some(topic) = text(message, "topic") {
            return Some(Self::Group { topic });
        }
        if let Some(id) = text(message, "id") {
            return Some(Self::Topic { id, name: text(message, "name")? });
        }
        let (group, at) = (text(message, "group")?, Instant::try_from(number(message, "at")).ok()?);
        let offsets = message.get("offsets")?.as_array()?;
        let offset = |one: &Value| {
            let metadata = one.get("metadata").cloned().unwrap_or_default();
            Some(((text(one, "topic")?, number(one, "partition")), Offset { next: number(one, "next"), metadata }))
        };
        let offsets = offsets.iter().map(offset).collect::<Option<_>>()?;
        Some(Self::Commit(Commit { group, at, offsets }))
    }
}
