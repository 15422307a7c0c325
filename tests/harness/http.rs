//! An HTTP client that is none of ours, so that nobody checks his own homework.

use std::collections::BTreeMap;
use std::time::Duration;

use ureq::Agent;
use ureq::http::{HeaderName, HeaderValue, Request};

/// One client, on one connection at a time.
pub struct Client {
    agent: Agent,
    base: String,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub header: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// Does a client keep its connection?
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Connections {
    Kept,
    OneEach,
}

impl Client {
    pub fn new(port: u16, connections: Connections) -> Self {
        let idle = usize::from(connections == Connections::Kept);
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_idle_connections(idle)
            .max_idle_connections_per_host(idle)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Self { agent: config.new_agent(), base: format!("http://127.0.0.1:{port}") }
    }

    /// # Errors
    /// When no whole answer came.
    pub fn send(&self, method: &str, path: &str, body: &[u8], content_type: &str) -> Result<Answer, ureq::Error> {
        let header: &[(&str, &str)] = if body.is_empty() { &[] } else { &[("Content-Type", content_type)] };
        self.send_with(method, path, header, body)
    }

    /// # Errors
    /// When no whole answer came.
    pub fn send_with(
        &self,
        method: &str,
        path: &str,
        header: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        let request = header.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let mut answer = if body.is_empty() {
            self.agent.run(request.body(()).expect("method and path are valid"))?
        } else {
            self.agent.run(request.body(body).expect("method and path are valid"))?
        };
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let header = answer.headers().iter().map(text).collect();
        let body = answer.body_mut().with_config().limit(u64::MAX).read_to_vec()?;
        Ok(Answer { status: answer.status().as_u16(), header, body })
    }
}
