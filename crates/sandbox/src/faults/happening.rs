//! What befalls a cluster whoever calls: a pod dies, everything sleeps.

use std::fmt;
use std::time::Duration;

use super::words::{ParseError, Words};

/// Something to happen, once or again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// What happens.
    pub what: What,
    /// So long after the order.
    pub after: Duration,
    /// Again, each time so long after it was done.
    pub every: Option<Duration>,
    /// So many times; for ever where nothing is said.
    pub count: Option<u64>,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A pod's programs are killed, and the pod is gone.
    Dies(Which),
    /// A pod's programs are killed, and the kubelet starts them again.
    Crashes(Which),
    /// Everything in the sandbox sleeps for so long.
    Sleep(Duration),
}

/// Which pod: the first that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Which {
    /// Its name, or its label as `key=value`.
    pub pod: String,
    /// Where; anywhere, if not said.
    pub namespace: Option<String>,
}

impl Happening {
    /// How one is written.
    pub const GRAMMAR: &'static str = "\
pod NAME|KEY=VALUE [in NAMESPACE] dies|crashes [after TIME] [every TIME [xCOUNT]]
clock jumps TIME [after TIME] [every TIME [xCOUNT]]

NAME      a pod; with KEY=VALUE the first that runs and has this label
dies      its programs are killed and the pod is gone, as with its node; what owns it makes another
crashes   its programs are killed, and started again in the same pod
jumps     all of the sandbox sleeps for so long, and no byte moves; then its clocks are that
          much ahead, as on a machine that slept. Other programs stay awake: put one to sleep
          with kill -STOP and kill -CONT

pod app=catalog in shop dies
pod app=recommendations crashes after 5s every 10s x3
clock jumps 20s after 10s";

    /// Reads one from words; nothing where they begin otherwise.
    pub(super) fn parse(text: &str) -> Option<Result<Self, ParseError>> {
        let mut words = Words::new(text);
        match words.rest.next()?.1 {
            "pod" => Some(pod(&mut words)),
            "clock" => Some(clock(&mut words)),
            _ => None,
        }
    }
}

fn pod(words: &mut Words<'_>) -> Result<Happening, ParseError> {
    const EXPECTED: &str = "a pod's name, or a label as in app=catalog";
    let pod = words.next(EXPECTED)?;
    let is_label = |(key, value): (&str, &str)| !key.is_empty() && !value.contains('=');
    if pod.1.split_once('=').is_some_and(|label| !is_label(label)) {
        return Err(words.wrong(pod, EXPECTED));
    }
    let mut which = Which {
        pod: pod.1.to_owned(),
        namespace: None,
    };
    let what = loop {
        let word = words.next("dies or crashes")?;
        match word.1 {
            "in" => which.namespace = Some(words.next("a namespace")?.1.to_owned()),
            "dies" => break What::Dies(which),
            "crashes" => break What::Crashes(which),
            _ => return Err(words.wrong(word, "in NAMESPACE, dies or crashes")),
        }
    };
    timed(words, what)
}

fn clock(words: &mut Words<'_>) -> Result<Happening, ParseError> {
    let jumps = words.next("jumps")?;
    if jumps.1 != "jumps" {
        return Err(words.wrong(jumps, "jumps"));
    }
    let what = What::Sleep(words.time()?);
    timed(words, what)
}

fn timed(words: &mut Words<'_>, what: What) -> Result<Happening, ParseError> {
    let mut happening = Happening {
        what,
        after: Duration::ZERO,
        every: None,
        count: Some(1),
    };
    while let Some(word) = words.rest.next() {
        let count: Option<u64> = word.1.strip_prefix('x').and_then(|count| count.parse().ok());
        match (word.1, count) {
            ("after", _) => happening.after = words.time()?,
            ("every", _) => (happening.every, happening.count) = (Some(words.time()?), None),
            (_, Some(count)) if happening.every.is_some() => happening.count = Some(count),
            _ => return Err(words.wrong(word, "after TIME, every TIME, then xCOUNT, or the end")),
        }
    }
    Ok(happening)
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = self.namespace.iter().map(|name| format!(" in {name}"));
        write!(f, "{}{}", self.pod, namespace.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fault, Order};
    use super::*;

    fn happening(words: &str) -> Happening {
        match Order::parse(words) {
            Ok(Order::Happening(happening)) => happening,
            other => panic!("{words}: {other:?}"),
        }
    }

    #[test]
    fn words_say_what_happens_and_when() {
        let which = |pod: &str, namespace: Option<&str>| Which {
            pod: pod.to_owned(),
            namespace: namespace.map(str::to_owned),
        };
        let once = happening("pod app=catalog in shop dies");
        assert_eq!(once.what, What::Dies(which("app=catalog", Some("shop"))));
        assert_eq!(
            (once.after, once.every, once.count),
            (Duration::ZERO, None, Some(1))
        );
        let often = happening("pod api-1 crashes after 5s every 100ms x3");
        assert_eq!(often.what, What::Crashes(which("api-1", None)));
        assert_eq!(often.after, Duration::from_secs(5));
        assert_eq!(
            (often.every, often.count),
            (Some(Duration::from_millis(100)), Some(3))
        );
        let ever = happening("clock jumps 20s every 1m");
        assert_eq!(ever.what, What::Sleep(Duration::from_secs(20)));
        assert_eq!((ever.every, ever.count), (Some(Duration::from_secs(60)), None));
    }

    #[test]
    fn a_word_that_is_not_understood_is_pointed_at() {
        for (words, at) in [
            ("pod", 3),
            ("pod =x dies", 4),
            ("pod api", 7),
            ("pod api sleeps", 8),
            ("pod api in", 10),
            ("pod api dies soon", 13),
            ("pod api dies x3", 13),
            ("pod api dies after 3", 19),
            ("clock", 5),
            ("clock stops", 6),
            ("clock jumps far", 12),
        ] {
            assert_eq!(Order::parse(words).unwrap_err().at, at, "{words}");
        }
    }

    #[test]
    fn every_example_of_the_grammars_is_understood() {
        for grammar in [Happening::GRAMMAR, Fault::GRAMMAR] {
            for example in grammar.rsplit("\n\n").next().unwrap().lines() {
                assert!(Order::parse(example).is_ok(), "{example}");
            }
        }
    }
}
