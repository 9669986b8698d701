//! `Config` of a container of Docker's: what the image and the caller ask for.

use super::super::container::Sections;
use super::super::members::Reader;
use crate::parse::tree::Node;

/// Reads it.
pub(super) fn read(node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    // Nobody is named: root.
    sections.user = Some("0:0".to_owned());
    for (key, node) in reader.members(node, "Config") {
        match key {
            "User" => {
                if let Some(user) = reader.text(node, key).filter(|user| !user.is_empty()) {
                    sections.user = self::user(user, node, reader);
                }
            }
            "Env" => {
                for (variable, origin) in reader.texts(node, key) {
                    sections.variable(variable, origin, &mut reader.told);
                }
            }
            "WorkingDir" => {
                let path = reader.text(node, key).filter(|path| !path.is_empty());
                sections.workdir = path.and_then(|path| Sections::path(path, &node.origin, &mut reader.told));
            }
            "Hostname" => {
                if let Some(name) = reader.text(node, key).filter(|name| !name.is_empty()) {
                    sections.host_name(name, &node.origin, &mut reader.told);
                }
            }
            _ => reader.no_word(&format!("Config.{key}"), node),
        }
    }
}

/// Numbers as they are; names are the image's to know.
fn user(written: &str, node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let (user, group) = written.split_once(':').unwrap_or((written, ""));
    let number = |text: &str| text.parse::<u32>().is_ok_and(|id| id != u32::MAX);
    if !number(user) || !(group.is_empty() || number(group)) {
        reader.told.note(
            &node.origin,
            format!("left out: the user `{written}` is looked up in the image: write the number"),
        );
        return None;
    }
    if group.is_empty() {
        reader
            .told
            .note(&node.origin, format!("the group of user {user} is looked up in the image; written as 0"));
    }
    Some(format!("{user}:{}", if group.is_empty() { "0" } else { group }))
}
