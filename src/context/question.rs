//! What was asked while a plan was made, with the answers. A plan is still good where every question
//! still has its answer; that is found out without parsing a profile.

use super::{Context, loader};
use crate::context::accounts;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use stockade_policy::lookup::Source;

/// A question with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Question {
    /// The profile `name`, named in the file `from`.
    Profile { name: String, from: Option<String>, answer: Option<Text> },
    /// A user and its primary group.
    User { name: String, answer: Option<(u32, u32)> },
    /// A group.
    Group { name: String, answer: Option<u32> },
    /// A program with everything that the kernel opens to start it.
    Loaders { path: String, answer: Vec<String> },
}

/// The text of a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Text {
    file: String,
    /// SHA-256.
    hash: [u8; 32],
}

impl Question {
    /// The question for a profile.
    pub(super) fn profile(name: &str, from: Option<&str>, found: Option<&Source>) -> Question {
        let text = |source: &Source| Text {
            file: source.file.to_string(),
            hash: Sha256::digest(&source.text).into(),
        };
        Question::Profile { name: name.to_owned(), from: from.map(str::to_owned), answer: found.map(text) }
    }

    /// The hash of the text that answers it, where one does.
    pub(crate) fn text(&self) -> Option<[u8; 32]> {
        match self {
            Question::Profile { answer, .. } => answer.as_ref().map(|text| text.hash),
            _ => None,
        }
    }
}

/// Whether `question` still has its answer. What can no longer be answered has not.
pub(super) fn ask_again(context: &Context, question: &Question) -> bool {
    match question {
        Question::Profile { name, from, .. } => context
            .find(name, from.as_deref())
            .is_ok_and(|found| Question::profile(name, from.as_deref(), found.as_ref()) == *question),
        Question::User { name, answer } => {
            accounts::user(&context.root, name).is_ok_and(|now| now == *answer)
        }
        Question::Group { name, answer } => {
            accounts::group(&context.root, name).is_ok_and(|now| now == *answer)
        }
        Question::Loaders { path, answer } => loader::chain(&context.root, path)
            .is_ok_and(|now| now.iter().map(|loader| &loader.path).eq(answer.iter())),
    }
}
