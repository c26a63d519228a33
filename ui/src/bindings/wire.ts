// Generated from the types of src-tauri; CONTRIBUTING.md says how to write it afresh. Do not edit.

/**
 * A context of the kubeconfig. Naming it contacts nothing.
 */
export type Context = { name: string, cluster: string, user: string, namespace: string | null, isCurrent: boolean, };

/**
 * A Service of the cluster that a context names.
 */
export type Service = { namespace: string, name: string, kind: string, ports: Array<Port>, readyEndpoints: number, interceptCount: number, obstacle: string | null, };

export type Port = { name: string | null, number: number, target: string, protocol: string, };

export type CommandError = { code: ErrorCode, message: string, hint: string, };

export type ErrorCode = "kubeconfigUnreadable" | "contextUnusable" | "loginFailed" | "clusterUnreachable" | "forbidden" | "unexpected";
