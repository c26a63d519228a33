//! From words of a sheet to what the engine is asked for. Every refusal names the field it is about.

use std::time::Duration;

use intercept_engine::settings;
use intercept_engine::spec::{InterceptSpec, PortChoice, ProxySettings};
use intercept_engine::target::Target;
use intercept_protocol::matching::{BaggageKey, HeaderName, Mark, Match, Value};

use crate::error::CommandError;
use crate::wire::{InterceptWish, MarkWish, Preferences};

const HINT: &str = "Correct it; nothing was changed.";

/// The intercept that is meant.
///
/// # Errors
/// When a field cannot be; all that can be said without a cluster.
pub(crate) fn spec(wish: &InterceptWish) -> Result<InterceptSpec, CommandError> {
    let wrong = |field, error: &dyn std::error::Error| CommandError::wrong(field, error, HINT);
    let mut rule = Match::new(mark(&wish.mark).map_err(|error| wrong("mark", &error))?);
    let path = wish.path_prefix.as_deref().map(str::trim);
    if let Some(path) = path.filter(|path| !matches!(*path, "" | "/")) {
        rule.path_prefix = Some(settings::path_prefix(path).map_err(|error| wrong("pathPrefix", &error))?);
    }
    for method in &wish.methods {
        let method = settings::method(method).map_err(|error| wrong("methods", &error))?;
        rule.methods.insert(method);
    }
    let port = wish
        .port
        .as_deref()
        .map(str::trim)
        .filter(|port| !port.is_empty());
    let port = port
        .map(str::parse::<PortChoice>)
        .transpose()
        .map_err(|error| wrong("port", &error))?;
    let owner = settings::owner(None).map_err(|error| wrong("owner", &error))?;
    Ok(InterceptSpec {
        namespace: wish.namespace.clone(),
        service: wish.service.clone(),
        port,
        rule,
        target: target(wish)?,
        ttl: wish
            .ttl_seconds
            .map(|seconds| Duration::from_secs(seconds.into())),
        protocol: wish.protocol,
        owner,
    })
}

/// Where its requests go.
pub(crate) fn target(wish: &InterceptWish) -> Result<Target, CommandError> {
    let mut target = parsed_target(&wish.target)?;
    target.accept_any_certificate = target.is_tls() && wish.accept_any_certificate;
    Ok(target)
}

/// A target as somebody typed it.
pub(crate) fn parsed_target(text: &str) -> Result<Target, CommandError> {
    text.parse()
        .map_err(|error| CommandError::wrong("target", &error, HINT))
}

fn mark(mark: &MarkWish) -> Result<Mark, intercept_protocol::matching::InvalidMatch> {
    let value = |value: &Option<String>| value.as_deref().map(Value::new).transpose();
    Ok(match mark {
        MarkWish::Header { name, value: said } => Mark::Header {
            name: HeaderName::new(name.trim())?,
            value: value(said)?,
        },
        MarkWish::Baggage { key, value: said } => Mark::Baggage {
            key: BaggageKey::new(key.trim())?,
            value: value(said)?,
        },
        MarkWish::All => Mark::All,
    })
}

/// How its proxy is built.
pub(crate) fn proxy(preferences: &Preferences) -> ProxySettings {
    let usual = ProxySettings::default();
    ProxySettings {
        image: preferences.proxy_image.clone().unwrap_or(usual.image),
        agent_image: preferences.agent_image.clone(),
        pull_secrets: preferences.pull_secrets.clone(),
        ..usual
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use intercept_engine::tap::Level;

    use super::*;

    pub(crate) fn wish() -> InterceptWish {
        InterceptWish {
            context: "kind".to_owned(),
            namespace: "shop".to_owned(),
            service: "cart".to_owned(),
            port: None,
            mark: MarkWish::Header {
                name: " X-Dev ".to_owned(),
                value: Some("ann".to_owned()),
            },
            path_prefix: Some("/".to_owned()),
            methods: Vec::new(),
            target: "3000".to_owned(),
            accept_any_certificate: true,
            ttl_seconds: Some(60),
            protocol: None,
            recording: Level::Bodies,
        }
    }

    fn field(wish: &InterceptWish) -> Option<String> {
        let error = spec(wish).unwrap_err();
        serde_json::to_value(&error).unwrap()["field"]
            .as_str()
            .map(str::to_owned)
    }

    #[test]
    fn a_wish_is_understood() {
        let spec = spec(&wish()).unwrap();
        assert_eq!(spec.rule.to_string(), "X-Dev: ann");
        assert_eq!(spec.target.to_string(), "localhost:3000");
        assert!(
            !spec.target.accept_any_certificate,
            "there is no TLS to be lax about"
        );
        assert_eq!(spec.ttl, Some(Duration::from_secs(60)));
    }

    #[test]
    fn whatever_is_wrong_names_its_field() {
        let base = wish();
        let of = |change: fn(&mut InterceptWish)| {
            let mut wish = base.clone();
            change(&mut wish);
            field(&wish)
        };
        assert_eq!(
            of(|wish| wish.target = "70000".to_owned()).as_deref(),
            Some("target")
        );
        assert_eq!(
            of(|wish| wish.port = Some("Eighty".to_owned())).as_deref(),
            Some("port")
        );
        assert_eq!(
            of(|wish| wish.path_prefix = Some("cart".to_owned())).as_deref(),
            Some("pathPrefix")
        );
        assert_eq!(
            of(|wish| wish.methods = vec!["GET IT".to_owned()]).as_deref(),
            Some("methods")
        );
        let no_name = |wish: &mut InterceptWish| {
            wish.mark = MarkWish::Header {
                name: String::new(),
                value: None,
            };
        };
        assert_eq!(of(no_name).as_deref(), Some("mark"));
    }
}
