//! The password of the instances and the files of TLS towards them, read again when they change: mounted
//! Secrets are rotated.

use super::settings::Settings;
use crate::input::InputError;
use ::gateway::{
    settings::UpstreamTlsPaths,
    tls::{UpstreamTls, keep_fresh},
};
use shell_k8s::memgraph::Access;
use std::{fs::File, io::Read, path::PathBuf, time::Duration};
use tokio::time::sleep;
use zeroize::Zeroizing;

/// How often the file is read: mounted Secrets change by swapped links, which no watch tells well.
const LOOK: Duration = Duration::from_secs(10);
/// The longest password, in bytes.
const LONGEST: u64 = 64 * 1_024;

/// Password and TLS, and where they come from.
#[derive(Debug)]
pub(super) struct Secret {
    access: Access,
    path: Option<PathBuf>,
    tls: Option<UpstreamTls>,
}

fn password(path: &PathBuf) -> Result<Zeroizing<String>, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let file = File::open(path).map_err(|error| wrong(&error))?;
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(|error| wrong(&error))?;
    if text.len() as u64 > LONGEST {
        return Err(wrong(&format!("longer than {LONGEST} bytes")));
    }
    // Editors and `echo` end a file with a line break.
    let length = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(length);
    if text.is_empty() {
        return Err(wrong(&"it is empty; a password is expected"));
    }
    Ok(text)
}

impl Secret {
    /// As it is set.
    ///
    /// # Errors
    /// The file cannot be used.
    pub(super) fn read(settings: &Settings) -> Result<Self, InputError> {
        let tls = settings.tls.as_ref().map(UpstreamTlsPaths::read).transpose();
        let tls =
            tls.map_err(|error| InputError::Refused(format!("TLS towards instances: {error}")))?;
        let path = settings.password_file.clone();
        let read = match &path {
            Some(path) => password(path).map_err(InputError::Refused)?,
            None => Zeroizing::new(settings.password.0.clone()),
        };
        Ok(Self { access: Access::basic(&settings.user, &read).over(tls.clone()), path, tls })
    }

    /// What logs in with it.
    pub(super) fn access(&self) -> Access {
        self.access.clone()
    }

    /// Reads files again and again. What cannot be read leaves what was before in place, and is said.
    pub(super) async fn follow(&self) {
        let fresh = async {
            match self.tls.clone() {
                Some(tls) => keep_fresh(tls).await,
                None => std::future::pending().await,
            }
        };
        tokio::join!(self.follow_password(), fresh);
    }

    async fn follow_password(&self) {
        let Some(path) = &self.path else { return std::future::pending().await };
        let mut was_wrong = false;
        loop {
            sleep(LOOK).await;
            match password(path) {
                Ok(read) => {
                    if self.access.replace(&read) {
                        tracing::info!(path = %path.display(), "there is another password");
                    }
                    was_wrong = false;
                }
                Err(why) if !std::mem::replace(&mut was_wrong, true) => {
                    tracing::error!(why, "the password is not read again; the one before stays");
                }
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// A mounted Secret is rotated: the next login and the next hook go by what is in the file then.
    #[tokio::test(start_paused = true)]
    async fn another_password_is_taken_and_a_file_that_is_gone_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("password");
        std::fs::write(&path, "one").expect("a file");
        let access = Access::basic("u", "one");
        let secret = Secret { access: access.clone(), path: Some(path.clone()), tls: None };
        tokio::spawn(async move { secret.follow().await });
        let later = || sleep(LOOK + LOOK / 2);
        later().await;
        assert!(access.admits("u", "one"));
        std::fs::write(&path, "two\n").expect("a file");
        later().await;
        assert!(access.admits("u", "two") && !access.admits("u", "one"));
        std::fs::remove_file(&path).expect("it is there");
        later().await;
        assert!(access.admits("u", "two"), "the one before stays");
        std::fs::write(&path, "three").expect("a file");
        later().await;
        assert!(access.admits("u", "three"));
    }

    #[test]
    fn a_password_is_a_file_without_its_line_break() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path().to_owned();
        assert!(password(&path).expect_err("an empty file").contains("empty"));
        file.write_all(b" with spaces \r\n").expect("it is written");
        assert_eq!(password(&path).expect("a password").as_str(), " with spaces ");
        assert!(password(&path.join("x")).is_err());
    }
}
