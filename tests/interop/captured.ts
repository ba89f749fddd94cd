import { loadBootstrap } from "../../lib/bootstrap/bootstrap.ts";
import type { JoinOptions } from "../../lib/bootstrap/join_options.ts";
import { buildNode } from "../../lib/bootstrap/node.ts";
import { Configuration } from "../../lib/configuration.ts";
import { DiscoveredSecrets } from "../../lib/identity/discovered_secrets.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { discoverySecurity } from "../../lib/mesh_credentials.ts";
import type { EnvoyConfigCoreV3Node } from "../../lib/protobuf/gen/messages.ts";
import { SnapshotStore } from "../../lib/resource/snapshot_store.ts";
import { createConnector } from "../../lib/transport/connector.ts";
import { HandleRegistry } from "../../lib/transport/handle_registry.ts";
import { AdsClient } from "../../lib/xds/ads_client.ts";
import type { ResourceUpdate } from "../../lib/xds/resource_sink.ts";
import { RECORDING_PARSERS } from "../vector/recording.ts";

/** What a control plane sent a workload until its configuration was complete, by type URL and name. */
export interface Captured {
  readonly node: EnvoyConfigCoreV3Node;
  readonly resources: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;
}

/** Asks a control plane for the whole configuration of a workload, as bytes. */
export async function capture(options: JoinOptions): Promise<Captured> {
  const bootstrap = await loadBootstrap({ ...options, besideSidecar: true, logger: silentLogger });
  const registry = new HandleRegistry();
  const shared = { registry, clock: systemClock, random: Math.random, logger: silentLogger };
  const store = new SnapshotStore({ parsers: RECORDING_PARSERS, clientNamespace: bootstrap.workload.namespace });
  // Nobody connects here: no secret is waited for.
  const secrets = new DiscoveredSecrets(systemClock);
  const configuration = new Configuration({ store, clock: systemClock, onRoots: null, secrets });
  const resources = new Map<string, Map<string, Uint8Array>>();
  const ads = new AdsClient({
    ...shared,
    protocol: bootstrap.protocol,
    address: bootstrap.discovery,
    headers: bootstrap.discovery.headers,
    security: discoverySecurity(bootstrap, () => null, silentLogger),
    node: (localAddress) => buildNode(bootstrap, localAddress),
    source: configuration,
    sink: {
      async apply(typeUrl: string, update: ResourceUpdate) {
        const known = resources.get(typeUrl) ?? new Map<string, Uint8Array>();
        resources.set(typeUrl, known);
        for (const [name, bytes] of update.changed) known.set(name, bytes.slice());
        // Told to the store, which then says what else is wanted; that it does not know a filter is no matter here.
        await configuration.apply(typeUrl, update);
        return [];
      },
    },
    connector: createConnector({ registry, clock: systemClock }),
  });
  ads.start();
  try {
    await store.whenReady();
  } finally {
    await ads.close();
    secrets.close();
    store.close();
  }
  return { node: buildNode(bootstrap, "127.0.0.1"), resources };
}
