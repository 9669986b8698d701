//! The launcher's side: one request in JSON, one launch, the exit code of `stockade run`.

use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;
use stockade_enforcer::launch::{Launch, launch};
use stockade_enforcer::verify::{Maker, Options, Scope, Tracing, verify};
use stockade_policy::plan::Plan;

/// Names the file that holds the request.
pub(crate) const VARIABLE: &str = "STOCKADE_TEST_LAUNCH";

#[derive(Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) plan: Plan,
    pub(crate) command: Vec<String>,
    pub(crate) pass_fds: Vec<i32>,
    pub(crate) tty: bool,
    pub(crate) status_fd: Option<i32>,
    /// What `at_exec` does: nothing, write the target's `CapEff` to stderr, refuse.
    pub(crate) at_exec: Option<String>,
}

pub(crate) fn main(file: &OsStr) -> ExitCode {
    let request: Request = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let command: Vec<OsString> = request.command.iter().map(OsString::from).collect();
    let environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let mut at_exec = |pid: u32| -> Result<(), String> {
        match request.at_exec.as_deref() {
            Some("refuse") => Err("refused by the test".to_owned()),
            Some("verify") => {
                let options = Options {
                    scope: Scope::Process,
                    tracing: Tracing::Stopped,
                    maker: Maker::Launch,
                    attested_by: Some("the launcher".to_owned()),
                };
                let status = verify(&request.plan, pid, &options).map_err(|error| error.to_string())?;
                eprintln!("{}", serde_json::to_string(&status).unwrap());
                if status.is_drift() { Err("it drifts".to_owned()) } else { Ok(()) }
            }
            _ => {
                let status =
                    std::fs::read_to_string(format!("/proc/{pid}/status")).map_err(|e| e.to_string())?;
                status.lines().for_each(|line| eprintln!("at_exec {line}"));
                Ok(())
            }
        }
    };
    let end = launch(Launch {
        plan: &request.plan,
        command: &command,
        environment: &environment,
        pass_fds: &request.pass_fds,
        tty: request.tty,
        status_fd: request.status_fd,
        at_exec: request.at_exec.is_some().then_some(&mut at_exec),
    });
    match end {
        Ok(outcome) => ExitCode::from(outcome.exit_code()),
        Err(error) => {
            eprintln!("launch: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
