//! A container that an engine starts, by its own client.

use super::DrillError;
use super::place::Place;
use super::report::Outcome;
use super::run::{Bursts, by_client, end};
use std::ffi::OsString;
use std::io::Write;
use std::process::{Command, Stdio};

/// Where the program stands inside. Directly in the root, so that an image needs no directory for it.
const INSIDE: &str = "/stockade-drill";
/// An empty archive, two blocks of zeros (tar(5)): the image where none is named.
const NOTHING: [u8; 1024] = [0; 1024];

/// What to start, and how.
#[derive(Clone, Copy, Debug)]
pub struct Engine<'a> {
    /// The client: `docker`, `podman`.
    pub client: &'a str,
    /// The image; `None`: an empty one, made for this and removed.
    pub image: Option<&'a str>,
    /// Options of `run`, before the image.
    pub options: &'a [OsString],
}

/// What the program obtains there.
pub fn in_engine(place: &Place, engine: &Engine<'_>, bursts: Bursts) -> Result<Vec<Outcome>, DrillError> {
    let made = match engine.image {
        Some(_) => None,
        None => Some(EmptyImage::make(engine.client, place.name())?),
    };
    let image = engine.image.or(made.as_ref().map(|image| image.name)).unwrap_or_default();
    let _container = Container { client: engine.client, name: place.name() };
    let mut command = Command::new(engine.client);
    command.args(["run", "--rm", "--name", place.name(), "--entrypoint", INSIDE]);
    command.arg("--volume").arg(format!("{}:{INSIDE}:ro", place.program().display()));
    command.args(engine.options).arg(image).args(place.arguments(1, &bursts.letters()));
    by_client(command, engine.client)
}

/// Runs a client, and drops what it says; one that does not end is left alone.
fn quietly(client: &str, arguments: &[&str]) {
    let mut command = Command::new(client);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // It is told to remove what is mostly gone already.
    if let Ok(mut client) = command.spawn() {
        let _ = end(&mut client);
    }
}

/// The container, gone when dropped, also where its client was killed.
struct Container<'a> {
    client: &'a str,
    name: &'a str,
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        quietly(self.client, &["rm", "--force", self.name]);
    }
}

/// An image with nothing in it, gone when dropped.
struct EmptyImage<'a> {
    client: &'a str,
    name: &'a str,
}

impl<'a> EmptyImage<'a> {
    fn make(client: &'a str, name: &'a str) -> Result<EmptyImage<'a>, DrillError> {
        let fault = |source| DrillError::Client { client: client.to_owned(), source };
        let mut command = Command::new(client);
        command
            .args(["import", "-", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(fault)?;
        if let Some(mut archive) = child.stdin.take() {
            // A client that does not read it says why itself.
            let _ = archive.write_all(&NOTHING);
        }
        let output = child.wait_with_output().map_err(fault)?;
        if output.status.success() {
            return Ok(EmptyImage { client, name });
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(DrillError::Refused { client: client.to_owned(), code: output.status.code(), said })
    }
}

impl Drop for EmptyImage<'_> {
    fn drop(&mut self) {
        quietly(self.client, &["rmi", "--force", self.name]);
    }
}
