import type { JoinOptions, WorkloadOptions } from "../bootstrap/join_options.ts";

/** A workload that joins the mesh of a {@linkcode FakeIstiod}. */
export interface FakeWorkloadOptions {
  /** Name of the pod, for example `reviews-v1`. */
  name: string;
  /** Kubernetes namespace. @default {"default"} */
  namespace?: string;
  /** Kubernetes service account. @default {the name without a trailing version, as in `reviews-v1`} */
  serviceAccount?: string;
  /** Where peers reach it. @default {"127.0.0.1"} */
  ip?: string;
  /** Labels of the pod. What sidecar injection adds is added: canonical name and revision, and `tlsMode: istio`. */
  labels?: Readonly<Record<string, string>>;
  /** Container ports by name, for Services that name their target port. @default {{}} */
  ports?: Readonly<Record<string, number>>;
}

/**
 * Options for `Mesh.join`, as `istiod.workload()` makes them. They read nothing from the environment and open no fixed
 * port, so that several workloads fit into one process; spread them to change that.
 */
export interface FakeWorkload extends JoinOptions {
  /** `host:port` of the fake. */
  readonly discoveryAddress: string;
  /** The same: istiod is the certificate authority too. */
  readonly caAddress: string;
  /** SPIFFE trust domain. */
  readonly trustDomain: string;
  /** Mints a new token for each request, as a kubelet renews the file. */
  readonly token: () => Promise<string>;
  /** PEM. */
  readonly rootCertificates: string;
  /** Who it is. */
  readonly workload: WorkloadOptions & {
    readonly name: string;
    readonly namespace: string;
    readonly serviceAccount: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly ips: readonly string[];
  };
}

/** A workload with every default filled in. */
export interface ResolvedWorkload {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly ip: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: Readonly<Record<string, number>>;
}

/** Fills the defaults in: labels as the sidecar injector sets them. */
export function resolveWorkload(options: FakeWorkloadOptions): ResolvedWorkload {
  const { name, namespace = "default", ip = "127.0.0.1", ports = {} } = options;
  const app = name.replace(/-v\d+$/, "");
  const given = options.labels ?? { app };
  const version = given.version ?? /-(v\d+)$/.exec(name)?.[1];
  return {
    name,
    namespace,
    serviceAccount: options.serviceAccount ?? app,
    ip,
    ports,
    labels: {
      "security.istio.io/tlsMode": "istio",
      "service.istio.io/canonical-name": given.app ?? app,
      "service.istio.io/canonical-revision": version ?? "latest",
      ...(version === undefined ? {} : { version }),
      ...given,
    },
  };
}

/** The Pod of a workload, as a document to apply. */
export function podManifest(workload: ResolvedWorkload): string {
  const { name, namespace, serviceAccount, ip, labels, ports } = workload;
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels },
    spec: {
      serviceAccountName: serviceAccount,
      containers: [{ ports: Object.entries(ports).map(([name, containerPort]) => ({ name, containerPort })) }],
    },
    status: { podIP: ip, conditions: [{ type: "Ready", status: "True" }] },
  });
}
