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
    password: Arc<RwLock<Zeroizing<String>>>,
    tls: Option<UpstreamTls>,
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
        let password = Arc::new(RwLock::new(Zeroizing::new(password.to_owned())));
        Self { user: user.into(), password, tls: None }
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

    /// Uses another password from now on. True if it is another.
    pub fn replace(&self, password: &str) -> bool {
        let mut now = self.password.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = now.as_str() != password;
        if is_new {
            *now = Zeroizing::new(password.to_owned());
        }
        is_new
    }

    /// What is sent at a login.
    #[must_use]
    pub fn login(&self) -> AuthMap {
        AuthMap::basic(&self.user, &self.password.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether somebody who shows these is let in. Nobody is while there is no password; how long it
    /// takes does not tell how much of it was right.
    #[must_use]
    pub fn admits(&self, user: &str, password: &str) -> bool {
        let expected = self.password.read().unwrap_or_else(PoisonError::into_inner);
        let is_user = self.user.as_bytes().ct_eq(user.as_bytes());
        let is_password = expected.as_bytes().ct_eq(password.as_bytes());
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
        assert!(!format!("{access:?}").contains("new"));
        assert!(!Access::basic("", "").admits("", ""));
    }
}
