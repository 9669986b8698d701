//! A client of the Container Runtime Interface: one call of gRPC at a time, as HTTP/2 over a Unix socket. The
//! crates with all of gRPC and the CRI are a hundred more than the tests otherwise need.

mod messages;

pub(crate) use messages::*;

use bytes::{Buf, Bytes};
use prost::Message;
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;

/// Where an engine answers.
pub(crate) struct Client {
    socket: PathBuf,
}

impl Client {
    pub(crate) fn new(socket: &Path) -> Self {
        Client { socket: socket.to_owned() }
    }

    /// One call to the runtime service; the engine's message where it refuses.
    pub(crate) fn call<Answer: Message + Default>(
        &self,
        method: &str,
        request: &impl Message,
    ) -> Result<Answer, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let path = format!("http://cri/runtime.v1.RuntimeService/{method}");
        // A message is preceded by a byte for "compressed" and its length in four.
        let mut body = vec![0];
        body.extend(u32::try_from(request.encoded_len()).unwrap().to_be_bytes());
        request.encode(&mut body).unwrap();
        let answer = runtime.block_on(exchange(&self.socket, &path, body.into()))?;
        let message =
            answer.get(5..).ok_or_else(|| format!("{method}: an answer of {} bytes", answer.len()))?;
        Ok(Answer::decode(message).unwrap())
    }
}

/// Sends one request and reads all of its answer.
async fn exchange(socket: &Path, path: &str, body: Bytes) -> Result<Vec<u8>, String> {
    let stream = UnixStream::connect(socket).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    // Ends with the runtime.
    tokio::spawn(connection);
    let request = http::Request::post(path)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let (response, mut sent) = sender.ready().await.unwrap().send_request(request, false).unwrap();
    sent.send_data(body, true).unwrap();
    let response = response.await.unwrap();
    // A call that fails at once has its status among the headers.
    refused(response.headers())?;
    let mut incoming = response.into_body();
    let mut answer = Vec::new();
    while let Some(chunk) = incoming.data().await {
        let chunk = chunk.unwrap();
        incoming.flow_control().release_capacity(chunk.remaining()).unwrap();
        answer.extend_from_slice(&chunk);
    }
    if let Some(trailers) = incoming.trailers().await.unwrap() {
        refused(&trailers)?;
    }
    Ok(answer)
}

/// The engine's message, unless the status is 0 or not there.
fn refused(headers: &http::HeaderMap) -> Result<(), String> {
    match headers.get("grpc-status") {
        Some(status) if status != "0" => {
            let said = headers.get("grpc-message").map(|text| String::from_utf8_lossy(text.as_bytes()));
            Err(said.unwrap_or_default().into_owned())
        }
        _ => Ok(()),
    }
}
