import { decode, encode } from "../protobuf/registry.ts";
import { type Json, jsonToStruct, structToJson } from "../protobuf/well_known.ts";
import { type LocalNode, workloadOf } from "./local_node.ts";
import type { PeerMetadata } from "./peer_metadata.ts";

/** Request and response header that carries a node id. */
export const PEER_METADATA_ID_HEADER = "x-envoy-peer-metadata-id";
/** Request and response header that carries base64 of a `google.protobuf.Struct` of node metadata. */
export const PEER_METADATA_HEADER = "x-envoy-peer-metadata";

/** Metadata keys that Istio's proxy sends to peers. */
const SENT_KEYS = [
  "NAME",
  "NAMESPACE",
  "WORKLOAD_NAME",
  "CLUSTER_ID",
  "OWNER",
  "IDENTITY",
  "REGION",
  "AVAILABILITY_ZONE",
];
/** Labels that Istio's proxy sends to peers. */
const SENT_LABELS = ["service.istio.io/canonical-name", "service.istio.io/canonical-revision", "app", "version"];

/** Longest header value that is decoded; a real one has 400 to 1,500 characters. */
const MAX_VALUE_LENGTH = 8192;
/** Longest id that is remembered. */
const MAX_ID_LENGTH = 512;
/** Peers remembered, as Istio's proxy does. */
const MAX_PEERS = 500;

/** The part of our metadata that peers are told, as a struct. */
export function sentMetadata(node: LocalNode): { [key: string]: Json } {
  const metadata = pickStrings(node.metadata, SENT_KEYS);
  const labels = node.metadata["LABELS"];
  metadata["LABELS"] = typeof labels === "object" && labels !== null && !Array.isArray(labels)
    ? pickStrings(labels, SENT_LABELS)
    : {};
  return metadata;
}

/** The value of `x-envoy-peer-metadata`: standard base64 with padding, keys sorted, so always the same for a node. */
export function encodePeerMetadata(node: LocalNode): string {
  const bytes = encode("google.protobuf.Struct", jsonToStruct(sentMetadata(node)));
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/**
 * Reads `x-envoy-peer-metadata`, with or without padding. Peers are not trusted: whatever is too long or does not
 * decode gives `null`, each value is cut to a length.
 *
 * @param id Value of `x-envoy-peer-metadata-id`, empty for none.
 * @param value The header value.
 */
export function decodePeerMetadata(id: string, value: string): PeerMetadata | null {
  if (value === "" || value.length > MAX_VALUE_LENGTH || !/^[A-Za-z0-9+/]+={0,2}$/.test(value)) return null;
  try {
    const bytes = Uint8Array.from(atob(value), (character) => character.charCodeAt(0));
    return workloadOf(id, structToJson(decode("google.protobuf.Struct", bytes)));
  } catch {
    // Not base64, not a Struct, or nested deeper than the stack: nothing to learn from this peer.
    return null;
  }
}

/**
 * Decodes peers and remembers the last 500 by id. What is remembered counts only for the same value: a peer that
 * borrows another's id changes nobody's labels but its own.
 */
export class PeerMetadataCache {
  readonly #peers: Map<string, { readonly value: string; readonly peer: PeerMetadata | null }> = new Map();

  /** The peer that these headers tell of, the same object for the same headers; `null` where they tell nothing. */
  get(id: string, value: string): PeerMetadata | null {
    const known = this.#peers.get(id);
    if (known !== undefined && known.value === value) return known.peer;
    const peer = decodePeerMetadata(id, value);
    if (id.length > MAX_ID_LENGTH || value.length > MAX_VALUE_LENGTH) return peer;
    if (known === undefined && this.#peers.size >= MAX_PEERS) this.#peers.delete(this.#peers.keys().next().value!);
    this.#peers.set(id, { value, peer });
    return peer;
  }

  /** Number of peers remembered. */
  get size(): number {
    return this.#peers.size;
  }
}

/**
 * Reads the `istio.workload` metadata of an endpoint, `NAME;NAMESPACE;CANONICAL-NAME;CANONICAL-REVISION;CLUSTER`: the
 * labels of a destination that sent no metadata of its own.
 */
export function parseEndpointWorkload(text: string): PeerMetadata | null {
  const parts = text.split(";");
  if (parts.length < 5) return null;
  const [workloadName, namespace, canonicalService, canonicalRevision, clusterId] = parts.map((p) => p.slice(0, 256));
  return {
    id: "",
    workloadName: workloadName!,
    namespace: namespace!,
    clusterId: clusterId!,
    canonicalService: canonicalService!,
    canonicalRevision: canonicalRevision!,
    app: "",
    version: "",
  };
}

/** {@linkcode parseEndpointWorkload} by the endpoint's metadata object, parsed once while that object lives. */
export class EndpointWorkloads {
  readonly #known: WeakMap<object, PeerMetadata | null> = new WeakMap();

  /** The workload that endpoint metadata (`filter_metadata`) names; `null` where it names none. */
  get(metadata: Readonly<Record<string, Readonly<Record<string, Json>>>>): PeerMetadata | null {
    let peer = this.#known.get(metadata);
    if (peer === undefined) {
      const text = metadata["istio"]?.["workload"];
      peer = typeof text === "string" ? parseEndpointWorkload(text) : null;
      this.#known.set(metadata, peer);
    }
    return peer;
  }
}

function pickStrings(from: Readonly<Record<string, Json>>, keys: readonly string[]): { [key: string]: Json } {
  const out: { [key: string]: Json } = {};
  for (const key of keys) {
    const value = from[key];
    if (typeof value === "string" && value !== "") out[key] = value;
  }
  return out;
}
