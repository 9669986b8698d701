//! `stockade profile list|show`

use super::Output;
use crate::context::{Context, builtin};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render;
use serde::Serialize;
use std::path::Path;
use stockade_policy::parse;

/// Built-in profiles
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the built-in profiles
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Print a profile as it is written
    Show {
        /// A built-in profile, or a file
        profile: String,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Serialize)]
struct List {
    profiles: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    about: String,
}

#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    file: &'a str,
    text: &'a str,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let context = Context::new(Path::new("/"))?;
    match &args.action {
        Action::List { output } => {
            let mut profiles = Vec::new();
            for name in builtin::names() {
                let profile = parse::parse(&context.named(name)?).map_err(Failure::Diagnostics)?;
                let about = profile.sections.about.map(|about| about.value).unwrap_or_default();
                profiles.push(Entry { name: name.to_owned(), about });
            }
            let list = List { profiles };
            render::result(output.format, "profiles", &list, || {
                let rows: Vec<Vec<String>> =
                    list.profiles.iter().map(|entry| vec![entry.name.clone(), entry.about.clone()]).collect();
                render::table(&rows)
            })?;
        }
        Action::Show { profile, output } => {
            let source = context.named(profile)?;
            let text = String::from_utf8_lossy(&source.text);
            let shown = Shown { name: profile, file: &source.file, text: &text };
            render::result(output.format, "profile", &shown, || render::harmless(&text))?;
        }
    }
    Ok(Exit::FINE)
}
