//! A request to an HTTP server behind a Unix socket. Of HTTP what the Docker Engine API takes for its three
//! requests: by HTTP/1.0 the answer ends with the connection, so that nothing is chunked and nothing kept alive.
//! (The crate for this API, bollard, brings 140 crates for them.)

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Bytes of a line of the head; the longest honest one has about a hundred.
const LINE: u64 = 8 << 10;
/// Lines of the head.
const LINES: usize = 100;

/// An answer: its status, and its body to be read.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) body: BufReader<UnixStream>,
}

/// Sends `GET path`, and reads the head of the answer. `path` must not hold what others wrote.
pub(super) fn get(socket: &Path, path: &str) -> io::Result<Response> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(super::PATIENCE))?;
    stream.set_write_timeout(Some(super::PATIENCE))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes())?;
    let mut body = BufReader::new(stream);
    let bad = || io::Error::new(io::ErrorKind::InvalidData, "the answer is no HTTP");
    let status = line(&mut body)?;
    let status =
        status.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok()).ok_or_else(bad)?;
    for _ in 0..LINES {
        if line(&mut body)?.is_empty() {
            return Ok(Response { status, body });
        }
    }
    Err(bad())
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut text = Vec::new();
    from.take(LINE).read_until(b'\n', &mut text)?;
    if text.pop() != Some(b'\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the head of the answer does not end"));
    }
    Ok(String::from_utf8_lossy(&text).trim_end_matches('\r').to_owned())
}

impl Response {
    /// The whole body, of at most `limit` bytes.
    pub(super) fn bytes(self, limit: usize) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX);
        self.body.take(most.saturating_add(1)).read_to_end(&mut content)?;
        if content.len() > limit {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("more than {limit} bytes")));
        }
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// What `get` makes of a server that says `text`.
    fn said(text: &'static [u8]) -> io::Result<(u16, Vec<u8>)> {
        let directory = tempfile::tempdir().expect("scratch");
        let socket = directory.path().join("s");
        let listener = UnixListener::bind(&socket).expect("bind");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("accept");
            let mut request = [0; 64];
            let read = stream.read(&mut request).expect("request");
            assert_eq!(&request[..read], b"GET /x HTTP/1.0\r\nHost: localhost\r\n\r\n");
            // It may hang up on us.
            let _ = stream.write_all(text);
        });
        let answer = get(&socket, "/x").and_then(|response| Ok((response.status, response.bytes(5)?)));
        server.join().expect("server");
        answer
    }

    #[test]
    fn answers_are_read_to_their_end() {
        assert_eq!(said(b"HTTP/1.0 200 OK\r\nA: b\r\n\r\nhello").expect("read"), (200, b"hello".to_vec()));
        assert_eq!(said(b"HTTP/1.1 404 Not Found\n\n").expect("read"), (404, Vec::new()));
    }

    #[test]
    fn what_is_no_answer_or_too_long_is_an_error() {
        for text in
            [&b""[..], b"SSH-2.0\r\n\r\n", b"HTTP/1.0 200 OK\r\nA: b", b"HTTP/1.0 200 OK\r\n\r\nhello!"]
        {
            assert!(said(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }
}
