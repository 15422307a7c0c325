//! What the other side says: which of it breaks a stream, or the connection, and what is to be answered at once.
use super::{By, Endpoint, Incoming, MAX_STREAMS, Role, Stream, WINDOW_STEP};
use crate::{
    Code, Error, Event, Fields, StreamId,
    frame::{self, DEFAULT_MAX_FRAME, DEFAULT_WINDOW, LARGEST_WINDOW, flag, kind, setting},
    rules::{self, Part},
};

impl Endpoint {
    /// What an event means for the other side's streams, and for ours.
    ///
    /// # Errors
    /// When the connection cannot go on.
    pub(super) fn take(&mut self, event: Event) -> Result<Option<Incoming>, Error> {
        match event {
            Event::Headers { stream, fields, end, depends_on } => {
                if depends_on == Some(stream) {
                    return self.refuse(stream, Code::PROTOCOL_ERROR);
                }
                self.take_headers(stream, fields, end)
            }
            Event::Data { stream, data, length, end } => self.take_data(stream, data, length, end),
            Event::Reset { stream, code } => {
                self.must_be_used(stream, "RST_STREAM")?;
                self.note_reset(stream, By::Them);
                Ok(self.streams.remove(&stream).map(|_| Incoming::Reset { stream, code }))
            }
            Event::Settings(settings) => self.take_settings(&settings),
            Event::Ping(opaque) => {
                frame::write(&mut self.out, kind::PING, flag::ACK, 0, &opaque);
                Ok(None)
            }
            Event::Window { stream, by } => self.take_window(stream, by),
            Event::Priority { stream, depends_on } if stream == depends_on => self.refuse(stream, Code::PROTOCOL_ERROR),
            Event::Push { .. } => Err(Error::protocol("a promise that nobody wanted")),
            Event::Malformed { stream, code } => self.refuse(stream, code),
            Event::SettingsAcknowledged | Event::Pong | Event::GoAway | Event::Priority { .. } => Ok(None),
        }
    }

    fn take_headers(&mut self, id: StreamId, fields: Fields, end: bool) -> Result<Option<Incoming>, Error> {
        let part = match self.streams.get(&id) {
            Some(stream) if !stream.is_remote_open => return self.refuse(id, Code::STREAM_CLOSED),
            Some(stream) if stream.has_head => Part::Trailers,
            Some(_) => Part::Response,
            None if self.role == Role::Client || id <= self.highest => return self.closed(id),
            None if id.is_multiple_of(2) => return Err(Error::protocol(format!("a client cannot open stream {id}"))),
            None => {
                self.highest = id;
                if self.streams.len() >= MAX_STREAMS {
                    return self.refuse(id, Code::REFUSED_STREAM);
                }
                self.streams.insert(id, Stream::new(self.initial_window));
                Part::Request
            }
        };
        let length = rules::content_length(&fields);
        let is_interim = part == Part::Response && fields.text(":status").is_some_and(|status| status.starts_with('1'));
        let (Some(stream), Ok(length)) = (self.streams.get_mut(&id), length) else {
            return self.refuse(id, Code::PROTOCOL_ERROR);
        };
        if !rules::allow(part, &fields) || part == Part::Trailers && !end || is_interim && end {
            return self.refuse(id, Code::PROTOCOL_ERROR);
        }
        if is_interim {
            return Ok(None);
        }
        stream.has_head = true;
        if part != Part::Trailers {
            stream.length = length;
        }
        if end && !self.end_of(id) {
            return self.refuse(id, Code::PROTOCOL_ERROR);
        }
        Ok(Some(Incoming::Headers { stream: id, fields, end }))
    }

    fn take_data(&mut self, id: StreamId, data: Vec<u8>, length: usize, end: bool) -> Result<Option<Incoming>, Error> {
        self.must_be_used(id, "DATA")?;
        self.received += length;
        if self.received >= WINDOW_STEP {
            let by = std::mem::take(&mut self.received);
            frame::write_window_update(&mut self.out, 0, u32::try_from(by).unwrap_or(DEFAULT_WINDOW));
        }
        let Some(stream) = self.streams.get_mut(&id) else { return self.closed(id) };
        if !stream.is_remote_open {
            return self.refuse(id, Code::STREAM_CLOSED);
        }
        if !stream.has_head {
            return self.refuse(id, Code::PROTOCOL_ERROR);
        }
        stream.got += data.len() as u64;
        stream.received += length;
        if stream.received >= WINDOW_STEP && !end {
            let by = std::mem::take(&mut stream.received);
            frame::write_window_update(&mut self.out, id, u32::try_from(by).unwrap_or(DEFAULT_WINDOW));
        }
        if stream.length.is_some_and(|length| stream.got > length) || end && !self.end_of(id) {
            return self.refuse(id, Code::PROTOCOL_ERROR);
        }
        Ok(Some(Incoming::Data { stream: id, data, end }))
    }

    /// The other side has said all. False when that is not what it had announced.
    fn end_of(&mut self, id: StreamId) -> bool {
        let Some(stream) = self.streams.get_mut(&id) else { return true };
        // A response to HEAD has a length and no body.
        let is_whole = self.role == Role::Client || stream.length.is_none_or(|length| length == stream.got);
        stream.is_remote_open = false;
        if is_whole && !stream.is_local_open {
            self.streams.remove(&id);
        }
        is_whole
    }

    fn take_settings(&mut self, settings: &[(u16, u32)]) -> Result<Option<Incoming>, Error> {
        for (name, value) in settings {
            match *name {
                setting::ENABLE_PUSH if *value > 1 => return Err(Error::protocol("ENABLE_PUSH is 0 or 1")),
                setting::INITIAL_WINDOW_SIZE => {
                    let new = i64::from(*value);
                    let by = new - std::mem::replace(&mut self.initial_window, new);
                    let too_large = self.streams.values().any(|stream| stream.window + by > LARGEST_WINDOW);
                    if new > LARGEST_WINDOW || too_large {
                        return Err(Error::new(Code::FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE is too large"));
                    }
                    self.streams.values_mut().for_each(|stream| stream.window += by);
                }
                setting::MAX_FRAME_SIZE => {
                    let size = usize::try_from(*value).unwrap_or(usize::MAX);
                    if size < DEFAULT_MAX_FRAME || *value > frame::LARGEST_MAX_FRAME {
                        return Err(Error::protocol("MAX_FRAME_SIZE is from 16384 to 16777215"));
                    }
                    // Larger frames than the usual ones help nobody.
                }
                _ => {}
            }
        }
        frame::write(&mut self.out, kind::SETTINGS, flag::ACK, 0, &[]);
        self.flush_all();
        Ok(None)
    }

    fn take_window(&mut self, id: StreamId, by: u32) -> Result<Option<Incoming>, Error> {
        if id == 0 {
            self.window += i64::from(by);
            if self.window > LARGEST_WINDOW {
                return Err(Error::new(Code::FLOW_CONTROL_ERROR, "the connection's window is too large"));
            }
            self.flush_all();
            return Ok(None);
        }
        self.must_be_used(id, "WINDOW_UPDATE")?;
        // On a stream that is over it may come late.
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(None) };
        stream.window += i64::from(by);
        if stream.window > LARGEST_WINDOW {
            return self.refuse(id, Code::FLOW_CONTROL_ERROR);
        }
        self.flush(id);
        Ok(None)
    }

    /// Only HEADERS and PRIORITY may come on a stream that nobody has opened.
    fn must_be_used(&self, stream: StreamId, what: &str) -> Result<(), Error> {
        if stream > self.highest || stream.is_multiple_of(2) {
            return Err(Error::protocol(format!("{what} on stream {stream}, which nobody has opened")));
        }
        Ok(())
    }

    /// Something came on a stream that is over.
    fn closed(&mut self, stream: StreamId) -> Result<Option<Incoming>, Error> {
        match self.resets.iter().find(|(id, _)| *id == stream) {
            Some((_, By::Us)) => Ok(None),
            Some((_, By::Them)) => self.refuse(stream, Code::STREAM_CLOSED),
            None => Err(Error::new(Code::STREAM_CLOSED, format!("stream {stream} is over"))),
        }
    }

    /// The stream cannot go on.
    fn refuse(&mut self, stream: StreamId, code: Code) -> Result<Option<Incoming>, Error> {
        frame::write_reset(&mut self.out, stream, code);
        self.note_reset(stream, By::Us);
        Ok(self.streams.remove(&stream).map(|_| Incoming::Reset { stream, code }))
    }
}
