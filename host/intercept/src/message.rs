//! What the supervisor says to us, on the socket between us.
use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
};

use clock::Uncovered;

/// What the supervisor says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The application's process id.
    Started(i32),
    /// The `errno` of its start.
    Failed(i32),
    /// Its status, as `wait()` gives it.
    Exited(i32),
    /// Why it can't have the clock that it was to have. Comes before `Started`.
    RealTime(String),
    /// A program of it that has not got the clock.
    Uncovered(Uncovered),
}

impl Message {
    pub fn failed(error: impl Into<io::Error>) -> Self {
        Self::Failed(error.into().raw_os_error().unwrap_or(libc::EIO))
    }
}

/// supervisor --Message--> us
pub fn receive(mut control: &UnixStream) -> io::Result<Message> {
    let (mut kind, mut number, mut length) = ([0], [0; 4], [0; 4]);
    control.read_exact(&mut kind)?;
    control.read_exact(&mut number)?;
    control.read_exact(&mut length)?;
    let mut text = vec![0; u32::from_ne_bytes(length) as usize];
    control.read_exact(&mut text)?;
    let (number, text) = (i32::from_ne_bytes(number), String::from_utf8_lossy(&text));
    match kind {
        [b's'] => Ok(Message::Started(number)),
        [b'f'] => Ok(Message::Failed(number)),
        [b'e'] => Ok(Message::Exited(number)),
        [b'r'] => Ok(Message::RealTime(text.into())),
        [b'u'] => {
            let (command, why) = text.split_once('\0').ok_or(io::ErrorKind::InvalidData)?;
            let (command, why) = (command.to_owned(), why.to_owned());
            Ok(Message::Uncovered(Uncovered { pid: number.unsigned_abs(), command, why }))
        }
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

pub fn send(mut control: &UnixStream, message: Message) -> io::Result<()> {
    let (kind, number, text) = match message {
        Message::Started(pid) => (b's', pid, String::new()),
        Message::Failed(errno) => (b'f', errno, String::new()),
        Message::Exited(status) => (b'e', status, String::new()),
        Message::RealTime(why) => (b'r', 0, why),
        Message::Uncovered(Uncovered { pid, command, why }) => (b'u', pid.cast_signed(), format!("{command}\0{why}")),
    };
    let mut bytes = vec![kind];
    bytes.extend(number.to_ne_bytes());
    bytes.extend((text.len() as u32).to_ne_bytes());
    bytes.extend(text.as_bytes());
    control.write_all(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_cross_the_socket() {
        let (here, there) = UnixStream::pair().expect("two sockets");
        let uncovered = Uncovered { pid: 7, command: "a b".into(), why: "is c".into() };
        for message in [
            Message::Started(7),
            Message::Failed(-1),
            Message::Exited(256),
            Message::RealTime("why".into()),
            Message::Uncovered(uncovered),
        ] {
            send(&here, message.clone()).expect("sent");
            assert_eq!(receive(&there).expect("received"), message);
        }
        drop(here);
        assert!(receive(&there).is_err());
    }
}
