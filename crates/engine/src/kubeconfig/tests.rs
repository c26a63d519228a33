use std::fs;

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }
}

/// A kubeconfig with one cluster, user and context of the same name, at `server`.
fn config(name: &str, server: &str, current: &str) -> String {
    format!(
        "kind: Config\napiVersion: v1\ncurrent-context: \"{current}\"\n\
         clusters:\n- name: {name}\n  cluster: {{server: \"{server}\"}}\n\
         users:\n- name: {name}\n  user: {{token: secret-{name}}}\n\
         contexts:\n- name: {name}\n  context: {{cluster: {name}, user: {name}, namespace: {name}-ns}}\n"
    )
}

fn from_variable(files: &[PathBuf]) -> Result<Kubeconfigs, KubeconfigError> {
    let variable = std::env::join_paths(files).unwrap();
    Kubeconfigs::load_from(None, Some(&variable), None)
}

#[test]
fn of_each_name_the_first_file_wins_whole() {
    let folder = Folder::new();
    let first = folder.write("a", config("dev", "https://first", ""));
    let second = folder.write(
        "b",
        config("dev", "https://second", "dev") + "- name: prod\n  context: {cluster: dev}\n",
    );
    let merged = from_variable(&[first, second]).unwrap();
    assert_eq!(
        merged.cluster("dev").unwrap().server.as_deref(),
        Some("https://first")
    );
    assert_eq!(
        merged.current(),
        Some("dev"),
        "an empty current-context does not count as set"
    );
    let contexts = merged.contexts();
    let names: Vec<&str> = contexts.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["dev", "prod"]);
    assert!(contexts[0].is_current && !contexts[1].is_current);
    assert_eq!(contexts[0].namespace.as_deref(), Some("dev-ns"));
    assert_eq!(
        (contexts[1].user.as_str(), contexts[1].namespace.as_deref()),
        ("", None)
    );
}

#[test]
fn missing_and_empty_names_of_the_list_are_skipped() {
    let folder = Folder::new();
    let there = folder.write("there", config("dev", "https://x", "dev"));
    let missing = folder.0.path().join("missing");
    let merged = from_variable(&[missing, PathBuf::new(), there.clone(), there.clone()]).unwrap();
    assert_eq!(merged.files(), [there]);
}

#[test]
fn paths_are_relative_to_the_file_they_stand_in() {
    let folder = Folder::new();
    let body = "clusters:\n- name: c\n  cluster: {server: 'https://x', certificate-authority: pki/ca.crt}\n\
        users:\n- name: u\n  user:\n    client-certificate: u.crt\n    client-key: /abs/u.key\n    tokenFile: ../token\n    exec: {command: ./bin/login}\n\
        - name: v\n  user: {client-certificate: '', exec: {command: aws}}\n\
        contexts:\n- name: x\n  context: {cluster: c, user: u}\n";
    let file = folder.write("sub/config", body);
    let merged = Kubeconfigs::load(Some(&file)).unwrap();
    let sub = folder.0.path().join("sub");
    let at = |name: &str| Some(sub.join(name).to_str().unwrap().to_owned());
    assert_eq!(
        merged.cluster("c").unwrap().certificate_authority,
        at("pki/ca.crt")
    );
    let user = merged.user("u").unwrap();
    assert_eq!(user.client_certificate, at("u.crt"));
    assert_eq!(user.client_key.as_deref(), Some("/abs/u.key"));
    assert_eq!(user.token_file, at("../token"));
    assert_eq!(user.exec.as_ref().unwrap().command, at("./bin/login"));
    let other = merged.user("v").unwrap();
    assert_eq!(other.client_certificate, None);
    assert_eq!(other.exec.as_ref().unwrap().command.as_deref(), Some("aws"));
}

#[test]
fn places_without_a_file_are_named() {
    let folder = Folder::new();
    let gone = folder.0.path().join("gone");
    let explicit = Kubeconfigs::load(Some(&gone)).unwrap_err();
    assert!(
        matches!(
            &explicit,
            KubeconfigError::NotFound {
                origin: Origin::Explicit,
                ..
            }
        ),
        "{explicit:?}"
    );
    assert!(
        explicit.to_string().contains(gone.to_str().unwrap()),
        "{explicit}"
    );
    let listed = from_variable(&[gone.clone(), gone.join("below")]).unwrap_err();
    assert!(
        matches!(
            &listed,
            KubeconfigError::NotFound {
                origin: Origin::Environment,
                ..
            }
        ),
        "{listed:?}"
    );
    let home = Kubeconfigs::load_from(None, Some(OsStr::new("")), Some(gone)).unwrap_err();
    assert!(
        matches!(
            &home,
            KubeconfigError::NotFound {
                origin: Origin::Home,
                ..
            }
        ),
        "{home:?}"
    );
    assert!(matches!(
        Kubeconfigs::load_from(None, None, None),
        Err(KubeconfigError::NoHome)
    ));
}

#[test]
fn without_any_name_the_home_folder_has_it() {
    let folder = Folder::new();
    let file = folder.write(".kube/config", config("dev", "https://x", "dev"));
    let found = Kubeconfigs::load_from(None, None, Some(folder.0.path().to_owned())).unwrap();
    assert_eq!(found.files(), [file]);
}

#[test]
fn files_without_a_context_are_empty() {
    let folder = Folder::new();
    for content in [
        "",
        "# nothing\n\n",
        "kind: Config\napiVersion: v1\n",
        "contexts: null\nusers:\n",
        "{}",
    ] {
        let file = folder.write("config", content);
        let error = Kubeconfigs::load(Some(&file)).unwrap_err();
        assert!(
            matches!(error, KubeconfigError::Empty { .. }),
            "{content:?}: {error:?}"
        );
    }
}

#[test]
fn broken_files_are_refused_with_their_name_and_line() {
    let folder = Folder::new();
    let table = [
        ("contexts:\n- name: a\n  context: [}\n", Some(3)),
        ("contexts:\n  name: not-a-list\n", None),
        ("users:\n- name: a\n  user:\n    token: [secret-value]\n", None),
        ("just text", None),
        ("- a\n- list\n", None),
        ("a: &a [*a, *a]\ncontexts: *b\n", None),
    ];
    for (content, line) in table {
        let file = folder.write("config", content);
        let error = Kubeconfigs::load(Some(&file)).unwrap_err();
        let KubeconfigError::Invalid { line: found, .. } = &error else {
            panic!("{content:?}: {error:?}")
        };
        assert!(found.is_some(), "{content:?}: {error}");
        assert!(line.is_none() || *found == line, "{content:?}: {error}");
        assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
        assert!(
            !error.to_string().contains("secret-value"),
            "the file's text stays out: {error}"
        );
    }
}

#[test]
fn files_of_another_sort_are_refused() {
    let folder = Folder::new();
    let pod = folder.write("pod", "kind: Pod\napiVersion: v1\nmetadata: {name: x}\n");
    assert!(matches!(
        Kubeconfigs::load(Some(&pod)),
        Err(KubeconfigError::OtherKind { .. })
    ));
    let binary = folder.write("binary", [0x7f, b'E', b'L', b'F', 0x80, 0xff]);
    assert!(matches!(
        Kubeconfigs::load(Some(&binary)),
        Err(KubeconfigError::NotText { .. })
    ));
    let folder_itself = folder.0.path();
    assert!(matches!(
        Kubeconfigs::load(Some(folder_itself)),
        Err(KubeconfigError::Read { .. })
    ));
}

#[test]
fn a_yaml_bomb_is_refused_quickly() {
    let folder = Folder::new();
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..30 {
        let below = format!("*a{}, ", level - 1).repeat(9);
        bomb += &format!("a{level}: &a{level} [{below}]\n");
    }
    let file = folder.write("config", bomb);
    assert!(matches!(
        Kubeconfigs::load(Some(&file)),
        Err(KubeconfigError::Invalid { .. })
    ));
}

#[test]
fn a_name_twice_in_one_file_is_refused() {
    let folder = Folder::new();
    let body = config("dev", "https://x", "dev") + "- name: dev\n  context: {cluster: dev}\n";
    let file = folder.write("config", body);
    let error = Kubeconfigs::load(Some(&file)).unwrap_err();
    assert!(
        matches!(&error, KubeconfigError::Duplicate { what: "context", .. }),
        "{error:?}"
    );
}

#[test]
fn powershells_utf16_is_read() {
    let folder = Folder::new();
    let units = config("dev", "https://x", "dev")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect::<Vec<u8>>();
    let file = folder.write("config", [&[0xFF, 0xFE], units.as_slice()].concat());
    assert_eq!(Kubeconfigs::load(Some(&file)).unwrap().current(), Some("dev"));
}

#[test]
fn debug_does_not_output_tokens() {
    let folder = Folder::new();
    let file = folder.write("config", config("dev", "https://x", "dev"));
    let loaded = Kubeconfigs::load(Some(&file)).unwrap();
    assert!(!format!("{loaded:?}").contains("secret"));
}
