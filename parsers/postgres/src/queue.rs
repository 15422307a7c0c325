//! Requests that are not dealt with yet.
use std::collections::VecDeque;

use keploy_sdk::Instant;

use crate::request::{Request, Target};

#[derive(Default)]
pub struct Queue {
    requests: VecDeque<(Request, Instant)>,
    /// Something failed: the server passes over what comes until the next Sync.
    skipping: bool,
}

impl Queue {
    pub fn push(&mut self, request: Request, since: Instant) {
        if self.skipping && !matches!(request, Request::Sync | Request::Terminate) {
            return;
        }
        self.skipping = false;
        self.requests.push_back((request, since));
    }

    /// Puts back what was popped.
    pub fn push_front(&mut self, request: Request, since: Instant) {
        self.requests.push_front((request, since));
    }

    pub fn front(&self) -> Option<&Request> {
        self.requests.front().map(|(request, _)| request)
    }

    /// The one behind the front.
    pub fn next_request(&self) -> Option<&Request> {
        self.requests.get(1).map(|(request, _)| request)
    }

    pub fn pop(&mut self) -> Option<Request> {
        self.requests.pop_front().map(|(request, _)| request)
    }

    /// When the front began to arrive.
    pub fn since(&self) -> Instant {
        self.requests.front().map_or(0, |(_, since)| *since)
    }

    pub fn since_next(&self) -> Instant {
        self.requests.get(1).map_or(0, |(_, since)| *since)
    }

    /// Takes the one behind the front.
    pub fn take_next(&mut self) -> Option<Request> {
        self.requests.remove(1).map(|(request, _)| request)
    }

    /// The front describes a portal, and the next executes it: a driver asks both at once.
    pub fn executes_next(&self) -> bool {
        match (self.front(), self.next_request()) {
            (Some(Request::Describe(Target::Portal(described))), Some(Request::Execute { portal, .. })) => {
                portal == described
            }
            _ => false,
        }
    }

    /// Drops what is not answered.
    pub fn settle(&mut self, copying: bool) {
        while let Some(request) = self.front() {
            match request {
                Request::Flush | Request::Terminate | Request::Secret => {}
                Request::CopyData(_) | Request::CopyDone | Request::CopyFail(_) if !copying => {}
                Request::TooLarge(b'd') if !copying => {}
                _ => return,
            }
            self.requests.pop_front();
        }
    }

    /// Drops what the server passes over after an error.
    pub fn skip_to_sync(&mut self) {
        while let Some(request) = self.front() {
            if matches!(request, Request::Sync | Request::Terminate) {
                return;
            }
            self.requests.pop_front();
        }
        self.skipping = true;
    }

    /// Drops what the server's being ready is the end of.
    pub fn pop_to_ready(&mut self) {
        while let Some(request) = self.pop() {
            if matches!(request, Request::Sync | Request::Query(_) | Request::Function(_) | Request::TooLarge(_)) {
                return;
            }
        }
    }
}
