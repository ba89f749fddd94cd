import { toByteString } from "../matcher/byte_string.ts";
import type { AdminView, CertificateView } from "./admin_view.ts";
import type { DumpItem } from "./config_dump_sections.ts";
import { isoTime } from "./iso_time.ts";
import type { Writable } from "./json_writer.ts";

const SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
/** As Envoy writes it in place of a key. */
const REDACTED = btoa("[redacted]");

/** The secrets of `/config_dump`: our certificate, its key left out, and the roots, all of a name as one. */
export function* secretItems(view: AdminView, matches: (name: string) => boolean): Generator<DumpItem> {
  const byName = Map.groupBy(view.certificates(), ({ name }) => name);
  for (const [name, certificates] of byName) if (matches(name)) yield secret(name, certificates);
}

function secret(name: string, certificates: readonly CertificateView[]): DumpItem {
  const [first] = certificates;
  const pem = certificates.map(({ pem }) => pem).join("");
  const inline = { inline_bytes: btoa(toByteString(pem)) };
  return new Map<string, Writable>([
    ["name", name],
    ["version_info", first!.serialNumber],
    ["last_updated", isoTime(first!.notBefore)],
    ["secret", {
      "@type": SECRET,
      name,
      ...(first!.kind === "root"
        ? { validation_context: { trusted_ca: inline } }
        : { tls_certificate: { certificate_chain: inline, private_key: { inline_bytes: REDACTED } } }),
    }],
  ]);
}
