// Generated from the types of src-tauri; CONTRIBUTING.md says how to write it afresh. Do not edit.

/**
 * A context of the kubeconfig. Naming it contacts nothing.
 */
export type Context = { name: string, cluster: string, user: string, namespace: string | null, isCurrent: boolean, 
/**
 * Of the sandbox inside this program.
 */
isSandbox: boolean, };

/**
 * A Service of the cluster that a context names.
 */
export type Service = { namespace: string, name: string, 
/**
 * `ClusterIP`, `NodePort`, `LoadBalancer`, `ExternalName` or `Headless`.
 */
kind: string, ports: Array<Port>, readyEndpoints: number, interceptCount: number, 
/**
 * Why it cannot be intercepted, in one short clause.
 */
obstacle: string | null, };

/**
 * A port of a Service.
 */
export type Port = { name: string | null, number: number, target: string, protocol: string, };

/**
 * A refused command.
 */
export type CommandError = { code: ErrorCode, 
/**
 * What was tried, and why it failed.
 */
message: string, 
/**
 * What to do next.
 */
hint: string, };

/**
 * What the window decides by. A new one only where it acts differently.
 */
export type ErrorCode = "kubeconfigMissing" | "kubeconfigUnreadable" | "contextUnusable" | "sandboxUnstartable" | "loginFailed" | "clusterUnreachable" | "forbidden" | "unexpected";
