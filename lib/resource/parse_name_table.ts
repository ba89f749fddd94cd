import { WireReader } from "../protobuf/wire_reader.ts";
import type { ParseResult } from "./common.ts";
import { parseIp } from "./ip_address.ts";
import { Issues, reasonOf } from "./issues.ts";
import type { NameTable } from "./name_table.ts";

/** Field numbers: `NameTable.table`, `NameInfo.ips`; of `NameInfo` also registry 2, shortname 3, namespace 4. */
const TABLE = 1;
const IPS = 1;
const SERVICE = ".svc.";
const NOTHING: Uint8Array = new Uint8Array();

/** Names with fewer dots are tried with the search list first: `ndots` of a pod's `resolv.conf`. */
const NDOTS = 5;

/**
 * Reads `istio.networking.nds.v1.NameTable` as a workload of `clientNamespace` and `dnsDomain` sees it. All of it is checked; an entry is
 * read when its host is looked up, for an application looks up a handful of ten thousand.
 */
export function parseNameTable(
  bytes: Uint8Array,
  clientNamespace: string,
  dnsDomain = "cluster.local",
): ParseResult<NameTable> {
  const issues = new Issues();
  try {
    const entries = new Map<string, Uint8Array>();
    const reader = new WireReader(bytes);
    while (reader.next()) {
      if (reader.field !== TABLE || reader.wireType !== 2) continue;
      const [host, info] = readMapEntry(reader.inner());
      checkAddresses(issues, host, info);
      entries.set(normalize(host), info);
    }
    return issues.result(new WireNameTable(entries, clientNamespace.toLowerCase(), normalize(dnsDomain)));
  } catch (error) {
    const message = "istio.networking.nds.v1.NameTable";
    return { ok: false, errors: [`Cannot read ${bytes.length} bytes as '${message}': ${reasonOf(error)}`] };
  }
}

/** The table before one arrived. */
export const EMPTY_NAME_TABLE: NameTable = { lookup: () => null, names: () => [] };

interface Entry {
  readonly ips: readonly string[];
  /** Of Kubernetes names: `name.namespace`, by which the short forms are found; `null` for all others. */
  readonly shortName: string | null;
}

function readMapEntry(reader: WireReader): [string, Uint8Array] {
  let host = "";
  let info: Uint8Array = NOTHING;
  while (reader.next()) {
    if (reader.wireType !== 2) continue;
    if (reader.field === 1) host = reader.string();
    else if (reader.field === 2) info = reader.bytes();
  }
  return [host, info];
}

function checkAddresses(issues: Issues, host: string, info: Uint8Array): void {
  const reader = new WireReader(info);
  while (reader.next()) {
    if (reader.field !== IPS || reader.wireType !== 2) continue;
    const ip = reader.string();
    if (parseIp(ip) === null) issues.invalid(`table[${host}].ips`, "it must hold IP addresses", ip);
  }
}

function readInfo(info: Uint8Array): Entry {
  const ips: string[] = [];
  let registry = "";
  let shortName = "";
  let namespace = "";
  const reader = new WireReader(info);
  while (reader.next()) {
    if (reader.wireType !== 2) continue;
    switch (reader.field) {
      case IPS:
        ips.push(reader.string());
        break;
      case 2:
        registry = reader.string();
        break;
      case 3:
        shortName = reader.string();
        break;
      case 4:
        namespace = reader.string();
        break;
    }
  }
  const kubernetes = registry === "Kubernetes" && shortName !== "" && namespace !== "";
  return { ips, shortName: kubernetes ? `${shortName}.${namespace}`.toLowerCase() : null };
}

function normalize(host: string): string {
  const lower = host.toLowerCase();
  return lower.endsWith(".") ? lower.slice(0, -1) : lower;
}

class WireNameTable implements NameTable {
  readonly #entries: ReadonlyMap<string, Uint8Array>;
  readonly #clientNamespace: string;
  /** What follows `.svc.` in the names of Kubernetes services: one domain, in all but strange meshes. */
  readonly #domains: readonly string[];
  /** A pod's search list. */
  readonly #search: readonly string[];

  constructor(entries: ReadonlyMap<string, Uint8Array>, clientNamespace: string, dnsDomain: string) {
    this.#search = [`${clientNamespace}.svc.${dnsDomain}`, `svc.${dnsDomain}`, dnsDomain];
    this.#entries = entries;
    this.#clientNamespace = clientNamespace;
    const domains = new Set<string>();
    for (const host of entries.keys()) {
      const at = host.indexOf(SERVICE);
      if (at !== -1) domains.add(host.slice(at + SERVICE.length));
    }
    this.#domains = [...domains];
  }

  lookup(host: string): readonly string[] | null {
    const name = normalize(host);
    const searched = host.endsWith(".") ? undefined : this.#lookupSearched(name);
    return (searched ?? this.#entry(name) ?? this.#lookupShort(name) ?? this.#lookupWildcard(name))?.ips ?? null;
  }

  names(): Iterable<string> {
    return this.#entries.keys();
  }

  #entry(host: string): Entry | undefined {
    const info = this.#entries.get(host);
    return info === undefined ? undefined : readInfo(info);
  }

  /** `name` (of the client's own namespace), `name.namespace`, `name.namespace.svc`: only of Kubernetes names. */
  #lookupShort(name: string): Entry | undefined {
    if (name === "") return undefined;
    // The order of a pod's search list: its own namespace comes first.
    const qualified = name.endsWith(".svc")
      ? [name.slice(0, -".svc".length)]
      : [`${name}.${this.#clientNamespace}`, name];
    for (const shortName of qualified) {
      for (const domain of this.#domains) {
        const entry = this.#entry(`${shortName}.svc.${domain}`);
        if (entry?.shortName === shortName) return entry;
      }
    }
    return undefined;
  }

  /** As the resolver of a pod does with a name that is not absolute: each suffix of its search list, in order. */
  #lookupSearched(name: string): Entry | undefined {
    if (name === "" || name.split(".", NDOTS + 1).length > NDOTS) return undefined;
    for (const suffix of this.#search) {
      const full = `${name}.${suffix}`;
      const entry = this.#entry(full) ?? this.#lookupWildcard(full);
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  /** The nearest `*.suffix`, as Istio's DNS proxy resolves wildcard hosts of ServiceEntries. */
  #lookupWildcard(name: string): Entry | undefined {
    for (let dot = name.indexOf("."); dot !== -1; dot = name.indexOf(".", dot + 1)) {
      const entry = this.#entry(`*${name.slice(dot)}`);
      if (entry !== undefined) return entry;
    }
    return undefined;
  }
}
