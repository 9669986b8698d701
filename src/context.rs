//! What commands share: where profiles come from, and the answers that the policy crate may ask for.

pub(crate) mod accounts;
pub(crate) mod builtin;
pub(crate) mod loader;
pub(crate) mod question;
pub(crate) mod root;

use crate::failure::Failure;
use crate::overrides::Overrides;
use question::{Question, ask_again};
use root::Root;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stockade_enforcer::oci::canonical::canonical;
use stockade_enforcer::oci::claims::owned_by_root;
use stockade_policy::lookup::{Loader, Lookup, Source};
use stockade_policy::origin::Origin;
use stockade_policy::vocab::nearest::nearest;

/// Longest profile that is read, bytes; one more is read so that the parser can refuse it by its size.
const LONGEST_PROFILE: u64 = 1 << 20;

/// The profile where none is named.
pub(crate) const DEFAULT_PROFILE: &str = "restricted";

/// Where a command looks things up.
pub(crate) struct Context {
    root: Root,
    path: PathBuf,
    overrides: Vec<Source>,
    /// Whether a file counts only where nobody but root can have written it.
    guarded: bool,
    /// Everything that was asked, with the answers, in order: what a plan depends on.
    asked: RefCell<Vec<Question>>,
}

impl Context {
    /// A context whose users, groups and programs are those of the directory `root`.
    pub(crate) fn new(root: &Path) -> Result<Context, Failure> {
        let fault = |source| Failure::Read { path: root.to_owned(), source };
        Ok(Context {
            root: Root::open(root)?,
            path: canonical(root).map_err(fault)?,
            overrides: Vec::new(),
            guarded: false,
            asked: RefCell::new(Vec::new()),
        })
    }

    /// The same where profiles decide about other people's containers: files that others than root can write are
    /// refused.
    pub(crate) fn guarded(self) -> Context {
        Context { guarded: true, ..self }
    }

    /// The directory that becomes `/`, absolute.
    pub(crate) fn root(&self) -> &Path {
        &self.path
    }

    /// Puts flags on top of the profile `name` and returns the name of the whole.
    pub(crate) fn with_overrides(&mut self, name: &str, overrides: &Overrides) -> String {
        let (top, layers) = overrides.layer(name);
        self.overrides = layers;
        top
    }

    /// The texts that flags stand for.
    pub(crate) fn overrides(&self) -> Vec<&[u8]> {
        self.overrides.iter().map(|source| source.text.as_slice()).collect()
    }

    /// Everything that was asked so far, with the answers.
    pub(crate) fn asked(&self) -> Vec<Question> {
        self.asked.borrow().clone()
    }

    /// SHA-256 over those of every text that was read since `before` questions were asked: each profile's, and those of
    /// the ones that it extends.
    pub(crate) fn texts_since(&self, before: usize) -> [u8; 32] {
        let mut hash = Sha256::new();
        for text in self.asked.borrow().iter().skip(before).filter_map(Question::text) {
            hash.update(text);
        }
        hash.finalize().into()
    }

    /// Whether each of these questions still has its answer.
    pub(crate) fn still(&self, questions: &[Question]) -> bool {
        questions.iter().all(|question| ask_again(self, question))
    }

    fn record(&self, question: Question) {
        self.asked.borrow_mut().push(question);
    }

    /// The profile that the user names on the command line: one that is built in, or a file.
    pub(crate) fn named(&self, name: &str) -> Result<Source, Failure> {
        match self.find(name, None)? {
            Some(source) => Ok(source),
            None => {
                let known = self.profile_names();
                let nearest = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
                Err(Failure::UnknownProfile { name: name.to_owned(), nearest, known })
            }
        }
    }

    /// The profile `name`, where a relative path counts from the file `from`.
    fn find(&self, name: &str, from: Option<&str>) -> Result<Option<Source>, Failure> {
        let layer = self.overrides.iter().find(|source| &*source.file == name).cloned();
        let found = match layer.or_else(|| builtin::source(name)) {
            Some(source) => Some(source),
            None if is_path(name) => Some(file(&beside(name, from), self.guarded)?),
            None => None,
        };
        self.record(Question::profile(name, from, found.as_ref()));
        Ok(found)
    }
}

impl Lookup for Context {
    fn profile(&self, name: &str, from: Option<&Origin>) -> Result<Option<Source>, String> {
        self.find(name, from.map(|origin| &*origin.file)).map_err(|error| error.to_string())
    }

    fn profile_names(&self) -> Vec<String> {
        builtin::names().map(str::to_owned).collect()
    }

    fn user(&self, name: &str) -> Result<Option<(u32, u32)>, String> {
        let answer = accounts::user(&self.root, name).map_err(|error| error.to_string())?;
        self.record(Question::User { name: name.to_owned(), answer });
        Ok(answer)
    }

    fn group(&self, name: &str) -> Result<Option<u32>, String> {
        let answer = accounts::group(&self.root, name).map_err(|error| error.to_string())?;
        self.record(Question::Group { name: name.to_owned(), answer });
        Ok(answer)
    }

    fn loaders(&self, path: &str) -> Result<Vec<Loader>, String> {
        let found = loader::chain(&self.root, path).map_err(|error| error.to_string())?;
        let answer = found.iter().map(|loader| loader.path.clone()).collect();
        self.record(Question::Loaders { path: path.to_owned(), answer });
        Ok(found)
    }
}

/// Whether a name can only mean a file.
fn is_path(name: &str) -> bool {
    name.contains('/') || [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending))
}

/// The path that `name` means when it is written at `from`. What is built in or came from a flag stands
/// in no directory: there it counts from the working directory.
fn beside(name: &str, from: Option<&str>) -> PathBuf {
    let directory = from
        .filter(|file| !builtin::is_builtin(file) && !file.starts_with("--"))
        .and_then(|file| Path::new(file).parent());
    directory.map_or_else(|| PathBuf::from(name), |directory| directory.join(name.trim_start_matches("./")))
}

/// A profile from a file.
fn file(path: &Path, guarded: bool) -> Result<Source, Failure> {
    let fault = |source| Failure::Read { path: path.to_owned(), source };
    let mut text = Vec::new();
    if guarded {
        text = owned_by_root(path).map_err(fault)?;
    } else {
        File::open(path).map_err(fault)?.take(LONGEST_PROFILE + 1).read_to_end(&mut text).map_err(fault)?;
    }
    Ok(Source { file: Arc::from(path.to_string_lossy()), text })
}
