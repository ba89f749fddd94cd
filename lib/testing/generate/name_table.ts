import { encode } from "../../protobuf/registry.ts";
import type { GenerateContext, GeneratedResource } from "./context.ts";

/** The one NameTable: each service with its address, headless ones with those of their pods. */
export function nameTable({ view }: GenerateContext): GeneratedResource {
  const table: Record<string, { ips: string[]; registry: string; shortname: string; namespace: string }> = {};
  for (const service of view.services) {
    const ips = service.address !== null
      ? [service.address]
      : [...new Set(service.ports.flatMap((port) => view.endpoints(service, port).map((item) => item.address)))];
    if (ips.length === 0) continue;
    table[service.hostname] = { ips, registry: "Kubernetes", shortname: service.name, namespace: service.namespace };
  }
  return { name: "", value: encode("istio.networking.nds.v1.NameTable", { table }) };
}
