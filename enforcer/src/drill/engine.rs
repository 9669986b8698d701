//! A container that an engine starts, by its own client.

use super::DrillError;
use super::client::{self, Client, Words};
use super::place::{PROGRAM_INSIDE, Place};
use super::report::Outcome;
use super::run::{Bursts, by_client};
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
    /// Its client.
    pub client: &'static Client,
    /// The image; `None`: nothing but the program, made for this and removed.
    pub image: Option<&'a str>,
    /// Options of `run`, before the image.
    pub options: &'a [OsString],
}

/// What the program obtains there.
pub fn in_engine(place: &Place, engine: &Engine<'_>, bursts: Bursts) -> Result<Vec<Outcome>, DrillError> {
    let client = engine.client;
    let arguments = place.arguments(1, &bursts.letters());
    let (program, root) = (place.program(), place.root());
    let mut words = Words::new(engine.options, &arguments);
    words.set("name", place.name());
    words.set("program", &program.to_string_lossy());
    words.set("root", &root.to_string_lossy());
    let (template, inside) = match (engine.image, client.run_root) {
        (None, Some(template)) => (template, PROGRAM_INSIDE),
        _ => (client.run, INSIDE),
    };
    words.set("inside", inside);
    let made = match (engine.image, client.run_root) {
        (None, None) => Some(EmptyImage::make(client, place.name())?),
        _ => None,
    };
    words.set("image", engine.image.unwrap_or(place.name()));
    let _container = Container { client, name: place.name() };
    let outcomes = by_client(words.command(client, template), client.program);
    drop(made);
    outcomes
}

/// The container, gone when dropped, also where its client was killed.
struct Container<'a> {
    client: &'static Client,
    name: &'a str,
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        let mut words = Words::new(&[], &[]);
        words.set("name", self.name);
        self.client.remove.iter().for_each(|template| client::quietly(words.command(self.client, template)));
    }
}

/// An image with nothing in it, gone when dropped.
struct EmptyImage<'a> {
    client: &'static Client,
    name: &'a str,
}

impl<'a> EmptyImage<'a> {
    fn make(client: &'static Client, name: &'a str) -> Result<EmptyImage<'a>, DrillError> {
        let program = client.program;
        let fault = |source| DrillError::Client { client: program.to_owned(), source };
        let mut command = Command::new(program);
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
        Err(DrillError::Refused { client: program.to_owned(), code: output.status.code(), said })
    }
}

impl Drop for EmptyImage<'_> {
    fn drop(&mut self) {
        let mut command = Command::new(self.client.program);
        command.args(["rmi", "--force", self.name]);
        client::quietly(command);
    }
}
