import type { IstioMetrics } from "./istio_metrics.ts";
import type { LocalNode } from "./local_node.ts";
import { encodePeerMetadata, EndpointWorkloads, PeerMetadataCache } from "./peer_metadata_codec.ts";
import { DestinationServices } from "./destination_service.ts";

/** What the telemetry filters of one mesh share: it outlives stacks, so that a push forgets no peer and no series. */
export class FilterTelemetry {
  /** Our own node. */
  readonly node: LocalNode;
  /** Where requests are counted. */
  readonly metrics: IstioMetrics;
  /** Value of our own `x-envoy-peer-metadata` header. */
  readonly ownMetadata: string;
  /** Peers by the headers they sent. */
  readonly peers: PeerMetadataCache = new PeerMetadataCache();
  /** Destinations by the metadata of their endpoint. */
  readonly endpoints: EndpointWorkloads = new EndpointWorkloads();
  /** Names of destination services. */
  readonly services: DestinationServices = new DestinationServices();

  /**
   * @param node Our own node.
   * @param metrics Where requests are counted.
   */
  constructor(node: LocalNode, metrics: IstioMetrics) {
    this.node = node;
    this.metrics = metrics;
    this.ownMetadata = encodePeerMetadata(node);
  }
}
