import type { StringMatch } from "./common.ts";

/** Where certificates come from: an SDS name, PEM given in place, or files. */
export type SecretSource =
  | { readonly kind: "sds"; readonly name: string }
  | { readonly kind: "inline"; readonly chain: string; readonly key: string }
  | { readonly kind: "file"; readonly chainPath: string; readonly keyPath: string };

/** Where trusted roots come from. */
export type TrustSource =
  | { readonly kind: "sds"; readonly name: string }
  | { readonly kind: "inline"; readonly pem: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "system" };

/** How the peer is checked. */
export interface PeerValidation {
  /** `null` trusts any chain: only where the configuration says so (`insecureSkipVerify`). */
  readonly trust: TrustSource | null;
  /** One of them must match one SAN of that type; empty accepts every SAN. */
  readonly subjectAltNames: readonly {
    readonly type: "uri" | "dns" | "ip" | "email" | "any";
    readonly match: StringMatch;
  }[];
}

/** `UpstreamTlsContext` or `DownstreamTlsContext`. */
export interface TlsContext {
  readonly certificates: readonly SecretSource[];
  readonly validation: PeerValidation | null;
  readonly alpn: readonly string[];
  readonly minVersion: "TLSv1.2" | "TLSv1.3" | null;
  readonly maxVersion: "TLSv1.2" | "TLSv1.3" | null;
  /** Upstream: the server name to send; empty for none. */
  readonly sni: string;
  /** Upstream: take SNI and the expected SAN from the request's host. */
  readonly autoSni: boolean;
  readonly autoSanValidation: boolean;
  /** Upstream: send the endpoint's host name, where it has one, instead of `sni`. @default {false} */
  readonly autoHostSni?: boolean;
  /** Upstream: the certificate must be for the server name that was sent, whatever else is configured. @default {false} */
  readonly autoSniSanValidation?: boolean;
  /** Downstream: refuse peers without a certificate. */
  readonly requireClientCertificate: boolean;
}
