import type { Kind } from "./kind.ts";

/** Where a workload of a service listens. */
export interface SliceEndpoint {
  readonly addresses: readonly string[];
  /** An endpoint that is not ready is sent as unhealthy. */
  readonly ready: boolean;
  /** An endpoint that is going away is not sent at all. */
  readonly terminating: boolean;
  /** `NAMESPACE/NAME` of its pod, `null` where the slice does not say. */
  readonly pod: string | null;
}

/** A Kubernetes EndpointSlice. */
export interface EndpointSlice {
  /** Name of the Service it belongs to, in its own namespace. */
  readonly service: string;
  readonly endpoints: readonly SliceEndpoint[];
  readonly ports: readonly { readonly name: string; readonly port: number }[];
}

/** `discovery.k8s.io/v1 EndpointSlice`: `endpoints` (addresses, conditions, targetRef) and `ports`. */
export const endpointSliceKind: Kind<"EndpointSlice", EndpointSlice> = {
  kind: "EndpointSlice",
  groups: ["discovery.k8s.io"],
  pushes: ["endpoints"],
  parse(meta, document) {
    const service = meta.labels["kubernetes.io/service-name"];
    if (service === undefined) {
      throw document.error("metadata.labels", "must hold 'kubernetes.io/service-name', the name of its Service");
    }
    return {
      service,
      endpoints: document.list("endpoints").map((endpoint) => {
        const conditions = endpoint.object("conditions");
        const target = endpoint.object("targetRef");
        const isPod = target !== undefined && (target.string("kind") ?? "Pod") === "Pod";
        return {
          addresses: endpoint.strings("addresses"),
          ready: conditions?.boolean("ready") ?? true,
          terminating: conditions?.boolean("terminating") ?? false,
          pod: isPod ? `${target.string("namespace") ?? meta.namespace}/${target.requiredString("name")}` : null,
        };
      }),
      ports: document.list("ports").map((port) => {
        const number = port.port("port");
        if (number === undefined) throw port.error("port", "is required");
        return { name: port.string("name") ?? "", port: number };
      }),
    };
  },
};
