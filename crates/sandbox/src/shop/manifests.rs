//! The shop's objects, as somebody would apply them.

use serde_json::{Value, json};

use super::ShopOptions;

/// Everything, in any order.
pub(super) fn all(options: ShopOptions) -> Vec<Value> {
    let http =
        |number: u16| json!([{ "name": "http", "port": 8080, "targetPort": number, "appProtocol": "http" }]);
    let mut all = vec![
        deployment(
            "storefront",
            2,
            &json!([{ "name": "http", "containerPort": 8080 }]),
        ),
        service(
            "storefront",
            &json!([{ "name": "http", "port": 8080, "targetPort": "http" }]),
        ),
        deployment("catalog", 2, &json!([{ "name": "web", "containerPort": 8081 }])),
        service(
            "catalog",
            &json!([{ "name": "http", "port": 8080, "targetPort": "web" }]),
        ),
        deployment(
            "cart",
            1,
            &json!([{ "name": "http", "containerPort": 8080 }, { "name": "admin", "containerPort": 9090 }]),
        ),
        service(
            "cart",
            &json!([
                { "name": "http", "port": 8080, "targetPort": "http" },
                { "name": "admin", "port": 9090, "targetPort": "admin" },
                { "name": "metrics", "port": 9100 },
            ]),
        ),
        deployment(
            "checkout",
            2,
            &json!([{ "name": "grpc", "containerPort": 50051 }]),
        ),
        service(
            "checkout",
            &json!([{ "name": "grpc", "port": 50051, "appProtocol": "kubernetes.io/h2c" }]),
        ),
        deployment("prices", 1, &json!([{ "containerPort": 8080 }])),
        service("prices", &http(8080)),
        deployment("chat", 1, &json!([{ "containerPort": 8080 }])),
        service("chat", &http(8080)),
        deployment("recommendations", 1, &json!([{ "containerPort": 8080 }])),
        service("recommendations", &http(8080)),
        stateful_set(),
        headless(),
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "payments", "labels": labels("payments") },
                "spec": { "type": "ExternalName", "externalName": "payments.example.com" } }),
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "shop-settings", "labels": labels("shop") },
                "data": { "currency": "EUR", "greeting": "Welcome to the tea shop" } }),
    ];
    if options.customers_per_second > 0 {
        all.push(customers(options));
    }
    all
}

fn labels(name: &str) -> Value {
    json!({ "app": name, "app.kubernetes.io/part-of": "shop" })
}

fn image(name: &str) -> String {
    match name {
        // The plain ones: an echo says everything that is to be said.
        "recommendations" | "stock" => "sandbox/echo:1".to_owned(),
        name => format!("sandbox/shop/{name}:1"),
    }
}

fn deployment(name: &str, replicas: u32, ports: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": name, "labels": labels(name) },
        "spec": { "replicas": replicas, "selector": { "matchLabels": { "app": name } }, "template": template(name, ports) },
    })
}

fn template(name: &str, ports: &Value) -> Value {
    json!({
        "metadata": { "labels": labels(name) },
        "spec": {
            "terminationGracePeriodSeconds": 2,
            "containers": [{
                "name": name, "image": image(name), "imagePullPolicy": "IfNotPresent", "ports": ports,
                "env": [
                    { "name": "ANSWER_BY", "value": name },
                    { "name": "CURRENCY", "valueFrom": { "configMapKeyRef": {
                        "name": "shop-settings", "key": "currency", "optional": true } } },
                ],
                "readinessProbe": { "tcpSocket": { "port": ports[0]["containerPort"] }, "periodSeconds": 5 },
                "resources": { "requests": { "cpu": "10m", "memory": "16Mi" } },
            }],
        },
    })
}

fn service(name: &str, ports: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": name, "labels": labels(name) },
        "spec": { "selector": { "app": name }, "ports": ports },
    })
}

fn stateful_set() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": { "name": "stock", "labels": labels("stock") },
        "spec": { "replicas": 2, "serviceName": "stock", "selector": { "matchLabels": { "app": "stock" } },
                  "template": template("stock", &json!([{ "name": "http", "containerPort": 8080 }])) },
    })
}

fn headless() -> Value {
    let mut service = service(
        "stock",
        &json!([{ "name": "http", "port": 8080, "targetPort": "http" }]),
    );
    service["spec"]["clusterIP"] = json!("None");
    service
}

fn customers(options: ShopOptions) -> Value {
    let mut customers = deployment("customers", 1, &json!([{ "containerPort": 8080 }]));
    let container = &mut customers["spec"]["template"]["spec"]["containers"][0];
    container["env"] = json!([
        { "name": "RATE", "value": options.customers_per_second.to_string() },
        { "name": "MARKED_PERCENT", "value": options.marked_percent.to_string() },
    ]);
    if let Some(container) = container.as_object_mut() {
        container.remove("ports");
        container.remove("readinessProbe");
    }
    customers
}
