//! Keeps `ui/src/bindings/wire.ts` equal to the types and commands it is generated from.
//! `INTERCEPT_WRITE_BINDINGS=1 cargo test -p intercept-desk bindings` writes it; without that the test only judges.

use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use ts_rs::{Config, TS, TypeVisitor};

use crate::error::CommandError;
use crate::wire::DeskEvent;

const HEADER: &str =
    "// Generated from the types of crates/desk; CONTRIBUTING.md says how to write it afresh. Do not edit.\n";

/// Declarations by name, of a type and all it is made of.
struct Declared<'a> {
    config: &'a Config,
    seen: HashSet<TypeId>,
    by_name: BTreeMap<String, String>,
}

impl TypeVisitor for Declared<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        // What has no place of its own is written where it is used.
        if T::output_path().is_some() {
            let text = format!(
                "\n{}export {}\n",
                T::docs().unwrap_or_default(),
                T::decl(self.config)
            );
            let other = self.by_name.insert(T::ident(self.config), text.clone());
            assert!(
                other.is_none_or(|other| other == text),
                "two types have the name {}",
                T::ident(self.config)
            );
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

struct Command {
    name: &'static str,
    docs: &'static str,
    takes: Vec<(&'static str, String)>,
    answers: String,
}

macro_rules! described {
    ($($(#[doc = $docs:literal])+ $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)+) => {
        fn commands(config: &Config, declared: &mut Declared<'_>) -> Vec<Command> {
            vec![$({
                $(declared.visit::<$type>();)*
                declared.visit::<$answer>();
                Command {
                    name: stringify!($name),
                    docs: concat!($($docs),+),
                    takes: vec![$((stringify!($arg), <$type as TS>::name(config))),*],
                    answers: <$answer as TS>::name(config),
                }
            }),+]
        }
    };
}
crate::contract!(described);

/// As Tauri has them on the window's side.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |joined, word| {
        let (head, tail) = word.split_at(1);
        joined + &head.to_uppercase() + tail
    })
}

fn generated() -> String {
    let config = Config::default().with_large_int("number");
    let mut declared = Declared {
        config: &config,
        seen: HashSet::new(),
        by_name: BTreeMap::new(),
    };
    declared.visit::<CommandError>();
    declared.visit::<DeskEvent>();
    let commands = commands(&config, &mut declared);
    let mut out = HEADER.to_owned();
    out.extend(declared.by_name.into_values());
    out += "\n/** Every command of the program: what it takes and what it answers. */\nexport interface Commands {\n";
    for one in commands {
        let takes: Vec<String> = one
            .takes
            .iter()
            .map(|(name, kind)| format!("{}: {kind}", camel(name)))
            .collect();
        out += &format!(
            "  /**{} */\n  {}: {{ takes: {{ {} }}; answers: {} }};\n",
            one.docs,
            one.name,
            takes.join("; "),
            one.answers
        );
    }
    out + "}\n"
}

#[test]
fn bindings_of_the_window_equal_the_types_they_come_from() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/bindings/wire.ts");
    if std::env::var_os("INTERCEPT_WRITE_BINDINGS").is_some() {
        std::fs::write(&path, generated()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
    assert_eq!(
        committed,
        generated(),
        "{} is not what the types say",
        path.display()
    );
}
