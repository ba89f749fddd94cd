import { decode, isKnownMessage, messageName } from "../../../lib/protobuf/registry.ts";
import { generate, TYPE } from "../../../lib/testing/generate/generator.ts";
import { MeshView } from "../../../lib/testing/mesh_view.ts";
import { ObjectStore } from "../../../lib/testing/object_store.ts";
import { parseProxyNode } from "../../../lib/testing/proxy_node.ts";
import { jsonToStruct } from "../../../lib/protobuf/well_known.ts";

/** Where the recordings are. */
export const ROOT = new URL("../../../../shared/xds/", import.meta.url);

/** A decoded resource: `Any` unpacked, so that two can be compared field by field. */
export type Decoded = null | boolean | number | string | Decoded[] | { [key: string]: Decoded };

const SHORT = {
  CDS: TYPE.cluster,
  EDS: TYPE.endpoint,
  LDS: TYPE.listener,
  RDS: TYPE.route,
  NDS: TYPE.nameTable,
  ECDS: TYPE.extension,
};

/** The configuration of a scenario, without the documents of kinds FakeIstiod does not know. */
export function scenarioYaml(scenario: string, without: RegExp): string {
  const texts: string[] = [];
  for (const file of ["kube.yaml", "istio.yaml"]) {
    const url = new URL(`${scenario}/config/${file}`, ROOT);
    try {
      texts.push(Deno.readTextFileSync(url));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return texts.join("\n---\n").split(/^---$/m).filter((text) => !without.test(text)).join("---");
}

/** What a real istiod sent first, by resource name. */
export function recorded(scenario: string, node: string, type: keyof typeof SHORT): Map<string, Decoded> {
  const resources = new Map<string, Decoded>();
  const directory = new URL(`${scenario}/${node}/`, ROOT);
  for (const file of Deno.readDirSync(directory)) {
    if (!file.name.endsWith(`-${type}.binpb`)) continue;
    const bytes = Deno.readFileSync(new URL(file.name, directory));
    const response = decode("envoy.service.discovery.v3.DeltaDiscoveryResponse", bytes);
    for (const resource of response.resources ?? []) resources.set(resource.name ?? "", expand(resource.resource));
  }
  return resources;
}

/** What FakeIstiod generates for the same configuration and node, by resource name. */
export function generated(
  scenario: string,
  node: string,
  type: keyof typeof SHORT,
  without: RegExp,
  outboundTrafficPolicy: "ALLOW_ANY" | "REGISTRY_ONLY" = "ALLOW_ANY",
): Map<string, Decoded> {
  const resources = generatedBytes(scenario, node, type, without, outboundTrafficPolicy);
  return new Map([...resources].map(([name, value]) => [name, expand({ typeUrl: SHORT[type], value })]));
}

/** The same, as it goes over the wire. */
export function generatedBytes(
  scenario: string,
  node: string,
  type: keyof typeof SHORT,
  without: RegExp,
  outboundTrafficPolicy: "ALLOW_ANY" | "REGISTRY_ONLY" = "ALLOW_ANY",
): Map<string, Uint8Array> {
  const store = new ObjectStore();
  store.apply(scenarioYaml(scenario, without));
  const view = new MeshView(store, {
    trustDomain: "cluster.local",
    domain: "cluster.local",
    rootNamespace: "istio-system",
    outboundTrafficPolicy,
    clusterId: "Kubernetes",
  });
  const manifest = JSON.parse(Deno.readTextFileSync(new URL(`${scenario}/${node}/manifest.json`, ROOT)));
  const proxy = parseProxyNode({ id: manifest.nodeInfo.id, metadata: jsonToStruct(manifest.nodeInfo.metadata) });
  const names = recorded(scenario, node, type).keys();
  const resources = generate({ view, node: proxy }, SHORT[type], names) ?? [];
  return new Map(resources.map(({ name, value }) => [name, value]));
}

/** Unpacks every `Any` of a decoded message. */
export function expand(value: unknown): Decoded {
  if (value instanceof Uint8Array) return value.toHex();
  if (Array.isArray(value)) return value.map(expand);
  if (typeof value !== "object" || value === null) return value as Decoded;
  const any = value as { typeUrl?: unknown; value?: unknown };
  if (typeof any.typeUrl === "string" && (any.value === undefined || any.value instanceof Uint8Array)) {
    const name = messageName(any.typeUrl);
    const bytes = any.value ?? new Uint8Array();
    if (isKnownMessage(name)) return { "@type": name, message: expand(decode(name, bytes)) };
    return { "@type": name, bytes: bytes.toHex() };
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expand(item)]));
}

/** Every place where two decoded values differ, as `path: recorded -> generated`. */
export function differences(recording: Decoded | undefined, fake: Decoded | undefined, path = ""): string[] {
  if (
    recording === undefined || fake === undefined || typeof recording !== "object" || typeof fake !== "object" ||
    recording === null || fake === null || Array.isArray(recording) !== Array.isArray(fake)
  ) {
    if (recording === fake) return [];
    return [`${path}: ${JSON.stringify(recording)} -> ${JSON.stringify(fake)}`];
  }
  const a = recording as Record<string, Decoded>;
  const b = fake as Record<string, Decoded>;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) =>
    differences(a[key], b[key], path === "" ? key : `${path}.${key}`)
  );
}
