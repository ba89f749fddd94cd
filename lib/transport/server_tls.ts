import { compileStringMatch } from "../matcher/string_matcher.ts";
import type { TlsContext } from "../resource/tls_context.ts";
import { acceptAnyPeer, compileSanRule } from "./peer_rules.ts";
import type { PeerRule } from "./peer_verification.ts";
import type { SecretProvider, TlsCertificate, TrustBundle } from "./secret_provider.ts";
import type { ServerTls } from "./tls_options.ts";

/** TLS settings of a server, or why there are none: a connection is then refused, never served without TLS. */
export type ServerTlsResult =
  | { readonly ok: true; readonly tls: ServerTls }
  | { readonly ok: false; readonly reason: string };

/**
 * Turns TLS contexts of filter chains into what the acceptor takes, with the secrets of this moment: a rotated
 * certificate is shown to the next connection.
 */
export class ServerTlsFactory {
  readonly #secrets: SecretProvider;
  readonly #rules = new WeakMap<TlsContext, PeerRule>();

  /** @param secrets Secrets by SDS name. */
  constructor(secrets: SecretProvider) {
    this.#secrets = secrets;
  }

  /**
   * @param context The context of the filter chain.
   * @param handshakeTimeoutMs `transport_socket_connect_timeout`; `null` for the default.
   */
  create(context: TlsContext, handshakeTimeoutMs: number | null): ServerTlsResult {
    const certificate = this.#certificate(context);
    if (typeof certificate === "string") return { ok: false, reason: certificate };
    const trust = this.#trust(context);
    if (typeof trust === "string") return { ok: false, reason: trust };
    return {
      ok: true,
      tls: {
        certificate,
        trust,
        requireClientCertificate: context.requireClientCertificate,
        acceptSans: this.#rule(context),
        alpn: context.alpn,
        minVersion: context.minVersion,
        maxVersion: context.maxVersion,
        ...(handshakeTimeoutMs === null ? {} : { handshakeTimeoutMs }),
      },
    };
  }

  #certificate(context: TlsContext): TlsCertificate | string {
    const source = context.certificates[0];
    if (source?.kind === "sds") {
      return this.#secrets.certificate(source.name) ??
        `the certificate '${source.name}' is not there or has expired; check the connection to the mesh's CA`;
    }
    if (source?.kind === "file") {
      const name = `file-cert:${source.chainPath}~${source.keyPath}`;
      return this.#secrets.certificate(name) ?? `the certificate file '${source.chainPath}' cannot be used`;
    }
    return "the filter chain's TLS context names no certificate that this version can use";
  }

  #trust(context: TlsContext): TrustBundle | null | string {
    const source = context.validation?.trust ?? null;
    if (source === null) {
      return context.requireClientCertificate
        ? "the filter chain requires a client certificate and names no root to check it by"
        : null;
    }
    const name = source.kind === "sds" ? source.name : source.kind === "file" ? `file-root:${source.path}` : null;
    if (name === null) return `roots of kind '${source.kind}' are not supported for servers`;
    return this.#secrets.trustBundle(name) ?? `the trust bundle '${name}' is not there; no client can be verified`;
  }

  #rule(context: TlsContext): PeerRule {
    let rule = this.#rules.get(context);
    if (rule === undefined) {
      const sans = context.validation?.subjectAltNames ?? [];
      rule = sans.length === 0 ? acceptAnyPeer : compileSanRule(sans, compileStringMatch);
      this.#rules.set(context, rule);
    }
    return rule;
  }
}
