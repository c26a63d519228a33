//! Faults in words, for a command line.

use super::words::{ParseError, Words};
use super::{Effect, Fault};
use crate::resources::Kind;

const VERBS: [&str; 10] = [
    "*",
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "portforward",
];

impl Fault {
    /// How a fault is written.
    pub const GRAMMAR: &'static str = "\
VERB RESOURCE[/NAME] [in NAMESPACE] [by USER] EFFECT [xCOUNT] [after CALLS] [nth N]

VERB      get list watch create update patch delete deletecollection portforward, or * for all
RESOURCE  services, pods, deployments … with a subresource as in pods.log, or * for all
EFFECT    403 409 422 429 500 503 … [retry SECONDS]   this answer, and nothing happens
          hang           nothing happens until released
          delay TIME     later: 200ms, 2s
          drop           the connection ends before anything happens; a watch or port-forward ends
          cut            it happens, the answer ends in its middle; a port-forward ends
          lost           it happens, the connection ends without an answer
          restart TIME   the server goes away before anything happens, for so long
          stale          a watch says nothing more
          gone           410 Gone, also for a watch that is open
          refuse         a port-forward finds nobody listening
          stall corrupt  what a port-forward carries stops both ways, or is changed

patch services 409 x2
create configmaps/api-intercept-proxy in shop lost nth 1
* * 503 retry 1 after 10 x3
patch services restart 500ms nth 1
watch pods gone
portforward pods stall";
}

pub(super) fn parse(text: &str) -> Result<Fault, ParseError> {
    let mut words = Words::new(text);
    let verb = words.next("a verb")?;
    if !VERBS.contains(&verb.1) {
        return Err(words.wrong(
            verb,
            "a verb: get, list, watch, create, update, patch, delete, deletecollection, portforward or *",
        ));
    }
    let place = words.next("a resource")?;
    let (resource, name) = place
        .1
        .split_once('/')
        .map_or((place.1, None), |(resource, name)| (resource, Some(name)));
    let resource = resource.replace('.', "/");
    if !is_resource(&resource) {
        return Err(words.wrong(place, "a resource, such as services, or *"));
    }
    let is_forward = verb.1 == "portforward";
    if is_forward && !["pods", "*"].contains(&resource.as_str()) {
        return Err(words.wrong(place, "pods: nothing else has port-forwards here"));
    }
    let mut fault = if is_forward {
        Fault::new("create", "pods/portforward", Effect::Hang)
    } else {
        Fault::new(verb.1, &resource, Effect::Hang)
    };
    fault.name = name.map(str::to_owned);
    let effect = loop {
        let word = words.next("an effect")?;
        match word.1 {
            "in" => fault.namespace = Some(words.next("a namespace")?.1.to_owned()),
            "by" => fault.user = Some(words.next("a user")?.1.to_owned()),
            _ => break word,
        }
    };
    fault.effect = self::effect(&mut words, effect)?;
    if let Some(expected) = fault.effect.misplaced(&fault) {
        return Err(words.wrong(effect, expected));
    }
    conditions(&mut words, &mut fault)?;
    Ok(fault)
}

impl Effect {
    /// What goes with this fault's verb, where the effect does not.
    fn misplaced(&self, fault: &Fault) -> Option<&'static str> {
        let is_any = fault.verb == "*";
        let is_forward = fault.resource == "pods/portforward" || (is_any && fault.resource == "*");
        match self {
            Self::Stale if fault.verb != "watch" && !is_any => {
                Some("another effect: only a watch goes stale")
            }
            Self::Refuse | Self::Stall | Self::Corrupt if !is_forward => {
                Some("another effect: this one is for portforward")
            }
            _ => None,
        }
    }
}

fn effect(words: &mut Words<'_>, word: (usize, &str)) -> Result<Effect, ParseError> {
    Ok(match word.1 {
        "hang" => Effect::Hang,
        "drop" => Effect::Drop,
        "cut" => Effect::Cut,
        "lost" => Effect::Lost,
        "stale" => Effect::Stale,
        "gone" => Effect::Gone,
        "refuse" => Effect::Refuse,
        "stall" => Effect::Stall,
        "corrupt" => Effect::Corrupt,
        "delay" => Effect::Delay(words.time()?),
        "restart" => Effect::Restart(words.time()?),
        code => {
            let is_status = |code: &u16| (400..600).contains(code);
            let code = code.parse().ok().filter(is_status).ok_or_else(|| {
                words.wrong(word, "an effect: a status from 400 to 599, hang, delay, drop, cut, lost, restart, stale, gone, refuse, stall or corrupt")
            })?;
            let has_retry = words.rest.next_if(|(_, word)| *word == "retry").is_some();
            let retry_after = has_retry.then(|| words.number("seconds")).transpose()?;
            Effect::Status { code, retry_after }
        }
    })
}

fn conditions(words: &mut Words<'_>, fault: &mut Fault) -> Result<(), ParseError> {
    while let Some(word) = words.rest.next() {
        let count = word.1.strip_prefix('x').and_then(|count| count.parse().ok());
        match (word.1, count) {
            ("after", _) => fault.after = words.number("a number of calls")?,
            ("nth", _) => {
                let nth = words.number("which call, counted from 1")?;
                (fault.after, fault.count) = (nth.saturating_sub(1), Some(1));
            }
            (_, Some(count)) => fault.count = Some(count),
            _ => return Err(words.wrong(word, "xCOUNT, after CALLS, nth N or the end")),
        }
    }
    Ok(())
}

fn is_resource(text: &str) -> bool {
    let (plural, sub) = text
        .split_once('/')
        .map_or((text, None), |(plural, sub)| (plural, Some(sub)));
    plural == "*"
        || Kind::all().any(|kind| kind.plural == plural && sub.is_none_or(|sub| kind.has_subresource(sub)))
}
