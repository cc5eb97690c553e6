//! Name, password and TLS, as they are now: they may be replaced while connections are open, and the
//! next connection uses the new ones.

use bolt::message::AuthMap;
use gateway::tls::UpstreamTls;
use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// How to log in. Clones share it; it prints no password.
#[derive(Clone)]
pub struct Access {
    user: Arc<str>,
    passwords: Arc<RwLock<Passwords>>,
    tls: Option<UpstreamTls>,
}

/// What is shown at a login, and what is shown where that is refused.
struct Passwords {
    now: Zeroizing<String>,
    /// While instances are restarted one by one, some still go by it.
    former: Option<Zeroizing<String>>,
    /// How often there was another.
    changes: u64,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Access {
    /// With a name and a password; both empty where the instance has no users.
    #[must_use]
    pub fn basic(user: &str, password: &str) -> Self {
        let passwords =
            Passwords { now: Zeroizing::new(password.to_owned()), former: None, changes: 0 };
        Self { user: user.into(), passwords: Arc::new(RwLock::new(passwords)), tls: None }
    }

    /// The same over TLS; plain if there is none.
    #[must_use]
    pub fn over(self, tls: Option<UpstreamTls>) -> Self {
        Self { tls, ..self }
    }

    /// How instances are spoken to, if not plainly.
    pub(super) const fn tls(&self) -> Option<&UpstreamTls> {
        self.tls.as_ref()
    }

    /// Uses another password from now on, and the one before where that is refused. True if it is
    /// another.
    pub fn replace(&self, password: &str) -> bool {
        let mut passwords = self.passwords.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = passwords.now.as_str() != password;
        if is_new {
            let new = Zeroizing::new(password.to_owned());
            passwords.former = Some(std::mem::replace(&mut passwords.now, new));
            passwords.changes += 1;
        }
        is_new
    }

    /// How often there was another password.
    pub(super) fn changes(&self) -> u64 {
        self.passwords.read().unwrap_or_else(PoisonError::into_inner).changes
    }

    /// What is sent at a login.
    #[must_use]
    pub fn login(&self) -> AuthMap {
        let passwords = self.passwords.read().unwrap_or_else(PoisonError::into_inner);
        AuthMap::basic(&self.user, &passwords.now)
    }

    /// What is sent where that is refused, if there was another password before.
    #[must_use]
    pub fn former_login(&self) -> Option<AuthMap> {
        let passwords = self.passwords.read().unwrap_or_else(PoisonError::into_inner);
        passwords.former.as_ref().map(|former| AuthMap::basic(&self.user, former))
    }

    /// Whether somebody who shows these is let in. Nobody is while there is no password, nor with one
    /// that is no more; how long it takes does not tell how much of it was right.
    #[must_use]
    pub fn admits(&self, user: &str, password: &str) -> bool {
        let passwords = self.passwords.read().unwrap_or_else(PoisonError::into_inner);
        let expected = passwords.now.as_bytes();
        let is_user = self.user.as_bytes().ct_eq(user.as_bytes());
        let is_password = expected.ct_eq(password.as_bytes());
        !expected.is_empty() && bool::from(is_user & is_password)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_shows_both_is_let_in_and_nobody_without_a_password() {
        let access = Access::basic("mguser", "mgpasswd");
        let other = access.clone();
        assert!(access.admits("mguser", "mgpasswd"));
        for (user, password) in
            [("mguser", ""), ("", "mgpasswd"), ("mguser", "mgpasswd2"), ("", "")]
        {
            assert!(!access.admits(user, password), "{user}:{password}");
        }
        assert!(access.replace("new") && !access.replace("new"));
        assert!(other.admits("mguser", "new") && !other.admits("mguser", "mgpasswd"));
        assert_eq!(other.login(), AuthMap::basic("mguser", "new"));
        assert_eq!(other.former_login(), Some(AuthMap::basic("mguser", "mgpasswd")));
        for secret in ["new", "mgpasswd"] {
            assert!(!format!("{access:?}").contains(secret));
        }
        assert_eq!(Access::basic("mguser", "mgpasswd").former_login(), None);
        assert!(!Access::basic("", "").admits("", ""));
    }
}
