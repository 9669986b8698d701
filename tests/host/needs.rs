//! What a test needs of the machine that it runs on.

use std::env;
use std::os::unix::fs::PermissionsExt;

/// What is not here: root, or one of these programs, by name or by path.
pub(crate) fn missing(programs: &[&str]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("it needs root".to_owned());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let runs = |program: &str| {
        env::split_paths(&path)
            .filter_map(|directory| directory.join(program).metadata().ok())
            .any(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    let program = programs.iter().find(|program| !runs(program))?;
    Some(format!("there is no {program} here"))
}

/// Ends a test that cannot run here, with the line that scripts/test counts.
macro_rules! needs {
    ($test:literal $(, $program:literal)*) => {
        if let Some(why) = crate::needs::missing(&[$($program),*]) {
            return println!("SKIP {}: {why}", $test);
        }
    };
}
