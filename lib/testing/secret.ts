import type { EnvoyExtensionsTransport_socketsTlsV3Secret as Secret } from "../protobuf/gen/messages.ts";
import type { PushedResource } from "./discovery/discovery_service.ts";

/** What a Secret that a `credentialName` refers to holds, PEM. */
export interface FakeSecret {
  /** `tls.crt` (or `cert`): leaf first. @default {none} */
  readonly chain?: string;
  /** `tls.key` (or `key`). @default {none} */
  readonly key?: string;
  /** `ca.crt` (or `cacert`): served under the name with `-cacert` at its end. @default {none} */
  readonly roots?: string;
}

/** The resources istiod serves for a Secret: `kubernetes://NAME`, `kubernetes://NAME-cacert`, or both. */
export function secretResources(name: string, { chain, key, roots }: FakeSecret): PushedResource[] {
  const bytes = (pem: string) => ({ inlineBytes: new TextEncoder().encode(pem) });
  const resources: { name: string; value: Secret }[] = [];
  if (chain !== undefined && key !== undefined) {
    const full = `kubernetes://${name}`;
    const tlsCertificate = { certificateChain: bytes(chain), privateKey: bytes(key) };
    resources.push({ name: full, value: { name: full, tlsCertificate } });
  }
  if (roots !== undefined) {
    const full = `kubernetes://${name}-cacert`;
    resources.push({ name: full, value: { name: full, validationContext: { trustedCa: bytes(roots) } } });
  }
  return resources;
}
