//! systemd's sets of system calls (`SystemCallFilter=@…`), as the installed systemd lists them.

use super::stdout;
use crate::error::Error;
use std::process::Command;

/// One line a set: its name without `@`, and its members as listed: calls and `@sets`.
pub(super) fn table() -> Result<String, Error> {
    let version = stdout(Command::new("systemd-analyze").arg("--version"))?;
    let listing = stdout(Command::new("systemd-analyze").args(["--no-pager", "syscall-filter"]))?;
    let version = version.split_whitespace().nth(1).unwrap_or_default();
    Ok(format!(
        "# System call sets of systemd {version}, written by --refresh from `systemd-analyze syscall-filter`.\n\
         # set\tabout\tmembers\n{}",
        parse(&listing)
    ))
}

/// Set names stand at the margin; below them a comment and the members, indented.
fn parse(listing: &str) -> String {
    let mut text = String::new();
    for block in listing.split("\n\n") {
        let mut lines = block.lines().filter(|line| !line.trim().is_empty());
        let Some(name) = lines.next().and_then(|line| line.strip_prefix('@')) else { continue };
        // `@known` is every call that systemd was built with.
        if name == "known" {
            continue;
        }
        let (about, members): (Vec<&str>, Vec<&str>) =
            lines.map(str::trim).partition(|line| line.starts_with('#'));
        let about = about.first().map_or("", |line| line.trim_start_matches("# "));
        text += &format!("{name}\t{about}\t{}\n", members.join(" "));
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn sets_are_read_and_the_set_of_everything_is_not() {
        let listing =
            "@clock\n    # Change the system time\n    adjtimex\n    @timer\n\n@known\n    # All\n    read\n";
        assert_eq!(super::parse(listing), "clock\tChange the system time\tadjtimex @timer\n");
    }
}
