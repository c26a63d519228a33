//! The objects of one proxy, as typed Kubernetes objects. Owners are added when they are applied.

use std::collections::BTreeMap;

use intercept_protocol::ids::InterceptId;
use intercept_protocol::names::{
    self, AGENT_CONTAINER, AGENT_PARTS_DIR, NGINX_CONTAINER, RECORD_DIR, RUN_DIR,
};
use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use super::ports::Ports;
use crate::agent_binary::AgentPart;
use crate::snapshot::proxy_selector;
use crate::spec::ProxySettings;

/// uid of `nginx` in the stock image; any number does where the image has no such user.
const RUN_AS: i64 = 101;
/// Draining takes 4 s and what is in flight; after this the kubelet ends it.
const TERMINATION_GRACE_SECONDS: i64 = 40;
/// How long an engage may take before the fuse removes what it made.
const FUSE_SECONDS: i64 = 90;

/// What one proxy is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blueprint<'a> {
    pub(super) namespace: &'a str,
    pub(super) service: &'a str,
    pub(super) ports: &'a Ports,
    pub(super) parts: &'a [AgentPart],
    pub(super) architectures: &'a [&'static str],
    pub(super) settings: &'a ProxySettings,
    pub(super) self_restore: bool,
}

impl Blueprint<'_> {
    /// Name, namespace and the labels that every object of ours has.
    fn meta(&self, name: String) -> ObjectMeta {
        ObjectMeta {
            name: Some(name),
            namespace: Some(self.namespace.to_owned()),
            labels: Some(labels(self.service)),
            ..ObjectMeta::default()
        }
    }

    /// A Job that never runs a pod: its deadline passes, it is collected, and takes with it what it owns.
    pub(super) fn fuse(&self, first: &InterceptId) -> Job {
        let mut job: Job = typed(json!({ "spec": {
            "parallelism": 0, "completions": 1, "backoffLimit": 0,
            "activeDeadlineSeconds": FUSE_SECONDS, "ttlSecondsAfterFinished": 0,
            "template": { "spec": {
                "restartPolicy": "Never", "automountServiceAccountToken": false,
                "containers": [{ "name": "never-runs", "image": self.settings.image }],
            } },
        } }));
        // Each engage has a fuse of its own, so two at once never meet in its name. A name that is known before the
        // answer lets it be removed also where the answer is lost.
        job.metadata = self.meta(names::fuse(self.service, first));
        job
    }

    /// The proxy with no replica yet: it exists so that the rest can be owned by it.
    pub(super) fn deployment(&self) -> Deployment {
        let mut pod_labels = labels(self.service);
        pod_labels.extend(proxy_selector(self.service));
        let mut deployment: Deployment = typed(json!({ "spec": {
            "replicas": 0,
            "selector": { "matchLabels": proxy_selector(self.service) },
            "strategy": { "rollingUpdate": { "maxUnavailable": 0, "maxSurge": 1 } },
            "template": { "metadata": { "labels": pod_labels }, "spec": self.pod() },
        } }));
        deployment.metadata = self.meta(names::proxy(self.service));
        deployment
    }

    fn pod(&self) -> Value {
        let low_port = self.ports.listeners.iter().any(|one| one.port < 1024);
        let sysctls = json!([{ "name": "net.ipv4.ip_unprivileged_port_start", "value": "0" }]);
        let secrets: Vec<Value> = self
            .settings
            .pull_secrets
            .iter()
            .map(|name| json!({ "name": name }))
            .collect();
        let mut pod = json!({
            "automountServiceAccountToken": self.self_restore,
            "enableServiceLinks": false,
            "shareProcessNamespace": true,
            "terminationGracePeriodSeconds": TERMINATION_GRACE_SECONDS,
            "imagePullSecrets": secrets,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": RUN_AS, "runAsGroup": RUN_AS, "fsGroup": RUN_AS,
                "seccompProfile": { "type": "RuntimeDefault" },
                "sysctls": if low_port { sysctls } else { json!([]) },
            },
            "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{ "matchExpressions": self.node_terms() }],
            } } },
            "topologySpreadConstraints": [{
                "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": { "matchLabels": proxy_selector(self.service) },
            }],
            "containers": [self.agent(), self.nginx()],
            "volumes": self.volumes(),
        });
        if self.self_restore {
            pod["serviceAccountName"] = json!(names::proxy(self.service));
        }
        if let Some(image) = &self.settings.agent_image {
            pod["initContainers"] = json!([self.copied_agent(image)]);
        }
        pod
    }

    fn node_terms(&self) -> Value {
        let mut terms = vec![json!({ "key": "kubernetes.io/os", "operator": "In", "values": ["linux"] })];
        if self.settings.agent_image.is_none() {
            let values = self.architectures;
            terms.push(json!({ "key": "kubernetes.io/arch", "operator": "In", "values": values }));
        }
        Value::Array(terms)
    }

    fn agent(&self) -> Value {
        let program = format!("{RUN_DIR}/intercept-agent");
        let unpack = format!(
            "cat {AGENT_PARTS_DIR}/$(uname -m)/*/part | gzip -d > {program} && chmod 0700 {program} && exec {program}"
        );
        let command = match &self.settings.agent_image {
            Some(_) => json!([program]),
            None => json!(["sh", "-c", unpack]),
        };
        json!({
            "name": AGENT_CONTAINER,
            "image": self.settings.image,
            "command": command,
            "env": [
                { "name": "INTERCEPT_NAMESPACE", "value": self.namespace },
                { "name": "INTERCEPT_SERVICE", "value": self.service },
                { "name": "INTERCEPT_POD", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
                { "name": "INTERCEPT_POD_UID", "valueFrom": { "fieldRef": { "fieldPath": "metadata.uid" } } },
            ],
            // A few MiB idle; each request holds up to 256 KiB until the laptop has accepted it.
            "resources": resources("10m", "16Mi", "256Mi"),
            "securityContext": container_security(),
            "volumeMounts": self.mounts(),
        })
    }

    fn nginx(&self) -> Value {
        // The agent drains on its own SIGTERM, ends NGINX, and then leaves a file. Until then NGINX must not be stopped;
        // and the container must outlive its hook, or the kubelet reports both as failed.
        let drained = |tries: u16| {
            format!(
                "i=0; until [ -f {RUN_DIR}/drained ] || [ $i -ge {tries} ]; do i=$((i+1)); sleep 0.05; done"
            )
        };
        let start = format!(
            "until [ -f {RUN_DIR}/nginx.conf ]; do sleep 0.02; done; \
             nginx -e stderr -c {RUN_DIR}/nginx.conf -g 'daemon off;'; status=$?; \
             {}; [ ! -f {RUN_DIR}/drained ] || sleep 0.5; exit $status",
            drained(10)
        );
        json!({
            "name": NGINX_CONTAINER,
            "image": self.settings.image,
            "command": ["sh", "-c", start],
            "ports": self.container_ports(),
            "lifecycle": { "preStop": { "exec": { "command": ["sh", "-c", drained(700)] } } },
            "readinessProbe": {
                "httpGet": { "path": "/", "port": self.ports.health_port },
                "periodSeconds": 1, "timeoutSeconds": 2, "failureThreshold": 2,
            },
            "resources": resources("50m", "32Mi", "512Mi"),
            "securityContext": container_security(),
            "volumeMounts": self.mounts(),
        })
    }

    /// Named `targetPort`s are met by naming our ports the same; the others need no declaration.
    fn container_ports(&self) -> Vec<Value> {
        let named = self.ports.names.iter();
        named
            .map(|(name, port)| json!({ "name": name, "containerPort": port, "protocol": "TCP" }))
            .collect()
    }

    fn mounts(&self) -> Vec<Value> {
        let mut mounts = vec![
            json!({ "name": "run", "mountPath": RUN_DIR }),
            json!({ "name": "record", "mountPath": RECORD_DIR, "readOnly": true }),
        ];
        if self.settings.agent_image.is_none() {
            mounts.extend(self.parts.iter().map(|part| {
                let path = format!("{AGENT_PARTS_DIR}/{}/{}", part.machine, part.index);
                json!({ "name": volume_of(part), "mountPath": path, "readOnly": true })
            }));
        }
        mounts
    }

    fn volumes(&self) -> Vec<Value> {
        let mut volumes = vec![
            json!({ "name": "run", "emptyDir": { "medium": "Memory", "sizeLimit": "64Mi" } }),
            // Optional, for the end: it goes before the pods that still drain, which the kubelet would call a failure.
            json!({ "name": "record", "configMap": { "name": names::proxy(self.service), "optional": true } }),
        ];
        if self.settings.agent_image.is_none() {
            let parts = self.parts.iter();
            volumes.extend(
                parts.map(|part| json!({ "name": volume_of(part), "configMap": { "name": part.name } })),
            );
        }
        volumes
    }

    fn copied_agent(&self, image: &str) -> Value {
        json!({
            "name": "agent-binary",
            "image": image,
            "command": ["/intercept-agent", "copy-to", format!("{RUN_DIR}/intercept-agent")],
            "resources": resources("10m", "16Mi", "64Mi"),
            "securityContext": container_security(),
            "volumeMounts": [{ "name": "run", "mountPath": RUN_DIR }],
        })
    }

    /// Selects the original pods under the same port numbers, whatever kind of Service the original is.
    ///
    /// A node's proxy takes changes of Services at most once a second, so this one would hold up the switch, which is
    /// what somebody waits for. Where original pods can be reached without it, the nodes see it only after the switch.
    pub(super) fn origin(&self, original: &Service, selector: &BTreeMap<String, String>) -> Service {
        let spec = original.spec.clone().unwrap_or_default();
        let ports: Vec<Value> = spec
            .ports
            .iter()
            .flatten()
            .map(|port| {
                json!({
                    "name": port.name, "port": port.port, "targetPort": port.target_port,
                    "protocol": port.protocol, "appProtocol": port.app_protocol,
                })
            })
            .collect();
        let mut origin: Service = typed(json!({ "spec": {
            "type": "ClusterIP", "selector": selector, "ports": ports,
            "ipFamilies": spec.ip_families, "ipFamilyPolicy": spec.ip_family_policy,
            "publishNotReadyAddresses": spec.publish_not_ready_addresses,
        } }));
        origin.metadata = self.meta(names::origin(self.service));
        if self.ports.is_direct() {
            let labels = origin.metadata.labels.get_or_insert_default();
            labels.insert(names::PROXY_NAME_LABEL.to_owned(), names::NOT_YET.to_owned());
        }
        origin
    }

    pub(super) fn agent_parts(&self) -> Vec<ConfigMap> {
        let parts = self.parts.iter();
        parts
            .map(|part| ConfigMap {
                // Shared by the proxies of the namespace, so it names no Service.
                metadata: ObjectMeta {
                    labels: Some(BTreeMap::from([(
                        names::MANAGED_BY_LABEL.to_owned(),
                        names::MANAGED_BY.to_owned(),
                    )])),
                    ..self.meta(part.name.clone())
                },
                binary_data: Some(BTreeMap::from([(
                    "part".to_owned(),
                    ByteString(part.bytes.to_vec()),
                )])),
                immutable: Some(true),
                ..ConfigMap::default()
            })
            .collect()
    }

    pub(super) fn service_account(&self) -> ServiceAccount {
        ServiceAccount {
            metadata: self.meta(names::proxy(self.service)),
            ..ServiceAccount::default()
        }
    }

    /// Exactly what the agent does, on exactly these objects.
    pub(super) fn role(&self) -> Role {
        let (origin, proxy) = (names::origin(self.service), names::proxy(self.service));
        let mut role: Role = typed(json!({ "rules": [
            { "apiGroups": [""], "resources": ["services"], "resourceNames": [self.service, origin], "verbs": ["get", "patch"] },
            { "apiGroups": [""], "resources": ["configmaps"], "resourceNames": [proxy],
              "verbs": ["get", "watch", "patch"] },
            { "apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": [proxy], "verbs": ["get", "delete"] },
        ] }));
        role.metadata = self.meta(proxy);
        role
    }

    pub(super) fn role_binding(&self) -> RoleBinding {
        let name = names::proxy(self.service);
        let mut binding: RoleBinding = typed(json!({
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
            "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": self.namespace }],
        }));
        binding.metadata = self.meta(name);
        binding
    }

    pub(super) fn disruption_budget(&self) -> PodDisruptionBudget {
        let mut budget: PodDisruptionBudget = typed(json!({ "spec": {
            "maxUnavailable": 1, "selector": { "matchLabels": proxy_selector(self.service) },
        } }));
        budget.metadata = self.meta(names::proxy(self.service));
        budget
    }
}

/// Whether the nodes do not see this origin Service yet.
pub(super) fn is_hidden(origin: &Service) -> bool {
    let labels = origin.metadata.labels.as_ref();
    labels.is_some_and(|labels| labels.contains_key(names::PROXY_NAME_LABEL))
}

/// The labels that every object of ours has.
fn labels(service: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        (names::MANAGED_BY_LABEL.to_owned(), names::MANAGED_BY.to_owned()),
        (names::SERVICE_LABEL.to_owned(), service.to_owned()),
    ])
}

fn volume_of(part: &AgentPart) -> String {
    format!("agent-{}-{}", part.machine.replace('_', "-"), part.index)
}

fn resources(cpu: &str, memory: &str, memory_limit: &str) -> Value {
    json!({ "requests": { "cpu": cpu, "memory": memory }, "limits": { "memory": memory_limit } })
}

/// What Pod Security *restricted* asks for, and a read-only root besides.
fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] },
    })
}

/// The manifests above are written as JSON because that is how everybody reads them.
fn typed<K: serde::de::DeserializeOwned>(manifest: Value) -> K {
    serde_json::from_value(manifest).expect("a manifest of ours must have its kind's shape")
}
