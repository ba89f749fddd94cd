import type { Json } from "../protobuf/well_known.ts";
import { type Gathered, jsonVariable } from "./gather.ts";
import type { WorkloadOptions } from "./join_options.ts";
import { isObject, type JsonObject } from "./proxy_config.ts";
import { fromOption, type Settings } from "./settings.ts";
import { readDnsName, readIp, readLabel, readText } from "./values.ts";
import { METADATA_VARIABLES } from "./variables.ts";

/** Who this workload is, as istiod and the metrics will call it. */
export interface Workload {
  /** Name of this instance (the pod). */
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Name of what this is an instance of (the Deployment). */
  readonly workloadName: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Empty when nothing says: the local address of the connection to istiod is used then. */
  readonly ips: readonly string[];
  readonly clusterId: string;
  readonly meshId: string;
  readonly dnsDomain: string;
  readonly network: string | null;
  readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string } | null;
  readonly owner: string | null;
  readonly nodeName: string | null;
  /** Everything else to tell istiod, by metadata key. */
  readonly metadata: Readonly<JsonObject>;
}

const CANONICAL_NAME = "service.istio.io/canonical-name";
const CANONICAL_REVISION = "service.istio.io/canonical-revision";

/** Decides who this workload is. Reports what is missing or malformed; the result is then not to be used. */
export function resolveWorkload(
  options: WorkloadOptions,
  gathered: Gathered,
  settings: Settings,
  trustDomain: string,
  meshId: string | undefined,
): Workload {
  const { env } = gathered;
  for (const name of METADATA_VARIABLES) env.get(name);
  const variable = (name: string) => ({ value: env.get(name), origin: `variable '${name}'` });
  const either = <T>(option: keyof WorkloadOptions, name: string, read: (value: unknown) => T) =>
    settings.choose(`workload ${option}`, [fromOption(`workload.${option}`, options[option]), variable(name)], read);
  const missing = (setting: keyof WorkloadOptions, name: string, ...others: readonly string[]) => {
    if (settings.rejected(`workload ${setting}`)) return "";
    const unread = [name, ...others].filter((variable) => env.skipped.includes(variable));
    const denied = unread.length > 0 ? `, or run with --allow-env=${unread.join(",")}` : "";
    settings.report(
      `workload ${setting}`,
      `Cannot join without it: neither option 'workload.${setting}' nor variable '${name}' is set`,
      `Set one of them, in a pod by the downward API${denied}`,
    );
    return "";
  };

  const namespace = settings.choose("workload namespace", [
    fromOption("workload.namespace", options.namespace),
    variable("POD_NAMESPACE"),
    { value: gathered.namespace, origin: "service account files" },
  ], readLabel) ?? missing("namespace", "POD_NAMESPACE");
  const name = settings.choose("workload name", [
    fromOption("workload.name", options.name),
    variable("POD_NAME"),
    variable("HOSTNAME"),
  ], readDnsName) ?? missing("name", "POD_NAME", "HOSTNAME");

  const metadata = readMetadata(gathered, settings);
  const labels = resolveLabels(options, gathered, settings, metadata);
  const workloadName = either("workloadName", "ISTIO_META_WORKLOAD_NAME", readText) ?? labels[CANONICAL_NAME] ??
    labels.app ?? name;
  labels[CANONICAL_NAME] ??= labels["app.kubernetes.io/name"] ?? labels.app ?? workloadName;
  labels[CANONICAL_REVISION] ??= labels["app.kubernetes.io/version"] ?? labels.version ?? "latest";

  const revision = either("revision", "ISTIO_META_ISTIO_REVISION", readText);
  const group = either("autoRegisterGroup", "ISTIO_META_AUTO_REGISTER_GROUP", readDnsName);
  return {
    name,
    namespace,
    serviceAccount: settings.chooseOr(
      "workload serviceAccount",
      [
        fromOption("workload.serviceAccount", options.serviceAccount),
        variable("SERVICE_ACCOUNT"),
      ],
      readDnsName,
      "default",
    ),
    workloadName,
    labels,
    ips: readIps(options, gathered, settings),
    clusterId: either("clusterId", "ISTIO_META_CLUSTER_ID", readText) ?? "Kubernetes",
    meshId: settings.choose("mesh id", [
      fromOption("meshId", meshId),
      variable("ISTIO_META_MESH_ID"),
    ], readText) ?? trustDomain,
    dnsDomain: settings.choose("workload dnsDomain", [
      fromOption("workload.dnsDomain", options.dnsDomain),
    ], readDnsName) ?? "cluster.local",
    network: either("network", "ISTIO_META_NETWORK", readText) ?? null,
    locality: settings.choose("workload locality", [
      fromOption("workload.locality", options.locality),
    ], readLocality) ?? null,
    owner: either("owner", "ISTIO_META_OWNER", readText) ?? null,
    nodeName: either("nodeName", "ISTIO_META_NODE_NAME", readText) ?? null,
    metadata: {
      ...metadata,
      ...(revision === undefined ? {} : { ISTIO_REVISION: revision }),
      ...(group === undefined ? {} : { AUTO_REGISTER_GROUP: group }),
      ...options.metadata,
    },
  };
}

/** `ISTIO_META_*` as texts, `ISTIO_METAJSON_*` as JSON. */
function readMetadata(gathered: Gathered, settings: Settings): JsonObject {
  const metadata: JsonObject = {};
  for (const [name, value] of Object.entries(gathered.env.list("ISTIO_META_"))) {
    metadata[name.slice("ISTIO_META_".length)] = value;
  }
  for (const [name, text] of Object.entries(gathered.env.list("ISTIO_METAJSON_"))) {
    const value = jsonVariable(settings, name, text);
    if (value !== undefined) metadata[name.slice("ISTIO_METAJSON_".length)] = value;
  }
  return metadata;
}

function resolveLabels(
  options: WorkloadOptions,
  gathered: Gathered,
  settings: Settings,
  metadata: JsonObject,
): Record<string, string> {
  const labels: Record<string, string> = {};
  const add = (from: Readonly<Record<string, Json | undefined>>, origin: string) => {
    for (const [key, value] of Object.entries(from)) {
      if (typeof value === "string") labels[key] = value;
      else {settings.report(
          origin,
          `Cannot use label '${key}': expected a text, current value is '${JSON.stringify(value)}'`,
        );}
    }
  };
  // Outside of a pod no injector has said that we take mutual TLS.
  if (gathered.labels === null) labels["security.istio.io/tlsMode"] = "istio";
  add(gathered.labels ?? {}, "downward API");
  const { env } = gathered;
  const canonical = {
    [CANONICAL_NAME]: env.get("CANONICAL_SERVICE"),
    [CANONICAL_REVISION]: env.get("CANONICAL_REVISION"),
  };
  for (const [key, value] of Object.entries(canonical)) if (value) labels[key] = value;
  const { LABELS } = metadata;
  if (isObject(LABELS)) add(LABELS, "variable 'ISTIO_METAJSON_LABELS'");
  else if (LABELS !== undefined) {
    settings.report("variable 'ISTIO_METAJSON_LABELS'", "Cannot use it: expected an object");
  }
  add(options.labels ?? {}, "option 'workload.labels'");
  return labels;
}

function readIps(options: WorkloadOptions, gathered: Gathered, settings: Settings): string[] {
  const list = (value: unknown): string[] => {
    const texts = typeof value === "string" ? value.split(",").map((text) => text.trim()) : value;
    if (!Array.isArray(texts)) return [readIp(value)];
    return texts.filter((text) => text !== "").map(readIp);
  };
  return settings.choose("workload ips", [
    fromOption("workload.ips", options.ips),
    { value: gathered.env.get("INSTANCE_IPS"), origin: "variable 'INSTANCE_IPS'" },
    { value: gathered.env.get("INSTANCE_IP"), origin: "variable 'INSTANCE_IP'" },
  ], list) ?? [];
}

function readLocality(value: unknown): { region: string; zone: string; subZone: string } {
  const parts = readText(value).split("/");
  if (parts.length > 3 || parts[0] === "") {
    throw new TypeError(`Expected region/zone/subzone, current value is '${value}'`);
  }
  return { region: parts[0]!, zone: parts[1] ?? "", subZone: parts[2] ?? "" };
}
