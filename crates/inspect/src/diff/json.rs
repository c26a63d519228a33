//! What differs between two documents, by members and items.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::iter::Peekable;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::rules::{Rules, is_volatile};
use crate::redact::{Token, TokenKind, Tokens, unquoted};

/// More changes nobody reads.
const MOST_CHANGES: usize = 2_000;
/// Deeper documents are compared as text.
const DEEPEST: usize = 100;
/// Longer lists are compared item by item, as they stand.
const LONGEST_ALIGNED: usize = 2_000;
/// More of a value is not shown.
const LONGEST_VALUE: usize = 200;
/// Members by which items are known again.
const IDENTITIES: &[&str] = &["id", "uid", "uuid", "key", "name"];

/// A member or item that differs.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "JsonChange"))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// In the first document; absent where it was added.
    pub left: Option<Spot>,
    /// In the second document; absent where it was removed.
    pub right: Option<Spot>,
    /// Whether it differs from answer to answer anyway.
    pub is_set_aside: bool,
}

/// A place in a document.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "JsonSpot"))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// Like `$.items[3].price`.
    pub path: String,
    /// What stands there, as JSON, cut where it is long.
    pub value: String,
}

impl Change {
    pub(super) fn mirrored(self) -> Self {
        Self {
            left: self.right,
            right: self.left,
            is_set_aside: self.is_set_aside,
        }
    }
}

/// One step into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// A document. Numbers keep their text: none is too long to be told from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    Text(String),
    Bare(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl fmt::Display for Node {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(out, "{}", serde_json::Value::from(text.as_str())),
            Self::Bare(text) => out.write_str(text),
            Self::List(items) if items.is_empty() => out.write_str("[]"),
            Self::List(items) => write!(out, "[… {} items]", items.len()),
            Self::Object(members) if members.is_empty() => out.write_str("{}"),
            Self::Object(members) => {
                let names: Vec<_> = members.iter().take(8).map(|(name, _)| name.as_str()).collect();
                write!(out, "{{… {}}}", names.join(", "))
            }
        }
    }
}

/// The document that is all of `text`, if that is what it is.
pub(super) fn parse(text: &[u8]) -> Option<Node> {
    serde_json::from_slice::<IgnoredAny>(text).ok()?;
    std::str::from_utf8(text).ok()?;
    node(text, &mut Tokens::of(text).peekable(), DEEPEST)
}

fn node(text: &[u8], tokens: &mut Peekable<Tokens<'_>>, depth: usize) -> Option<Node> {
    let depth = depth.checked_sub(1)?;
    let token = tokens.next()?;
    match token.kind {
        TokenKind::String | TokenKind::Key => Some(Node::Text(unquoted(text, &token.range).into_owned())),
        TokenKind::Number | TokenKind::Word => {
            let bare = text.get(token.range)?;
            Some(Node::Bare(String::from_utf8_lossy(bare).into_owned()))
        }
        TokenKind::Close => None,
        TokenKind::Open if text.get(token.range.start) == Some(&b'[') => {
            let mut items = Vec::new();
            while !is_end(tokens.peek()) {
                items.push(node(text, tokens, depth)?);
            }
            tokens.next()?;
            Some(Node::List(items))
        }
        TokenKind::Open => {
            let mut members = Vec::new();
            while !is_end(tokens.peek()) {
                let key = tokens.next()?;
                members.push((
                    unquoted(text, &key.range).into_owned(),
                    node(text, tokens, depth)?,
                ));
            }
            tokens.next()?;
            Some(Node::Object(members))
        }
    }
}

fn is_end(token: Option<&Token>) -> bool {
    token.is_none_or(|token| token.kind == TokenKind::Close)
}

pub(super) fn compare(left: &Node, right: &Node, rules: &Rules) -> (Vec<Change>, bool) {
    let mut comparison = Comparison {
        rules,
        changes: Vec::new(),
        is_cut: false,
        left: Vec::new(),
        right: Vec::new(),
    };
    comparison.nodes(left, right);
    (comparison.changes, comparison.is_cut)
}

struct Comparison<'a> {
    rules: &'a Rules,
    changes: Vec<Change>,
    is_cut: bool,
    /// The way to where we are, in each document.
    left: Vec<Step>,
    right: Vec<Step>,
}

impl Comparison<'_> {
    fn nodes(&mut self, left: &Node, right: &Node) {
        match (left, right) {
            (Node::List(left), Node::List(right)) => self.lists(left, right),
            (Node::Object(left), Node::Object(right)) => self.objects(left, right),
            (left, right) if left != right => self.change(Some(left), Some(right)),
            _ => {}
        }
    }

    fn lists(&mut self, left: &[Node], right: &[Node]) {
        for (at_left, at_right) in align(left, right) {
            let step = |at: Option<usize>| at.map(Step::Index);
            let (from, to) = (
                at_left.and_then(|at| left.get(at)),
                at_right.and_then(|at| right.get(at)),
            );
            self.step(step(at_left), step(at_right), from, to);
        }
    }

    fn objects(&mut self, left: &[(String, Node)], right: &[(String, Node)]) {
        // The same name may stand there twice: the first is compared with the first.
        let mut others: HashMap<&str, Vec<&Node>> = HashMap::new();
        for (name, node) in right.iter().rev() {
            others.entry(name).or_default().push(node);
        }
        let mut only_right: HashMap<&str, usize> =
            others.iter().map(|(name, nodes)| (*name, nodes.len())).collect();
        for (name, node) in left {
            let other = others.get_mut(name.as_str()).and_then(Vec::pop);
            let step = || Some(Step::Key(name.clone()));
            if let (Some(_), Some(count)) = (other, only_right.get_mut(name.as_str())) {
                *count -= 1;
            }
            self.step(step(), other.and_then(|_| step()), Some(node), other);
        }
        for (name, node) in right.iter().rev() {
            if let Some(count) = only_right.get_mut(name.as_str()).filter(|count| **count > 0) {
                *count -= 1;
                self.step(None, Some(Step::Key(name.clone())), None, Some(node));
            }
        }
    }

    fn step(
        &mut self,
        to_left: Option<Step>,
        to_right: Option<Step>,
        left: Option<&Node>,
        right: Option<&Node>,
    ) {
        let depths = (self.left.len(), self.right.len());
        self.left.extend(to_left);
        self.right.extend(to_right);
        match (left, right) {
            (Some(left), Some(right)) => self.nodes(left, right),
            (left, right) => self.change(left, right),
        }
        self.left.truncate(depths.0);
        self.right.truncate(depths.1);
    }

    fn change(&mut self, left: Option<&Node>, right: Option<&Node>) {
        if self.changes.len() == MOST_CHANGES {
            self.is_cut = true;
            return;
        }
        let is_path_set_aside = (left.is_some() && self.rules.is_path_set_aside(&self.left))
            || (right.is_some() && self.rules.is_path_set_aside(&self.right));
        let change = Change {
            is_set_aside: is_path_set_aside || self.is_volatile(left, right),
            left: left.map(|node| spot(&self.left, node)),
            right: right.map(|node| spot(&self.right, node)),
        };
        self.changes.push(change);
    }

    fn is_volatile(&self, left: Option<&Node>, right: Option<&Node>) -> bool {
        let name = self.left.iter().rev().find_map(|step| match step {
            Step::Key(name) => Some(name),
            Step::Index(_) => None,
        });
        match (name, left, right) {
            (Some(name), Some(Node::Text(left)), Some(Node::Text(right)))
            | (Some(name), Some(Node::Bare(left)), Some(Node::Bare(right))) => is_volatile(name, left, right),
            _ => false,
        }
    }
}

fn spot(path: &[Step], node: &Node) -> Spot {
    let mut written = String::from("$");
    for step in path {
        written += &match step {
            Step::Index(index) => format!("[{index}]"),
            Step::Key(key) if is_plain(key) => format!(".{key}"),
            Step::Key(key) => format!("[{}]", serde_json::Value::from(key.as_str())),
        };
    }
    let mut value: String = node.to_string().chars().take(LONGEST_VALUE + 1).collect();
    if let Some((at, _)) = value.char_indices().nth(LONGEST_VALUE) {
        value.truncate(at);
        value.push('…');
    }
    Spot { path: written, value }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '-')
}

/// Which items of two lists belong together.
fn align(left: &[Node], right: &[Node]) -> Vec<(Option<usize>, Option<usize>)> {
    if left.len().max(right.len()) > LONGEST_ALIGNED {
        return in_order(0..left.len(), 0..right.len());
    }
    if let Some((left, right)) = known_again(left, right) {
        return by_difference(&left, &right);
    }
    by_difference(&hashes(left), &hashes(right))
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn hashes(items: &[Node]) -> Vec<u64> {
    items.iter().map(hash).collect()
}

fn by_difference(left: &[u64], right: &[u64]) -> Vec<(Option<usize>, Option<usize>)> {
    let mut pairs = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, left, right) {
        pairs.extend(match op {
            DiffOp::Equal { .. } | DiffOp::Replace { .. } => in_order(op.old_range(), op.new_range()),
            DiffOp::Delete { .. } => in_order(op.old_range(), 0..0),
            DiffOp::Insert { .. } => in_order(0..0, op.new_range()),
        });
    }
    pairs
}

fn in_order(
    mut left: std::ops::Range<usize>,
    mut right: std::ops::Range<usize>,
) -> Vec<(Option<usize>, Option<usize>)> {
    let longer = left.len().max(right.len());
    (0..longer).map(|_| (left.next(), right.next())).collect()
}

/// Items that have a member to be known by, all of them, each another, and half of them on both sides.
fn known_again(left: &[Node], right: &[Node]) -> Option<(Vec<u64>, Vec<u64>)> {
    IDENTITIES.iter().find_map(|name| {
        let (left, right) = (identities(left, name)?, identities(right, name)?);
        let known = left.iter().filter(|identity| right.contains(identity)).count();
        (known > 0 && known * 2 >= left.len().min(right.len())).then_some((left, right))
    })
}

fn identities(items: &[Node], name: &str) -> Option<Vec<u64>> {
    let of_item = |item: &Node| match item {
        Node::Object(members) => members
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| hash(value)),
        _ => None,
    };
    let found: Vec<u64> = items.iter().map(of_item).collect::<Option<_>>()?;
    let distinct: std::collections::HashSet<_> = found.iter().collect();
    (distinct.len() == found.len()).then_some(found)
}
