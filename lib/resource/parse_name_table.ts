import type { IstioNetworkingNdsV1NameTable } from "../protobuf/gen/messages.ts";
import type { ParseResult } from "./common.ts";
import { parseIp } from "./ip_address.ts";
import type { Issues } from "./issues.ts";
import type { NameTable } from "./name_table.ts";
import { parseMessage } from "./parse_common.ts";

/** Reads `istio.networking.nds.v1.NameTable` as a workload of `clientNamespace` sees it. */
export function parseNameTable(bytes: Uint8Array, clientNamespace: string): ParseResult<NameTable> {
  return parseMessage(
    "istio.networking.nds.v1.NameTable",
    bytes,
    (issues, message) => new DecodedNameTable(readEntries(issues, message), clientNamespace.toLowerCase()),
  );
}

/** The table before one arrived. */
export const EMPTY_NAME_TABLE: NameTable = { lookup: () => null, names: () => [] };

interface Entry {
  readonly ips: readonly string[];
  /** Of Kubernetes names: `name.namespace`, by which the short forms are found; `null` for all others. */
  readonly shortName: string | null;
}

function readEntries(issues: Issues, message: IstioNetworkingNdsV1NameTable): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const [host, info] of Object.entries(message.table ?? {})) {
    for (const ip of info.ips ?? []) {
      if (parseIp(ip) === null) issues.invalid(`table[${host}].ips`, "it must hold IP addresses", ip);
    }
    const kubernetes = info.registry === "Kubernetes" && info.shortname && info.namespace;
    entries.set(normalize(host), {
      ips: info.ips ?? [],
      shortName: kubernetes ? `${info.shortname}.${info.namespace}`.toLowerCase() : null,
    });
  }
  return entries;
}

function normalize(host: string): string {
  const lower = host.toLowerCase();
  return lower.endsWith(".") ? lower.slice(0, -1) : lower;
}

class DecodedNameTable implements NameTable {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #clientNamespace: string;
  /** What follows `.svc.` in the names of Kubernetes services: one domain, in all but strange meshes. */
  readonly #domains: readonly string[];

  constructor(entries: ReadonlyMap<string, Entry>, clientNamespace: string) {
    this.#entries = entries;
    this.#clientNamespace = clientNamespace;
    const domains = new Set<string>();
    for (const [host, { shortName }] of entries) {
      if (shortName !== null && host.startsWith(`${shortName}.svc.`)) {
        domains.add(host.slice(shortName.length + ".svc.".length));
      }
    }
    this.#domains = [...domains];
  }

  lookup(host: string): readonly string[] | null {
    const name = normalize(host);
    return (this.#entries.get(name) ?? this.#lookupShort(name) ?? this.#lookupWildcard(name))?.ips ?? null;
  }

  names(): Iterable<string> {
    return this.#entries.keys();
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
        const entry = this.#entries.get(`${shortName}.svc.${domain}`);
        if (entry?.shortName === shortName) return entry;
      }
    }
    return undefined;
  }

  /** The nearest `*.suffix`, as Istio's DNS proxy resolves wildcard hosts of ServiceEntries. */
  #lookupWildcard(name: string): Entry | undefined {
    for (let dot = name.indexOf("."); dot !== -1; dot = name.indexOf(".", dot + 1)) {
      const entry = this.#entries.get(`*${name.slice(dot)}`);
      if (entry !== undefined) return entry;
    }
    return undefined;
  }
}
