use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::exchange::{
    Body, ExchangeId, Outcome, Place, Protocol, Request, Response, Side, Source, Tags, Times,
};

/// A second into 1970.
const NOW: Moment = Moment(1_000_000_000);

fn lines() -> impl Strategy<Value = Vec<crate::exchange::Header>> {
    let name = select(vec!["x-user", "Content-Type", "cookie", "Upgrade", "GRPC-status"]);
    let value = select(vec![
        "42",
        "0",
        "text/event-stream",
        "WebSocket",
        "caf\u{e9}",
        "\u{212a}elvin",
        "application/json",
    ]);
    let raw = prop_oneof![4 => value.prop_map(crate::text::Text::from), 1 => any::<[u8; 4]>().prop_map(|b| b[..].into())];
    let line = (name, raw).prop_map(|(name, value)| crate::exchange::Header {
        name: name.into(),
        value,
    });
    prop::collection::vec(line, 0..3)
}

fn message() -> impl Strategy<Value = Message> {
    let body = prop_oneof![
        Just(Vec::new()),
        "[ -~]{0,40}(sku|SKU|cart)?[ -~]{0,9}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..60),
    ];
    (lines(), body, 0..3_u64, lines()).prop_map(|(headers, bytes, missing, trailers)| Message {
        headers,
        body: Body {
            size: bytes.len() as u64 + missing,
            bytes,
            arrivals: Vec::new(),
        },
        trailers,
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let why = || "because".to_owned();
    select(vec![
        Outcome::InFlight,
        Outcome::Answered,
        Outcome::FellBack { why: why() },
        Outcome::Failed { why: why() },
        Outcome::Reset { by: Side::Caller },
        Outcome::Reset { by: Side::Program },
        Outcome::TimedOut,
        Outcome::Imported,
        Outcome::Mocked,
        Outcome::AnsweredByCluster,
    ])
}

/// Exchanges in which the filters of [`written`] find something.
#[expect(clippy::too_many_lines, reason = "one strategy for each part, flat")]
pub(crate) fn exchange(ids: std::ops::Range<u64>) -> impl Strategy<Value = Exchange> {
    let target = select(vec![
        "/cart?id=1",
        "/health",
        "http://shop/cart",
        "*",
        "/a b\u{e4}",
        "/CART/1/items",
    ]);
    let request = (
        select(vec!["GET", "post", "M"]),
        target,
        select(vec!["shop", "api.example:80"]),
        message(),
    );
    let request = request.prop_map(|(method, target, host, message)| Request {
        method: method.into(),
        target: target.into(),
        host: host.into(),
        message,
    });
    let response =
        (select(vec![200_u16, 204, 404, 500, 503]), message()).prop_map(|(status, message)| Response {
            status,
            reason: "why not".into(),
            interim: vec![103],
            message,
        });
    let place =
        (select(vec!["checkout", "Cart"]), select(vec![80_u16, 8080])).prop_map(|(service, port)| Place {
            context: "staging".to_owned(),
            namespace: "shop".to_owned(),
            service: service.to_owned(),
            port,
            intercept: "ab12".to_owned(),
        });
    let source =
        proptest::option::of(
            proptest::option::of(Just("web-1".to_owned())).prop_map(|pod| Source {
                address: "10.0.0.7".to_owned(),
                pod,
            }),
        );
    let tags = (any::<bool>(), proptest::option::of(1..4_u64), any::<bool>());
    let tags = tags.prop_map(|(pinned, of, edited)| Tags {
        pinned,
        replay_of: of.map(ExchangeId),
        edited,
    });
    let protocol = select(vec![
        Protocol::Http10,
        Protocol::Http11,
        Protocol::Http2,
        Protocol::Bytes,
    ]);
    let moments = (0..NOW.0, proptest::option::of(0..2_000_000_u64));
    let rest = (proptest::option::of(response), outcome(), tags);
    (ids, place, moments, protocol, source, request, rest).prop_map(
        |(id, place, (began, took), protocol, source, request, (response, outcome, tags))| Exchange {
            id: ExchangeId(id),
            place,
            began: Moment(began),
            times: Times {
                proxy: Some(-5),
                last_byte: took,
                ..Times::default()
            },
            protocol,
            source,
            request,
            response,
            outcome,
            tags,
        },
    )
}

fn pattern(is_exact_by_default: bool) -> impl Strategy<Value = Pattern> {
    let text = || {
        prop_oneof![
            select(vec!["cart", "42", "s", "sku", "/", "a b", "-", "web", "k"]).prop_map(str::to_owned),
            "\\PC{1,6}"
        ]
    };
    let contains = text().prop_map(move |text| match is_exact_by_default {
        true => Pattern::Exact(text),
        false => Pattern::Contains(text),
    });
    prop_oneof![
        4 => contains,
        1 => text().prop_map(Pattern::Exact),
        1 => text().prop_map(Pattern::Prefix),
        1 => text().prop_map(|text| Pattern::Glob(format!("*{text}*"))),
        1 => text().prop_map(Pattern::Glob),
        1 => text().prop_map(|text| Pattern::Regex(regex::escape(&text))),
        1 => (text(), text(), text()).prop_map(|(one, other, last)| {
            let [one, other, last] = [one, other, last].map(|text| regex::escape(&text));
            Pattern::Regex(format!("(?i)(?:{one}|{other})+[a-z]*(?-i:{last})?"))
        }),
    ]
}

fn test(kind: Kind) -> BoxedStrategy<Test> {
    let number = || {
        prop_oneof![
            select(vec![0_u64, 42, 200, 500, 1000, 1_000_000, u64::MAX]),
            any::<u64>(),
            0..600_u64
        ]
    };
    match kind {
        Kind::Text => pattern(false).prop_map(Test::Like).boxed(),
        Kind::Name => pattern(true).prop_map(Test::Like).boxed(),
        Kind::Header => {
            let name = select(vec!["x-user", "cookie", "content-type", "grpc-status"]);
            (name, proptest::option::of(pattern(true)))
                .prop_map(|(name, value)| Test::Header(name.to_owned(), value))
                .boxed()
        }
        Kind::Word(words) => select(words).prop_map(Test::Word).boxed(),
        Kind::Ago => (0..2_000_000_000_u64).prop_map(Test::Ago).boxed(),
        _ => (number(), number())
            .prop_map(|(a, b)| {
                Test::Within(Bounds {
                    from: a.min(b),
                    to: a.max(b),
                })
            })
            .boxed(),
    }
}

/// Any filter there can be, of a moderate size.
pub(crate) fn filter() -> impl Strategy<Value = Filter> {
    let named = select(fields()).prop_flat_map(|about| {
        test(about.kind).prop_map(move |test| {
            Expr::One(Term {
                field: about.field,
                test,
            })
        })
    });
    let free = "\\PC{1,5}|sku|cart|CART|checkout".prop_map(|text| {
        Expr::One(Term {
            field: Field::Anything,
            test: Test::Like(Pattern::Contains(text)),
        })
    });
    let term = prop_oneof![3 => named, 1 => free];
    let expr = term.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Expr::all),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Expr::any),
            inner.prop_map(Expr::not),
        ]
    });
    expr.prop_map(|expr| Filter::new(expr).expect("small patterns must compile"))
}

proptest! {
    #[test]
    fn what_is_written_down_reads_back_as_the_same(filter in filter()) {
        let written = filter.to_string();
        let read = Filter::parse(&written);
        prop_assert_eq!(read.as_ref(), Ok(&filter), "{}", written);
        prop_assert_eq!(read.unwrap().to_string(), written);
    }

    #[test]
    fn any_text_is_read_or_complained_about_within_it(text in "\\PC{0,30}|[-a-z:=~^*\"(),| \\\\0-9.<>x]{0,40}|(status|body|is|header|or|not|took)[:(].{0,12}") {
        match Filter::parse(&text) {
            Ok(filter) => prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter)),
            Err(error) => {
                prop_assert!(text.get(error.at..error.at + error.length).is_some(), "{error:?}");
                prop_assert!(error.drawn(&text).contains('^'));
            }
        }
    }

    #[test]
    fn completion_replaces_what_is_there(text in "\\PC{0,20}|-?[a-z]{0,4}:?[a-z]{0,2}", cursor in 0..40_usize) {
        for suggestion in complete(&text, cursor) {
            prop_assert!(text.get(suggestion.replaces).is_some());
        }
    }

    #[test]
    fn a_dash_means_the_opposite(exchange in exchange(1..9), filter in filter()) {
        let opposite = Filter::parse(&format!("not({filter})")).unwrap();
        prop_assert_ne!(filter.matches(&exchange, NOW, &AsSent), opposite.matches(&exchange, NOW, &AsSent));
    }
}

fn shop() -> Exchange {
    let header = |name: &str, value: &str| crate::exchange::Header {
        name: name.into(),
        value: value.into(),
    };
    Exchange {
        id: ExchangeId(42),
        place: Place {
            context: "staging".into(),
            namespace: "shop".into(),
            service: "checkout".into(),
            port: 8080,
            intercept: "ab12".into(),
        },
        began: Moment(NOW.0 - 60_000_000),
        times: Times {
            last_byte: Some(350_000),
            ..Times::default()
        },
        protocol: Protocol::Http11,
        source: Some(Source {
            address: "10.0.0.7".into(),
            pod: Some("web-1".into()),
        }),
        request: Request {
            method: "POST".into(),
            target: "/Cart/7/items?page=2".into(),
            host: "shop.example".into(),
            message: Message {
                headers: vec![header("X-User", "42")],
                body: Body::whole(br#"{"SKU":"a-1"}"#.to_vec()),
                trailers: Vec::new(),
            },
        },
        response: Some(Response {
            status: 503,
            message: Message {
                headers: vec![header("content-type", "application/json; q=1")],
                ..Message::default()
            },
            ..Response::default()
        }),
        outcome: Outcome::Answered,
        tags: Tags {
            pinned: true,
            ..Tags::default()
        },
    }
}

fn passes(filter: &str, exchange: &Exchange) -> bool {
    Filter::parse(filter)
        .unwrap_or_else(|error| panic!("{}", error.drawn(filter)))
        .matches(exchange, NOW, &AsSent)
}

#[test]
fn each_field_finds_what_it_names_and_nothing_else() {
    let exchange = shop();
    for found in [
        "",
        "status:5xx method:post path:/cart header:x-user=42 body:\"sku\" svc:checkout slow:>300ms -path:/health is:pinned",
        "path:=/cart/7/items",
        "path:^/cart",
        "path:/cart/*/items",
        "path:~\"^/Cart/[0-9]+\"",
        "query:page",
        "query:=page=2",
        "url:example/cart",
        "reqheader:x-user",
        "header:x-user=4*",
        "type:JSON",
        "reqsize:13",
        "size:<1kb",
        "took:350ms",
        "took:300ms..400ms",
        "protocol:http1",
        "port:8080",
        "source:10.0",
        "source:web",
        "pod:web-*",
        "id:42",
        "since:10m",
        "before:30s",
        "is:error",
        "has:reqbody",
        "sku x-user shop.example",
        "or(status:200, status:503)",
        "status:200 | is:answered",
        "-(status:200 | status:404)",
        "-has:cut",
        "http://x | cart",
        "--id:42",
        "NOT(id:7)",
    ] {
        assert!(passes(found, &exchange), "{found}");
    }
    for missed in [
        "status:4xx",
        "method:POS",
        "path:page",
        "path:=/cart",
        "path:~^/cart",
        "query:cart",
        "resheader:x-user",
        "header:x-user=4",
        "resbody:sku",
        "took:>350ms",
        "since:59s",
        "before:2m",
        "is:reset",
        "has:trailers",
        "replayof:1..99",
        "\"sku a\"",
        "proto:ws",
    ] {
        assert!(!passes(missed, &exchange), "{missed}");
    }
}

#[test]
fn a_complaint_points_at_the_character() {
    for (text, at, length, hint) in [
        ("is:pinned statsu:500", 10, 6, "`status:`"),
        ("status:abc", 7, 3, "400..499"),
        ("status:!=500", 7, 5, "-status:500"),
        ("is:pined", 3, 5, "`is:pinned`"),
        ("took:5", 5, 1, "300ms"),
        ("status:500..400", 7, 8, "400..499"),
        ("body:\"sku", 5, 1, "add a `\"`"),
        ("\"a\"b", 3, 1, "written \\\""),
        ("(a | b", 0, 1, "add a `)`"),
        ("a)", 1, 1, "quote it"),
        ("a | ", 4, 0, "status:5xx"),
        ("path:", 0, 5, "path:/cart"),
        ("header:x:1", 8, 1, "x-user=42"),
        ("path:~(", 5, 1, "="),
        ("path:~\"(\"", 5, 4, "as it stands"),
        ("localhost:80", 0, 9, "quote it"),
        ("body:~\"\\w{900}{900}\"", 5, 15, "fewer"),
    ] {
        let error = Filter::parse(text).expect_err(text);
        assert_eq!((error.at, error.length), (at, length), "{text}: {error}");
        assert!(
            error.hint.as_deref().unwrap_or_default().contains(hint),
            "{text}: {error}"
        );
    }
}

#[test]
fn what_is_too_long_or_too_deep_is_refused() {
    for text in [
        "a".repeat(5000),
        "ä ".repeat(3000),
        "(".repeat(40),
        "-".repeat(40) + "a",
        "a ".repeat(129),
    ] {
        Filter::parse(&text).expect_err("must be refused");
    }
}

#[test]
fn completion_knows_fields_and_their_words() {
    let texts =
        |text: &str| -> Vec<String> { complete(text, text.len()).into_iter().map(|s| s.text).collect() };
    assert_eq!(texts("-stat"), ["status:"]);
    assert_eq!(texts("a is:p"), ["pinned"]);
    assert_eq!(texts("or(slo"), ["slow:"]);
    assert_eq!(texts("\"stat"), Vec::<String>::new());
    assert_eq!(complete("a is:p", 6)[0].replaces, 5..6);
}

#[test]
fn every_example_can_be_read() {
    let document = include_str!("../../../../docs/filter.md");
    let (language, _) = document
        .split_once("## Grammar")
        .expect("the grammar must be there");
    let (first, _) = language.split_once("| written").expect("there must be a table");
    let mut examples: Vec<&str> = first.lines().filter(|line| line.starts_with("status:")).collect();
    for line in language.lines() {
        // In a table the first columns are written in the language; in prose, what has a field's name.
        let cells: Vec<&str> = line.replace("\\|", "\u{1}").leak().split('|').collect();
        let written = if line.starts_with("| `") {
            cells[1..cells.len().min(3)].join(" ")
        } else {
            line.to_owned()
        };
        let spans: Vec<&str> = written.leak().split('`').skip(1).step_by(2).collect();
        let is_example =
            |span: &&&str| span.contains(':') && !span.starts_with(':') && !span.starts_with("name:");
        examples.extend(spans.iter().filter(is_example));
    }
    assert!(examples.len() > 50, "{examples:?}");
    for example in examples {
        let text = example.replace('\u{1}', "|");
        if !matches!(text.as_str(), "method:" | "since:") {
            passes(&text, &shop());
        }
    }
    for about in fields() {
        passes(about.example, &shop());
        assert!(
            document.contains(&format!("`{}:", about.name)),
            "{} is not documented",
            about.name
        );
    }
}
