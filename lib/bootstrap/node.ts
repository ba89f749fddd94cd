import type { EnvoyConfigCoreV3Node } from "../protobuf/gen/messages.ts";
import { jsonToStruct } from "../protobuf/well_known.ts";
import type { JsonObject } from "./proxy_config.ts";
import type { Workload } from "./workload.ts";

/** Version of Istio whose sidecar enmesh behaves like; istiod gates features by it. */
export const ISTIO_VERSION = "1.31.0";

/** What a {@linkcode buildNode} needs to know. */
export interface NodeFacts {
  readonly workload: Workload;
  readonly proxyConfig: JsonObject;
}

/** Metadata that would make istiod send what enmesh cannot serve, whatever the environment says. */
const REFUSED: ReadonlySet<string> = new Set(["GENERATOR", "ENABLE_HBONE", "METADATA_DISCOVERY"]);

/**
 * The xDS node of a workload (istio.io `pkg/model/proxy.go`): `sidecar~IP~NAME.NAMESPACE~NAMESPACE.svc.DOMAIN`. The
 * traffic capture of a sidecar is emulated in process, hence REDIRECT; tunnels (HBONE) are not spoken.
 *
 * @param localAddress Local address of the connection to istiod, used when the workload has no address of its own.
 */
export function buildNode(facts: NodeFacts, localAddress: string): EnvoyConfigCoreV3Node {
  const { workload } = facts;
  const ips = workload.ips.length > 0 ? workload.ips : [localAddress];
  const { locality } = workload;
  return {
    id: `sidecar~${ips[0]}~${workload.name}.${workload.namespace}~${workload.namespace}.svc.${workload.dnsDomain}`,
    cluster: `${workload.labels.app ?? workload.workloadName}.${workload.namespace}`,
    userAgentName: "enmesh",
    metadata: jsonToStruct(nodeMetadata(facts, ips)),
    // An empty locality would erase the one istiod knows.
    ...(locality === null ? {} : { locality }),
  };
}

/** The node's metadata as JSON; also what peers are told about this workload is taken from it. */
export function nodeMetadata(facts: NodeFacts, ips: readonly string[]): JsonObject {
  const { workload, proxyConfig } = facts;
  const given = Object.entries(workload.metadata).filter(([key]) => !REFUSED.has(key));
  const optional = { NETWORK: workload.network, OWNER: workload.owner, NODE_NAME: workload.nodeName };
  return {
    ISTIO_VERSION,
    ...Object.fromEntries(given),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== null)),
    NAME: workload.name,
    NAMESPACE: workload.namespace,
    SERVICE_ACCOUNT: workload.serviceAccount,
    WORKLOAD_NAME: workload.workloadName,
    LABELS: { ...workload.labels },
    INSTANCE_IPS: ips.join(","),
    CLUSTER_ID: workload.clusterId,
    MESH_ID: workload.meshId,
    INTERCEPTION_MODE: "REDIRECT",
    DISABLE_HBONE_SEND: "true",
    // Without it istiod hides the workload from `istioctl proxy-status`.
    PROXY_CONFIG: proxyConfig,
  };
}
