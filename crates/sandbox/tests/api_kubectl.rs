//! The real kubectl, where there is one: `KUBECTL`, or `kubectl` on the path.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "all of this is a test, its helpers too"
)]

mod api;

use std::process::{Output, Stdio};

use api::{running_pod, sandbox};
use intercept_sandbox::Sandbox;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

/// kubectl with a home and a kubeconfig of its own.
struct Kubectl {
    program: String,
    home: tempfile::TempDir,
}

impl Kubectl {
    async fn for_cluster(sandbox: &Sandbox) -> Option<Self> {
        let program = std::env::var("KUBECTL").unwrap_or_else(|_| "kubectl".to_owned());
        let home = tempfile::tempdir().unwrap();
        sandbox.write_kubeconfig(&home.path().join("config")).unwrap();
        let this = Self { program, home };
        if this.command("version --client").output().await.is_err() {
            eprintln!("NOT TESTED: there is no kubectl here");
            return None;
        }
        Some(this)
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(words.split(' '))
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.home.path().join("config"));
        command.kill_on_drop(true);
        command
    }

    async fn run(&self, words: &str) -> Output {
        self.command(words).output().await.unwrap()
    }

    /// What it prints, when it succeeds.
    async fn says(&self, words: &str) -> String {
        let output = self.run(words).await;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "kubectl {words}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it complains about, when it fails.
    async fn complains(&self, words: &str) -> String {
        let output = self.run(words).await;
        assert!(!output.status.success(), "kubectl {words}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

#[tokio::test]
async fn kubectl_creates_changes_shows_and_deletes() {
    let sandbox = sandbox().await;
    let Some(kubectl) = Kubectl::for_cluster(&sandbox).await else {
        return;
    };
    assert_eq!(
        kubectl
            .says("create deployment web --image=nginx:1.29 --replicas=2")
            .await,
        "deployment.apps/web created\n"
    );
    assert_eq!(
        kubectl.says("expose deployment web --port=80 --name=web").await,
        "service/web exposed\n"
    );
    kubectl.says("scale deployment web --replicas=0").await;
    kubectl.says("set image deployment/web nginx=nginx:1.30").await;
    kubectl.says("label service web tier=front").await;
    kubectl.says("annotate service web a.test/b=c").await;
    let shown = kubectl.says("get deployment web -o wide").await;
    assert!(
        shown.contains("0/0") && shown.contains("nginx:1.30") && shown.contains("app=web"),
        "{shown}"
    );
    let described = kubectl.says("describe service web").await;
    assert!(
        described.contains("Selector:                 app=web") && described.contains("tier=front"),
        "{described}"
    );
    assert_eq!(
        kubectl
            .says("get service web -o jsonpath={.spec.ports[0].targetPort}")
            .await,
        "80"
    );
    assert!(kubectl.says("get all,cm -A").await.contains("service/web"));
    assert_eq!(
        kubectl
            .says("delete deployment,service web")
            .await
            .lines()
            .count(),
        2
    );
    assert!(
        kubectl
            .complains("get service web")
            .await
            .contains("services \"web\" not found")
    );
}

#[tokio::test]
async fn kubectl_creates_every_kind_it_has_a_word_for() {
    let sandbox = sandbox().await;
    let Some(kubectl) = Kubectl::for_cluster(&sandbox).await else {
        return;
    };
    for words in [
        "configmap m --from-literal=a=b",
        "secret generic s --from-literal=a=b",
        "namespace n",
        "serviceaccount a",
        "role r --verb=get,patch --resource=services --resource-name=api",
        "rolebinding b --role=r --serviceaccount=default:a",
        "clusterrole c --verb=get --resource=nodes",
        "clusterrolebinding d --clusterrole=c --user=u",
        "job j --image=i:1",
        "quota q --hard=pods=1",
        "poddisruptionbudget p --selector=a=b --min-available=1",
        "service clusterip v --tcp=80:http",
        "ingress i --rule=a.test/x=v:80",
    ] {
        assert!(
            kubectl
                .says(&format!("create {words}"))
                .await
                .ends_with(" created\n"),
            "{words}"
        );
    }
    assert_eq!(kubectl.says("get secret s -o jsonpath={.data.a}").await, "Yg==");
    let port = kubectl
        .says("get ingress i -o jsonpath={.spec.rules[0].http.paths[0].backend.service.port.number}")
        .await;
    assert_eq!(port, "80");
    assert_eq!(
        kubectl
            .says("auth can-i patch services/api --as=system:serviceaccount:default:a")
            .await,
        "yes\n"
    );
    assert!(
        !kubectl
            .run("auth can-i patch services/web --as=system:serviceaccount:default:a")
            .await
            .status
            .success()
    );
    assert!(!kubectl.says("create token a").await.trim().is_empty());
    kubectl.says("delete namespace n").await;
}

const MANIFEST: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: { name: c, labels: { a: b } }
data: { one: "1", two: "2" }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: api }
spec:
  selector: { matchLabels: { app: api } }
  template:
    metadata: { labels: { app: api } }
    spec: { containers: [{ name: c, image: "i:1", ports: [{ containerPort: 80 }], resources: { limits: { cpu: 1 } } }] }
"#;

#[tokio::test]
async fn kubectl_applies_on_either_side() {
    let sandbox = sandbox().await;
    let Some(kubectl) = Kubectl::for_cluster(&sandbox).await else {
        return;
    };
    let path = kubectl.file("m.yaml", MANIFEST);
    assert_eq!(
        kubectl.says(&format!("apply -f {path}")).await,
        "configmap/c created\ndeployment.apps/api created\n"
    );
    assert!(
        kubectl
            .says(&format!("apply -f {path}"))
            .await
            .starts_with("configmap/c unchanged\n")
    );
    // What is taken out of the manifest goes from the object.
    let changed = kubectl.file(
        "n.yaml",
        &MANIFEST.replace("one: \"1\", ", "").replace("i:1", "i:2"),
    );
    assert!(!kubectl.run(&format!("diff -f {changed}")).await.status.success());
    kubectl.says(&format!("apply -f {changed}")).await;
    assert_eq!(
        kubectl.says("get cm c -o jsonpath={.data}").await,
        r#"{"two":"2"}"#
    );
    assert_eq!(kubectl.says("get deploy api -o jsonpath={..image}").await, "i:2");
    kubectl.says(&format!("apply --server-side -f {changed}")).await;
    let other = kubectl.file("o.yaml", &MANIFEST.replace("two: \"2\"", "two: \"3\""));
    let refused = kubectl
        .complains(&format!("apply --server-side --field-manager=other -f {other}"))
        .await;
    assert!(
        refused.contains("conflict with \"kubectl\"") && refused.contains(".data.two"),
        "{refused}"
    );
    kubectl
        .says(&format!(
            "apply --server-side --force-conflicts --field-manager=other -f {other}"
        ))
        .await;
    assert_eq!(kubectl.says("get cm c -o jsonpath={.data.two}").await, "3");
    let unknown = kubectl.file("p.yaml", &MANIFEST.replace("\ndata:", "\ndada:"));
    let refused = kubectl.complains(&format!("apply -f {unknown}")).await;
    assert!(refused.contains("unknown field \"dada\""), "{refused}");
}

#[tokio::test]
async fn kubectl_patches_in_three_ways_and_waits() {
    let sandbox = sandbox().await;
    let Some(kubectl) = Kubectl::for_cluster(&sandbox).await else {
        return;
    };
    kubectl.says("create configmap c --from-literal=x=1").await;
    kubectl.says(r#"patch configmap c -p {"data":{"y":"2"}}"#).await;
    kubectl
        .says(r#"patch configmap c --type=merge -p {"data":{"x":null}}"#)
        .await;
    kubectl
        .says(r#"patch configmap c --type=json -p [{"op":"replace","path":"/data/y","value":"3"}]"#)
        .await;
    kubectl
        .says("wait --for=jsonpath={.data.y}=3 configmap/c --timeout=5s")
        .await;
    assert_eq!(
        kubectl.says("get configmap c -o jsonpath={.data}").await,
        r#"{"y":"3"}"#
    );
    let refused = kubectl
        .complains(r#"patch configmap c --type=json -p [{"op":"test","path":"/data/y","value":"x"}]"#)
        .await;
    assert!(refused.contains("The request is invalid"), "{refused}");
    let deleting = kubectl
        .command("wait --for=delete configmap/c --timeout=10s")
        .spawn()
        .unwrap();
    kubectl.says("delete configmap c").await;
    assert!(deleting.wait_with_output().await.unwrap().status.success());
}

#[tokio::test]
async fn kubectl_forwards_ports_and_reads_logs() {
    let sandbox = sandbox().await;
    let Some(kubectl) = Kubectl::for_cluster(&sandbox).await else {
        return;
    };
    running_pod(&sandbox, "echo").await;
    kubectl
        .says(r#"patch pod echo --subresource=status --type=merge -p {"status":{"phase":"Running"}}"#)
        .await;
    assert_eq!(kubectl.says("logs echo --tail=1").await, "main says 3\n");
    let mut forwarding = kubectl
        .command("port-forward pod/echo :7")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(forwarding.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let port: u16 = line
        .split([':', ' '])
        .filter_map(|word| word.parse().ok())
        .next()
        .unwrap();
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(&[7; 200_000]).await.unwrap();
    let mut back = vec![0; 200_000];
    stream.read_exact(&mut back).await.unwrap();
    assert!(back.iter().all(|byte| *byte == 7));
}

#[tokio::test]
async fn kubectl_watches_and_lists_what_there_is() {
    let sandbox = sandbox().await;
    let Some(kubectl) = Kubectl::for_cluster(&sandbox).await else {
        return;
    };
    let mut watching = kubectl
        .command("get configmaps -w --no-headers")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    assert!(
        lines
            .next_line()
            .await
            .unwrap()
            .unwrap()
            .starts_with("kube-root-ca.crt")
    );
    kubectl.says("create configmap seen").await;
    assert!(lines.next_line().await.unwrap().unwrap().starts_with("seen"));
    let resources = kubectl.says("api-resources --no-headers -o name").await;
    assert!(
        resources.lines().any(|line| line == "deployments.apps"),
        "{resources}"
    );
    assert_eq!(kubectl.says("get --raw /readyz").await, "ok");
    assert!(kubectl.says("version").await.contains("Server Version: v1.35.0"));
    assert!(kubectl.says("auth whoami").await.contains("sandbox-admin"));
}

#[tokio::test]
async fn kubectl_sorts_by_any_field() {
    let sandbox = sandbox().await;
    let Some(kubectl) = Kubectl::for_cluster(&sandbox).await else {
        return;
    };
    for (name, value) in [("a", "2"), ("b", "3"), ("c", "1")] {
        kubectl
            .says(&format!("create configmap {name} --from-literal=order={value}"))
            .await;
    }
    for (field, order) in [(".data.order", "c a b"), (".metadata.name", "a b c")] {
        let shown = kubectl
            .says(&format!("get configmaps --sort-by={field} --no-headers"))
            .await;
        let names: Vec<&str> = shown.lines().filter_map(|line| line.split(' ').next()).collect();
        let names: Vec<&str> = names.into_iter().filter(|name| name.len() == 1).collect();
        assert_eq!(names.join(" "), order, "{shown}");
    }
}

#[tokio::test]
async fn kubectl_explains_the_fields_of_a_kind() {
    let sandbox = sandbox().await;
    let Some(kubectl) = Kubectl::for_cluster(&sandbox).await else {
        return;
    };
    let explained = kubectl.says("explain deployment.spec.strategy").await;
    assert!(
        explained.contains("FIELD: strategy <DeploymentStrategy>")
            && explained.contains("rollingUpdate\t<RollingUpdateDeployment>"),
        "{explained}"
    );
    let refused = kubectl.complains("explain service.spec.wings").await;
    assert!(refused.contains("field \"wings\" does not exist"), "{refused}");
}

#[tokio::test]
async fn kubectl_names_every_resource_and_its_verbs() {
    let sandbox = sandbox().await;
    let Some(kubectl) = Kubectl::for_cluster(&sandbox).await else {
        return;
    };
    let named = kubectl.says("api-resources --verbs=list,watch -o name").await;
    for resource in [
        "pods",
        "services",
        "deployments.apps",
        "endpointslices.discovery.k8s.io",
    ] {
        assert!(named.lines().any(|line| line == resource), "{named}");
    }
    // There is nothing that measures, as in many a cluster.
    let refused = kubectl.complains("top pods").await;
    assert!(refused.contains("Metrics API not available"), "{refused}");
}
