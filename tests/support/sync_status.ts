import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { decode, encode } from "../../lib/protobuf/registry.ts";
import { jsonToStruct } from "../../lib/protobuf/well_known.ts";

/** A control plane and who asks it. */
export interface SyncStatusQuestion {
  /** `host:port`. */
  readonly address: string;
  /** Name of its certificate. @default {the host of the address} */
  readonly serverName?: string;
  /** Roots, PEM. */
  readonly roots: string;
  readonly token: string;
  /** Namespace of the caller: it sees its own, that of the control plane sees all. */
  readonly namespace: string;
}

/**
 * Asks `istio.io/debug/syncz` over the discovery protocol, as `istioctl proxy-status` does.
 *
 * @returns Status by type (the last word of the type URL), by node id.
 */
export async function syncStatus(question: SyncStatusQuestion): Promise<Map<string, Record<string, string>>> {
  const { address, serverName, roots, token, namespace } = question;
  const options = serverName === undefined ? {} : { "grpc.ssl_target_name_override": serverName };
  const client = new Client(address, credentials.createSsl(Buffer.from(roots)), options);
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  const identity = (value: Buffer) => value;
  const call = client.makeBidiStreamRequest(
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
    identity,
    identity,
    metadata,
  );
  try {
    const answer = new Promise<Buffer>((resolve, reject) => {
      call.on("data", resolve);
      call.on("error", reject);
    });
    call.write(Buffer.from(encode("envoy.service.discovery.v3.DiscoveryRequest", {
      node: {
        id: `sidecar~127.0.0.1~asker.${namespace}~${namespace}.svc.cluster.local`,
        metadata: jsonToStruct({ NAMESPACE: namespace, GENERATOR: "event" }),
      },
      typeUrl: "istio.io/debug/syncz",
    })));
    const { resources } = decode("envoy.service.discovery.v3.DiscoveryResponse", await answer);
    return new Map((resources ?? []).map(({ value }) => {
      const { node, genericXdsConfigs } = decode("envoy.service.status.v3.ClientConfig", value ?? new Uint8Array());
      const entries = (genericXdsConfigs ?? []).map(({ typeUrl, configStatus }) =>
        [String(typeUrl).split(".").at(-1)!, String(configStatus ?? "UNKNOWN")] as const
      );
      return [node?.id ?? "", Object.fromEntries(entries)];
    }));
  } finally {
    call.on("error", () => {});
    call.cancel();
    client.close();
  }
}
