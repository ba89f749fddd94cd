/** What enmesh shows of itself otherwise than Envoy, each with its reason; everything else is the same. */
import type { Json } from "../../lib/protobuf/well_known.ts";
import type { Table } from "./istioctl.ts";

/** A difference that is meant to be there. */
interface Accepted<Where> {
  readonly where: Where;
  readonly reason: string;
}

const ROWS: Readonly<Partial<Record<Table, readonly Accepted<RegExp>[]>>> = {
  cluster: [{
    where: /^(xds-grpc|sds-grpc) /,
    reason: "clusters of Envoy's bootstrap: enmesh speaks to istiod and makes its secrets without clusters",
  }],
  eds: [{ where: / (xds-grpc|sds-grpc)$/, reason: "endpoints of those" }],
  endpoint: [{ where: / (xds-grpc|sds-grpc)$/, reason: "endpoints of those" }],
};

const MEMBERS: readonly Accepted<RegExp>[] = [
  { where: /^BootstrapConfigDump/, reason: "enmesh has no bootstrap file; the node is compared by its table" },
  { where: /^ScopedRoutesConfigDump/, reason: "Istio has no scoped routes, the section is empty" },
  { where: /static_clusters|static_endpoint_configs/, reason: "see the rows: clusters of the bootstrap" },
  { where: /last_updated$/, reason: "the two were not configured in the same millisecond" },
  {
    where: /version_info$/,
    reason: "Envoy shows the version of each resource, which istiod leaves empty; enmesh shows that of the push",
  },
];

/** Envoy keeps the routes that listeners hold in place by their address in memory: their order means nothing. */
const UNORDERED: ReadonlySet<Table> = new Set(["route"]);

/** The rows of a table that both must have, without what depends on the widths of columns. */
export function acceptRows(table: Table, text: string): string[] {
  const accepted = ROWS[table] ?? [];
  const rows = text.split("\n")
    .map((line) => line.trimEnd().replace(/ {2,}/g, "  "))
    .filter((line) => line !== "" && !accepted.some(({ where }) => where.test(line)));
  return UNORDERED.has(table) ? rows.sort() : rows;
}

const LINES: readonly Accepted<RegExp>[] = [
  { where: /^(xds-grpc|sds-grpc)::/, reason: "see the rows: clusters of the bootstrap" },
  {
    where: /::(cx_\w+|rq_error|rq_pending_active|rq_success|rq_timeout)::/,
    reason: "not counted for each endpoint here: requests under way and in total are",
  },
];

/**
 * The lines of a page that both must have, sorted and each once: Envoy's order is that of its hash tables, and it lists
 * the same certificate again for each TLS context.
 */
export function acceptLines(text: string): string[] {
  // Envoy escapes '<' and '>' in JSON.
  const plain = text.startsWith("{") ? JSON.stringify(JSON.parse(text), null, 1) : text;
  const lines = plain.split("\n").filter((line) => !LINES.some(({ where }) => where.test(line)));
  return [...new Set(lines.map((line) => line.replace(/,$/, "")))].sort();
}

/** Paths at which two dumps differ, without accepted ones. Lists of resources are compared by name. */
export function compareDumps(ours: { configs: Json[] }, theirs: { configs: Json[] }): string[] {
  const differences: string[] = [];
  const compare = (a: Json | undefined, b: Json | undefined, path: string): void => {
    if (MEMBERS.some(({ where }) => where.test(path))) return;
    if (isContainer(a) && isContainer(b) && Array.isArray(a) === Array.isArray(b)) {
      const [left, right] = [membersOf(a), membersOf(b)];
      for (const key of new Set([...left.keys(), ...right.keys()])) {
        compare(left.get(key), right.get(key), `${path}.${key}`);
      }
    } else if (a !== b) differences.push(`${path}: ${shorten(a)} here, ${shorten(b)} in Envoy`);
  };
  const [left, right] = [sectionsOf(ours.configs), sectionsOf(theirs.configs)];
  for (const name of new Set([...left.keys(), ...right.keys()])) compare(left.get(name), right.get(name), name);
  return differences;
}

type Container = Json[] | { [key: string]: Json };

function isContainer(json: Json | undefined): json is Container {
  return typeof json === "object" && json !== null;
}

function sectionsOf(configs: readonly Json[]): Map<string, Json> {
  return new Map(
    configs.map((config) => [String((config as Container & { "@type": Json })["@type"]).split(".").at(-1)!, config]),
  );
}

/** Members by key; items of a list of resources by name, those of other lists by place. */
function membersOf(container: Container): Map<string, Json> {
  if (!Array.isArray(container)) return new Map(Object.entries(container));
  const count = new Map<string, number>();
  return new Map(container.map((item, index) => {
    const name = nameOf(item);
    if (name === null) return [String(index), item];
    const nth = count.get(name) ?? 0;
    count.set(name, nth + 1);
    return [`${name}#${nth}`, item];
  }));
}

const RESOURCES = ["cluster", "endpoint_config", "route_config", "secret"];

function nameOf(item: Json): string | null {
  if (!isContainer(item) || Array.isArray(item)) return null;
  if ("active_state" in item) return String(item.name);
  const key = RESOURCES.find((key) =>
    isContainer(item[key]) && "last_updated" in item || key === "endpoint_config" && key in item
  );
  if (key === undefined) return null;
  const resource = item[key] as { [key: string]: Json };
  return String(resource.name ?? resource.cluster_name);
}

function shorten(json: Json | undefined): string {
  return (JSON.stringify(json) ?? "nothing").slice(0, 200);
}
