use proptest::prelude::*;

use super::*;
use crate::exchange::{Body, Header};
use crate::redact::AsRecorded;

fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let header = |(name, value): &(&str, &str)| Header {
        name: (*name).into(),
        value: (*value).into(),
    };
    let message = Message {
        headers: headers.iter().map(header).collect(),
        body: Body::whole(body.into()),
        trailers: vec![],
    };
    Response {
        status,
        message,
        ..Response::default()
    }
}

fn differ(left: &[u8], right: &[u8]) -> Difference {
    compare(
        &answer(200, &[], left),
        &answer(200, &[], right),
        &Rules::default(),
        &AsRecorded,
    )
}

#[test]
fn json_is_compared_by_structure() {
    let left = br#"{"items":[{"id":1,"price":5},{"id":2,"price":6},{"id":3,"price":7}],"gone":[1],"big":12345678901234567890123}"#;
    let right = br#"{ "big":12345678901234567890124, "items":[{"id":2,"price":6},{"price":8,"id":3},{"id":4}],"a b":{"c":1}}"#;
    assert_eq!(
        render(&differ(left, right)),
        "$.big\n- 12345678901234567890123\n+ 12345678901234567890124\n$.items[0]\n- {… id, price}\n\
         $.items[2].price → $.items[1].price\n- 7\n+ 8\n$.items[2]\n+ {… id}\n$[\"a b\"]\n+ {… c}\n$.gone\n- [… 1 items]\n"
    );
    assert!(differ(b"{\"a\":1,\"b\":\"\\u0041\"}", b"{ \"b\":\"A\", \"a\":1 }").is_equal());
}

#[test]
fn what_changes_anyway_is_set_aside_and_told() {
    let left = br#"{"requestId":"0b8f1c9e-7d4a-4f5b-9a53-1f2e3d4c5b6a","createdAt":"2026-01-01T00:00:00Z","ts":1700000000,"flat":1700000000,"v":1}"#;
    let right = br#"{"requestId":"1b8f1c9e-7d4a-4f5b-9a53-1f2e3d4c5b6a","createdAt":"2026-01-02T00:00:00Z","ts":1700000009,"flat":1700000009,"v":2}"#;
    let BodyDifference::Json { changes, .. } = differ(left, right).body else {
        panic!("JSON was given")
    };
    let aside: Vec<_> = changes
        .iter()
        .map(|change| (change.left.as_ref().unwrap().path.as_str(), change.is_set_aside))
        .collect();
    assert_eq!(
        aside,
        [
            ("$.requestId", true),
            ("$.createdAt", true),
            ("$.ts", true),
            ("$.flat", false),
            ("$.v", false)
        ]
    );

    let left = answer(
        200,
        &[("Date", "a"), ("Set-Cookie", "s=1; Path=/"), ("X-Mine", "1")],
        b"",
    );
    let right = answer(
        200,
        &[("date", "b"), ("Set-Cookie", "s=2; Path=/"), ("X-Mine", "2")],
        b"",
    );
    let mine = Rules::new(&["x-mine".to_owned()], &[]).unwrap();
    let all = compare(&left, &right, &mine, &AsRecorded);
    assert_eq!((all.headers.len(), all.is_equal()), (3, true));
    assert!(!compare(&left, &right, &Rules::default(), &AsRecorded).is_equal());
    assert!(!compare(&left, &answer(500, &[], b""), &mine, &AsRecorded).is_equal());
}

#[test]
fn paths_are_set_aside_by_pattern() {
    let (left, right) = (
        answer(200, &[], br#"{"a":[{"p":1,"q":{"t":1}}]}"#),
        answer(200, &[], br#"{"a":[{"p":2,"q":{"t":2}}]}"#),
    );
    for (patterns, is_equal) in [
        (&["$.a[*].p", "$..t"][..], true),
        (&["$.a[0].*", "$.a[0][\"q\"].t"], true),
        (&["$.a[1].p", "$..t"], false),
        (&["$.a"], false),
        (&["$..*"], true),
    ] {
        let patterns: Vec<_> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        let rules = Rules::new(&[], &patterns).unwrap();
        assert_eq!(
            compare(&left, &right, &rules, &AsRecorded).is_equal(),
            is_equal,
            "{patterns:?}"
        );
    }
    let wrong = |pattern: &str| Rules::new(&[], &[pattern.to_owned()]).unwrap_err().column;
    assert_eq!(
        [wrong("a"), wrong("$.a[x]"), wrong("$.a."), wrong("$[")],
        [1, 4, 5, 2]
    );
}

#[test]
fn text_is_compared_by_lines_and_bytes_by_the_first_that_differs() {
    assert_eq!(
        render(&differ(b"a\nb\x1b\nc\n", b"a\nx\nc\n")),
        "body\n  a\n- b\u{fffd}\n+ x\n  c\n"
    );
    let sizes = Pair { left: 3, right: 4 };
    assert_eq!(
        differ(b"\0\xff\x01", b"\0\xff\x02\x03").body,
        BodyDifference::Binary {
            sizes,
            first: Some(2)
        }
    );
}

#[test]
fn bodies_that_were_cut_are_not_called_the_same() {
    let (mut left, right) = (answer(200, &[], b"abc"), answer(200, &[], b"abc"));
    left.message.body.size = 10;
    let cut = compare(&left, &right, &Rules::default(), &AsRecorded);
    assert!(cut.is_partial && !cut.is_equal());
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        (0..4i64).prop_map(Into::into),
        "[ab\"é]{0,2}".prop_map(serde_json::Value::String)
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::Array),
            prop::collection::btree_map("(id|[a-c. /~]{0,2})", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

/// What stands at a path as it is reported.
fn at<'a>(mut value: &'a serde_json::Value, path: &str) -> Option<&'a serde_json::Value> {
    let mut rest = path.strip_prefix('$')?;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix("[\"") {
            let (key, after) = inner.split_once("\"]")?;
            (value, rest) = (value.get(key)?, after);
        } else if let Some(inner) = rest.strip_prefix('[') {
            let (index, after) = inner.split_once(']')?;
            (value, rest) = (value.get(index.parse::<usize>().ok()?)?, after);
        } else {
            let inner = rest.strip_prefix('.')?;
            let (key, after) = inner.split_at(inner.find(['.', '[']).unwrap_or(inner.len()));
            (value, rest) = (value.get(key)?, after);
        }
    }
    Some(value)
}

proptest! {
    #[test]
    fn every_path_exists_and_documents_that_differ_are_told_apart(left in json(), right in json()) {
        let found = differ(left.to_string().as_bytes(), right.to_string().as_bytes());
        prop_assert_eq!(found.is_equal(), left == right, "{}", render(&found));
        if let BodyDifference::Json { changes, .. } = found.body {
            for change in changes {
                prop_assert!(change.left.is_none_or(|spot| at(&left, &spot.path).is_some()));
                prop_assert!(change.right.is_none_or(|spot| at(&right, &spot.path).is_some()));
            }
        }
    }

    #[test]
    fn swapping_the_sides_mirrors(
        left in prop_oneof![json().prop_map(|value| value.to_string().into_bytes()), any::<Vec<u8>>(), "[ab\n]{0,20}".prop_map(String::into_bytes)],
        right in prop_oneof![json().prop_map(|value| value.to_string().into_bytes()), any::<Vec<u8>>(), "[ab\n]{0,20}".prop_map(String::into_bytes)],
    ) {
        prop_assert_eq!(differ(&left, &right).body, mirrored(differ(&right, &left).body));
        prop_assert!(differ(&left, &left).is_equal());
    }
}
