//! Who is asking: bearer tokens, and what each stands for.
//!
//! Tokens are random and known to this process only. A ServiceAccount's token ends with the account, with
//! the pod it is bound to, or when its time is over.

pub(crate) mod reviews;
pub(crate) mod rules;
pub(crate) mod tokens;

use std::collections::HashMap;

use jiff::Timestamp;
use parking_lot::RwLock;
use sha2::{Digest as _, Sha256};

use super::status::Failure;
use crate::store::State;

/// Belongs to whoever may do everything.
pub(crate) const MASTERS: &str = "system:masters";
const AUTHENTICATED: &str = "system:authenticated";
/// Belongs to whoever is no target of faults on order.
const SPARED: &str = "sandbox:spared";

/// Somebody who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// As RBAC's subjects name it.
    pub name: String,
    /// Of which it is a member.
    pub groups: Vec<String>,
}

impl User {
    /// Somebody with no right but those that stored roles give.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            groups: vec![AUTHENTICATED.to_owned()],
        }
    }

    /// Somebody who may do everything.
    pub fn admin(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            groups: vec![MASTERS.to_owned(), AUTHENTICATED.to_owned()],
        }
    }

    /// Adds a group.
    #[must_use]
    pub fn in_group(mut self, group: &str) -> Self {
        self.groups.push(group.to_owned());
        self
    }

    /// Spares the user faults on order, like the sandbox's own components.
    #[must_use]
    pub fn spared(self) -> Self {
        self.in_group(SPARED)
    }

    fn anonymous() -> Self {
        Self {
            name: "system:anonymous".to_owned(),
            groups: vec!["system:unauthenticated".to_owned()],
        }
    }

    fn service_account(namespace: &str, name: &str) -> Self {
        Self {
            name: format!("system:serviceaccount:{namespace}:{name}"),
            groups: vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
                AUTHENTICATED.to_owned(),
            ],
        }
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.groups.iter().any(|group| group == MASTERS)
    }

    /// Part of the sandbox itself: faults on order are not meant for it.
    pub(crate) fn is_component(&self) -> bool {
        let is_own = self.name.starts_with("system:")
            && !self.name.starts_with("system:serviceaccount:")
            && self.name != "system:anonymous";
        is_own || self.groups.iter().any(|group| group == SPARED)
    }
}

#[derive(Clone, Debug)]
struct Holder {
    user: User,
    /// uids of objects that must still be there.
    bound_to: Vec<String>,
    expires: Option<Timestamp>,
}

/// Every token that was given out.
#[derive(Debug, Default)]
pub(crate) struct Access {
    /// By the digest of the token: how long a lookup takes says nothing about the token.
    holders: RwLock<HashMap<[u8; 32], Holder>>,
}

impl Access {
    /// A new token for a user, without an end.
    pub(crate) fn token(&self, user: User) -> String {
        self.give(Holder {
            user,
            bound_to: Vec::new(),
            expires: None,
        })
    }

    /// A token that `secret` shall be; for tests that know theirs beforehand.
    pub(crate) fn accept(&self, secret: &str, user: User) {
        let holder = Holder {
            user,
            bound_to: Vec::new(),
            expires: None,
        };
        self.holders.write().insert(digest(secret), holder);
    }

    fn give(&self, holder: Holder) -> String {
        let secret = random_hex(32);
        self.holders.write().insert(digest(&secret), holder);
        secret
    }

    /// Who sent this `Authorization` header.
    pub(crate) fn user(&self, state: &State, authorization: Option<&str>) -> Result<User, Failure> {
        let Some(authorization) = authorization else {
            return Ok(User::anonymous());
        };
        let secret = authorization.strip_prefix("Bearer ").map(str::trim);
        let found = secret.and_then(|secret| self.holder(state, secret));
        found.ok_or_else(Failure::unauthorized)
    }

    fn holder(&self, state: &State, secret: &str) -> Option<User> {
        let holder = self.holders.read().get(&digest(secret)).cloned()?;
        let is_over = holder.expires.is_some_and(|expires| expires <= Timestamp::now());
        let is_bound = holder.bound_to.iter().all(|uid| state.key_of(uid).is_some());
        (!is_over && is_bound).then_some(holder.user)
    }
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// So many random bytes, as hexadecimal digits.
pub(crate) fn random_hex(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    // Without randomness there is no secret to be had; a cluster nobody else may enter needs one.
    getrandom::fill(&mut random).expect("the system must have random bytes");
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    fn user(access: &Access, header: Option<&str>) -> Result<User, Failure> {
        Store::new(1).read(|state| access.user(state, header))
    }

    #[test]
    fn a_token_stands_for_its_user() {
        let access = Access::default();
        let token = access.token(User::new("dora"));
        assert_eq!(
            user(&access, Some(&format!("Bearer {token}"))).unwrap().name,
            "dora"
        );
        assert_eq!(user(&access, None).unwrap().name, "system:anonymous");
    }

    #[test]
    fn a_wrong_token_is_nobody() {
        let access = Access::default();
        let token = access.token(User::new("dora"));
        for header in ["Bearer x", "Bearer", "Basic eDp5", token.as_str(), ""] {
            assert_eq!(
                user(&access, Some(header)),
                Err(Failure::unauthorized()),
                "{header}"
            );
        }
    }

    #[test]
    fn a_bound_token_ends_with_what_it_is_bound_to() {
        let access = Access::default();
        let token = access.give(Holder {
            user: User::service_account("shop", "api"),
            bound_to: vec!["gone".to_owned()],
            expires: None,
        });
        assert!(user(&access, Some(&format!("Bearer {token}"))).is_err());
    }
}
