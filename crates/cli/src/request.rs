//! From flags, environment and settings to what the engine is asked for.

use intercept_engine::settings::{self, MatchSettings, ServiceDefaults, Settings};
use intercept_engine::spec::{InterceptSpec, ProxySettings};
use intercept_engine::target::Target;
use intercept_protocol::matching::{Mark, Match};

use crate::args::{InterceptArgs, MatchArgs, ProxyArgs};
use crate::errors::Failure;

/// One intercept as asked for, and how its proxy is built.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) spec: InterceptSpec,
    pub(crate) proxy: ProxySettings,
}

/// What can be checked without a cluster; `header` is `INTERCEPT_HEADER`'s value.
pub(crate) fn asked(
    args: &InterceptArgs,
    settings: &Settings,
    header: Option<&str>,
) -> Result<Asked, Failure> {
    let service = settings.service(&args.service.name);
    let name = args.owner.as_deref().or(settings.owner.as_deref());
    let owner = settings::owner(name).map_err(|error| Failure::usage(error.to_string()))?;
    let spec = InterceptSpec {
        namespace: String::new(),
        service: args.service.name.clone(),
        port: args.service.port.clone().or(service.port.clone()),
        target: target(args, &service)?,
        rule: rule(&args.rule, header, service.rule, settings.rule.clone())?,
        ttl: args.ttl.or(settings.ttl),
        protocol: args.protocol.or(service.protocol),
        owner,
    };
    Ok(Asked {
        spec,
        proxy: proxy(&args.proxy, settings),
    })
}

impl Asked {
    /// In this namespace, which only the connection may know.
    pub(crate) fn within(mut self, namespace: &str) -> Self {
        namespace.clone_into(&mut self.spec.namespace);
        self
    }
}

/// `INTERCEPT_HEADER`; apart from the flags, because it must not clash with `--all` as `--header` does.
pub(crate) fn header_of_environment() -> Option<String> {
    std::env::var_os("INTERCEPT_HEADER")
        .map(|value| value.to_string_lossy().into_owned())
        .filter(|value| !value.is_empty())
}

fn target(args: &InterceptArgs, service: &ServiceDefaults) -> Result<Target, Failure> {
    let Some(mut target) = args.to.clone().or_else(|| service.to.clone()) else {
        let name = &args.service.name;
        return Err(
            Failure::usage(format!("No local target for Service {name}")).hint(Some(format!(
                "Give one, for instance --to 3000, or set `to` under [services.{name}] in intercept.toml."
            ))),
        );
    };
    if args.insecure_local_certificate && !target.is_tls() {
        return Err(Failure::usage(format!(
            "--insecure-local-certificate is for https targets, and {target} is none"
        ))
        .hint(Some(format!(
            "Write --to https://{target}, or leave the flag out."
        ))));
    }
    target.accept_any_certificate =
        target.is_tls() && (args.insecure_local_certificate || service.insecure_local_certificate);
    Ok(target)
}

fn rule(
    args: &MatchArgs,
    header: Option<&str>,
    service: MatchSettings,
    general: MatchSettings,
) -> Result<Match, Failure> {
    let all = args.all.then_some(Mark::All);
    let flags = MatchSettings {
        mark: args.header.clone().or_else(|| args.baggage.clone()).or(all),
        path: args.path.clone(),
        methods: Some(args.method.clone()).filter(|methods| !methods.is_empty()),
    };
    let header = header.map(settings::mark_header).transpose();
    let environment = header.map_err(|error| Failure::usage(format!("INTERCEPT_HEADER: {error}")))?;
    let environment = MatchSettings {
        mark: environment,
        ..MatchSettings::default()
    };
    Ok(flags.or(environment).or(service).or(general).into_match())
}

fn proxy(args: &ProxyArgs, settings: &Settings) -> ProxySettings {
    let usual = ProxySettings::default();
    let set = &settings.proxy;
    let pull_secrets = if args.pull_secret.is_empty() {
        &set.pull_secrets
    } else {
        &args.pull_secret
    };
    ProxySettings {
        image: args
            .proxy_image
            .clone()
            .or_else(|| set.image.clone())
            .unwrap_or(usual.image),
        agent_image: args.agent_image.clone().or_else(|| settings.agent.image.clone()),
        pull_secrets: pull_secrets.clone(),
        grace: args.grace.or(set.grace).unwrap_or(usual.grace),
        forwarded_headers: args
            .forwarded_headers
            .or(set.forwarded_headers)
            .unwrap_or(usual.forwarded_headers),
    }
}

#[cfg(test)]
mod tests;
