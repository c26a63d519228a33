use proptest::prelude::*;

use super::super::Limits;
use super::*;

fn laid_out(text: &str) -> Layout {
    layout(text, false, &mut Budget::new(&Limits::default()))
}

fn fault(text: &str) -> (u64, u64, u64, String) {
    let problem = laid_out(text).problem.unwrap();
    let at = problem.at.unwrap();
    (at.byte, at.line.unwrap(), at.column.unwrap(), problem.text)
}

#[test]
fn numbers_key_order_and_repeated_keys_stay() {
    let layout = laid_out(r#"{"b":1.50,"a":12345678901234567890123,"b":[],"c":{},"d":["x",[true,null]]}"#);
    let expected = r#"{
  "b": 1.50,
  "a": 12345678901234567890123,
  "b": [],
  "c": {},
  "d": [
    "x",
    [
      true,
      null
    ]
  ]
}"#;
    assert_eq!((layout.pretty.as_str(), layout.problem), (expected, None));
}

#[test]
fn a_syntax_error_has_a_place_and_says_what_was_expected() {
    assert_eq!(
        fault("{\"a\": 1,\n \"\u{e9}\": 2 \"c\": 3}"),
        (
            18,
            2,
            9,
            "the JSON is broken: expected `,` or `}`, found `\"`".to_owned()
        )
    );
    for (text, byte, expected) in [
        ("", 0, "a value"),
        ("[1,]", 3, "a value"),
        ("{,}", 1, "a key in quotes or `}`"),
        ("{\"a\" 1}", 5, "`:`"),
        ("{\"a\":1,}", 7, "a key in quotes"),
        ("[1}", 2, "`,` or `]`"),
        ("tru", 3, "`true`"),
        ("01", 1, "the end"),
        ("1.", 2, "a digit"),
        ("\"\\x\"", 2, "after `\\`"),
        ("\"\\u12g4\"", 5, "hexadecimal"),
        ("\"a\nb\"", 2, "escape"),
        ("1 2", 2, "the end"),
    ] {
        let (at, _, _, said) = fault(text);
        assert_eq!(at, byte, "{text}");
        assert!(said.contains(expected), "{text}: {said}");
    }
}

#[test]
fn a_broken_document_is_shown_up_to_the_error_and_raw_from_there() {
    let layout = laid_out(r#"{"a":1,"b":tru}"#);
    assert_eq!(layout.pretty, "{\n  \"a\": 1,\n  \"b\": ");
    assert_eq!(layout.rest, "tru}");
}

#[test]
fn a_cut_document_is_not_called_broken() {
    let layout = layout("[1,2", true, &mut Budget::new(&Limits::default()));
    let problem = layout.problem.unwrap();
    assert_eq!(problem.kind, ProblemKind::Cut);
    assert_eq!(layout.pretty, "[\n  1,\n  2");
}

#[test]
fn a_hundred_thousand_open_lists_end_at_the_depth_that_is_laid_out() {
    let text = "[".repeat(100_000);
    let layout = laid_out(&text);
    assert_eq!(layout.problem.unwrap().kind, ProblemKind::Limit);
    assert_eq!(layout.pretty.matches('[').count(), Limits::default().depth);
    assert_eq!(layout.rest.len(), 100_000 - Limits::default().depth);
}

#[test]
fn each_line_has_its_own_error() {
    let mut budget = Budget::new(&Limits::default());
    let (lines, problem) = lines("{\"a\":1}\r\n\n{x}\n[2", true, &mut budget);
    assert_eq!(problem, None);
    let found: Vec<_> = lines
        .iter()
        .map(|line| (line.line, line.problem.is_some()))
        .collect();
    assert_eq!(found, [(1, false), (3, true), (4, true)]);
    assert_eq!(lines[2].problem.as_ref().unwrap().kind, ProblemKind::Cut);
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".*".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::vec((".*", inner), 0..8)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_laid_out_says_the_same(value in json()) {
        let text = value.to_string();
        let layout = laid_out(&text);
        prop_assert_eq!(layout.problem, None);
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&layout.pretty).unwrap(),
            serde_json::from_str::<serde_json::Value>(&text).unwrap());
    }

    #[test]
    fn the_same_texts_are_json_as_elsewhere(text in "[\\[\\]{},:\"0-9a-eE.\\-+tfnulrs\\\\ \n]{0,12}") {
        let expected = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(laid_out(&text).problem.is_none(), expected, "{}", text);
    }

    #[test]
    fn no_text_is_too_much(text in ".{0,200}", shown in 0..300usize, depth in 0..5usize) {
        let limits = Limits { shown, depth, ..Limits::default() };
        let layout = layout(&text, false, &mut Budget::new(&limits));
        prop_assert!(layout.pretty.len() + layout.rest.len() <= shown);
    }
}
