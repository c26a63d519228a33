//! Which calls a fault is meant for.

use std::str::FromStr;

use super::Effect;
use super::grammar;
use super::words::ParseError;

/// One call, as faults and tests see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// With its subresource: `pods/portforward`. A path, where it is no resource.
    pub resource: String,
    /// Empty where there is none.
    pub namespace: String,
    /// Empty for collections.
    pub name: String,
    /// Who called.
    pub user: String,
    /// The sandbox's own node and controllers.
    pub(crate) is_component: bool,
}

/// A fault to order. Made with [`Fault::new`] and narrowed, or read from words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub(super) verb: String,
    pub(super) resource: String,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) user: Option<String>,
    /// So many calls pass first.
    pub(super) after: u64,
    /// So many calls are struck; all of them where nothing is said.
    pub(super) count: Option<u64>,
    pub(super) effect: Effect,
}

impl Fault {
    /// A fault that strikes every call of `verb` on `resource`; `*` stands for all of either.
    pub fn new(verb: &str, resource: &str, effect: Effect) -> Self {
        Self {
            verb: verb.to_owned(),
            resource: resource.to_owned(),
            namespace: None,
            name: None,
            user: None,
            after: 0,
            count: None,
            effect,
        }
    }

    /// Reads a fault from words: `patch services 409 x2`. The grammar is told by [`Fault::GRAMMAR`].
    ///
    /// # Errors
    /// When a word is not understood; the error says which.
    pub fn parse(words: &str) -> Result<Self, ParseError> {
        grammar::parse(words)
    }

    /// Strikes only in this namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// Strikes only calls about this object.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Strikes only this user, who may be one of the sandbox's own components.
    #[must_use]
    pub fn by_user(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned());
        self
    }

    /// Strikes only so many times.
    #[must_use]
    pub fn times(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// Lets so many calls pass first.
    #[must_use]
    pub fn after(mut self, calls: u64) -> Self {
        self.after = calls;
        self
    }

    /// Strikes only the nth call, counted from 1.
    #[must_use]
    pub fn nth(self, nth: u64) -> Self {
        self.after(nth.saturating_sub(1)).times(1)
    }

    pub(super) fn matches(&self, call: &Call) -> bool {
        let is_who = match &self.user {
            Some(user) => user == "*" || *user == call.user,
            None => !call.is_component,
        };
        let is = |wanted: &Option<String>, have: &str| wanted.as_deref().is_none_or(|wanted| wanted == have);
        is_who
            && (self.verb == "*" || self.verb == call.verb)
            && (self.resource == "*" || self.resource == call.resource)
            && is(&self.namespace, &call.namespace)
            && is(&self.name, &call.name)
    }
}

impl FromStr for Fault {
    type Err = ParseError;

    fn from_str(words: &str) -> Result<Self, ParseError> {
        Self::parse(words)
    }
}
