//! A process of a demo besides those that the kubelet keeps: a controller, or the gateway.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::File,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

/// How long one that is asked to end may take.
const GRACE: Duration = Duration::from_secs(3);

/// A process of ours that may be killed and started again.
pub(super) struct Part {
    name: String,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Part {
    /// One that does not run yet.
    pub(super) const fn new(name: String, arguments: Vec<String>) -> Self {
        Self { name, arguments, child: None }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Starts it; what it says goes to its log in this folder.
    pub(super) fn start(&mut self, folder: &Path) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", self.name);
        let log = folder.join(format!("{}.log", self.name));
        let log = File::options().create(true).append(true).open(log).map_err(|e| failed(&e))?;
        let program = std::env::current_exe().map_err(|error| failed(&error))?;
        let child = Command::new(program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(&error))?;
        self.child = Some(child);
        Ok(())
    }

    /// How it ended, if it was started and runs no more.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut()?.try_wait().ok()?
    }

    /// Ends it as `kill -9` does.
    pub(super) async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // One that ended by itself is as dead.
            let _ended = child.kill().await;
        }
    }

    /// Asks it to end, and does not wait for ever.
    pub(super) async fn terminate(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _gone = kill_process(pid, Signal::TERM);
        }
        if timeout(GRACE, child.wait()).await.is_err() {
            let _ended = child.kill().await;
        }
    }
}
