//! From a method and a path to what is asked: a verb on a resource, or a path of its own.

use http::Method;

use super::status::Failure;
use crate::resources::Kind;

/// What RBAC calls a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

impl Verb {
    pub(crate) const ALL: [Self; 8] = [
        Self::Create,
        Self::Delete,
        Self::DeleteCollection,
        Self::Get,
        Self::List,
        Self::Patch,
        Self::Update,
        Self::Watch,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }
}

/// A place in the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) kind: Kind,
    /// Empty: none, or all of them.
    pub(crate) namespace: String,
    /// Empty: the collection.
    pub(crate) name: String,
    pub(crate) subresource: Option<&'static str>,
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Resource(Target),
    /// Discovery, version, health: everything without objects.
    Other,
}

impl Route {
    pub(crate) fn parse(path: &str) -> Result<Self, Failure> {
        let decoded = percent_encoding::percent_decode_str(path).decode_utf8();
        let Ok(path) = decoded else {
            return Err(Failure::no_resource());
        };
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        match parts.as_slice() {
            ["api", version, rest @ ..] if !rest.is_empty() => target("", version, rest),
            ["apis", group, version, rest @ ..] if !rest.is_empty() => target(group, version, rest),
            _ => Ok(Self::Other),
        }
    }
}

fn target(group: &str, version: &str, rest: &[&str]) -> Result<Route, Failure> {
    let (namespace, rest) = match rest {
        // Alone, or with a subresource, a namespace is an object like any other.
        ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => ("", rest),
        ["namespaces", namespace, rest @ ..] => (*namespace, rest),
        _ => ("", rest),
    };
    let (plural, name, sub) = match rest {
        [plural] => (plural, "", None),
        [plural, name] => (plural, *name, None),
        [plural, name, sub] => (plural, *name, Some(*sub)),
        _ => return Err(Failure::no_resource()),
    };
    let kind = Kind::by_plural(group, version, plural).ok_or_else(Failure::no_resource)?;
    let subresource = match sub {
        None => None,
        Some(sub) => {
            let known = kind.subresources.iter().find(|known| **known == sub);
            Some(*known.ok_or_else(Failure::no_resource)?)
        }
    };
    let is_misplaced = if kind.is_namespaced {
        namespace.is_empty() && !name.is_empty()
    } else {
        !namespace.is_empty()
    };
    if is_misplaced {
        return Err(Failure::no_resource());
    }
    Ok(Route::Resource(Target {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        subresource,
    }))
}

impl Target {
    pub(crate) fn verb(&self, method: &Method, is_watch: bool) -> Result<Verb, Failure> {
        let is_collection = self.name.is_empty();
        // A port-forward begins with GET where it goes over a WebSocket; it is the right to create one.
        if self.subresource == Some("portforward") {
            return Ok(Verb::Create);
        }
        let verb = match *method {
            Method::GET if is_collection && is_watch => Verb::Watch,
            Method::GET if is_collection => Verb::List,
            Method::GET => Verb::Get,
            Method::POST if is_collection != self.subresource.is_some() => Verb::Create,
            Method::PUT if !is_collection => Verb::Update,
            Method::PATCH if !is_collection => Verb::Patch,
            Method::DELETE if is_collection => Verb::DeleteCollection,
            Method::DELETE => Verb::Delete,
            _ => return Err(Failure::method_not_allowed()),
        };
        if !self.kind.is_stored && verb != Verb::Create {
            return Err(Failure::method_not_allowed());
        }
        Ok(verb)
    }

    /// `pods/log`: the resource as rights name it.
    pub(crate) fn resource(&self) -> String {
        match self.subresource {
            None => self.kind.plural.to_owned(),
            Some(sub) => format!("{}/{sub}", self.kind.plural),
        }
    }
}

/// The parameters behind the path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(text.unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let found = self
            .0
            .iter()
            .find(|(name, value)| name == key && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.get(key).unwrap_or_default()
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        matches!(self.get(key), Some("true" | "1"))
    }

    pub(crate) fn number(&self, key: &str) -> Result<Option<u64>, Failure> {
        let parse = |text: &str| {
            text.parse().map_err(|_| {
                Failure::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
            })
        };
        self.get(key).map(parse).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target_of(path: &str) -> Option<(String, String, String)> {
        match Route::parse(path) {
            Ok(Route::Resource(target)) => Some((target.resource(), target.namespace, target.name)),
            _ => None,
        }
    }

    fn found(resource: &str, namespace: &str, name: &str) -> Option<(String, String, String)> {
        Some((resource.to_owned(), namespace.to_owned(), name.to_owned()))
    }

    #[test]
    fn paths_lead_to_resources() {
        assert_eq!(target_of("/api/v1/pods"), found("pods", "", ""));
        assert_eq!(
            target_of("/api/v1/namespaces/shop"),
            found("namespaces", "", "shop")
        );
        assert_eq!(
            target_of("/api/v1/namespaces/shop/status"),
            found("namespaces/status", "", "shop")
        );
        assert_eq!(
            target_of("/apis/apps/v1/namespaces/shop/deployments/api/scale"),
            found("deployments/scale", "shop", "api")
        );
    }

    #[test]
    fn paths_that_lead_nowhere_say_so() {
        for path in [
            "/api/v1/wings",
            "/api/v1/pods/p",
            "/api/v1/namespaces/shop/nodes/n",
            "/api/v1/namespaces/shop/pods/p/wings",
            "/apis/apps/v9/deployments",
        ] {
            assert!(Route::parse(path).is_err(), "{path}");
        }
        assert_eq!(Route::parse("/api/v1"), Ok(Route::Other));
    }

    #[test]
    fn the_verb_follows_method_and_place() {
        let verb = |path: &str, method: Method, watch| match Route::parse(path) {
            Ok(Route::Resource(target)) => target.verb(&method, watch).ok(),
            _ => None,
        };
        assert_eq!(verb("/api/v1/pods", Method::GET, true), Some(Verb::Watch));
        assert_eq!(verb("/api/v1/pods", Method::GET, false), Some(Verb::List));
        assert_eq!(
            verb("/api/v1/namespaces/a/pods", Method::DELETE, false),
            Some(Verb::DeleteCollection)
        );
        assert_eq!(verb("/api/v1/namespaces/a/pods/p", Method::POST, false), None);
        assert_eq!(
            verb("/api/v1/namespaces/a/pods/p/eviction", Method::POST, false),
            Some(Verb::Create)
        );
        assert_eq!(
            verb("/api/v1/namespaces/a/pods/p/portforward", Method::GET, false),
            Some(Verb::Create)
        );
    }
}
