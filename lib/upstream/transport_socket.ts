import { compileStringMatch } from "../matcher/string_matcher.ts";
import type { Cluster, TransportSocket } from "../resource/cluster.ts";
import type { Endpoint } from "../resource/endpoint.ts";
import type { SecretSource, TlsContext, TrustSource } from "../resource/tls_context.ts";
import { compileSanRule, matchHostname } from "../transport/peer_rules.ts";
import type { PeerRule } from "../transport/peer_verification.ts";
import { formatPem, pemBlocks } from "../transport/pem.ts";
import type { SecretProvider, TlsCertificate, TrustBundle } from "../transport/secret_provider.ts";
import type { ClientTls, ClientTrust } from "../transport/tls_options.ts";
import { ConnectError } from "./connect_error.ts";
import { isIpAddress } from "./dns_resolver.ts";
import { secretNames } from "./secret_names.ts";

/**
 * The transport to an endpoint: the first `transport_socket_matches` entry whose labels are all in the endpoint's
 * `envoy.transport_socket_match` metadata, else the cluster's own (Istio's automatic mutual TLS).
 */
export function selectTransportSocket(cluster: Cluster, endpoint: Endpoint): TransportSocket {
  return matchTransportSocket(cluster, endpoint.metadata["envoy.transport_socket_match"] ?? {});
}

/** The first `transport_socket_matches` entry whose labels are all among those given, else the cluster's own. */
export function matchTransportSocket(cluster: Cluster, labels: Readonly<Record<string, unknown>>): TransportSocket {
  for (const { match, socket } of cluster.transportSocketMatches) {
    if (Object.entries(match).every(([key, value]) => labels[key] === value)) return socket;
  }
  return cluster.transportSocket;
}

/** What a connection adds to a TLS context. */
export interface ConnectionTls {
  /** ALPN list instead of the context's; `null` for the context's. */
  readonly alpn: readonly string[] | null;
  /** Host of the request, for connections that take SNI and the expected name from it. */
  readonly hostname: string;
  /** Host name of the endpoint, where it has one; for `auto_host_sni`. @default {""} */
  readonly endpointHostname?: string;
  /** `auto_sni` of the cluster: the host name is sent whatever the context says. @default {false} */
  readonly autoSni?: boolean;
  /** `auto_san_validation` of the cluster: the certificate must name the host. @default {false} */
  readonly autoSanValidation?: boolean;
}

/**
 * Turns TLS contexts of clusters into what the connector takes, with the secrets of this moment: a rotated certificate
 * is used by the next connection. Fails closed: a secret that is missing is an error, never plaintext.
 */
export class ClientTlsFactory {
  readonly #secrets: SecretProvider;
  readonly #rules = new WeakMap<TlsContext, PeerRule>();
  /** Secrets given in place. They keep their identity, by which secure contexts are cached. */
  readonly #certificates = new WeakMap<SecretSource, TlsCertificate>();
  readonly #bundles = new WeakMap<TrustSource, TrustBundle>();

  /** @param secrets Secrets by SDS name. */
  constructor(secrets: SecretProvider) {
    this.#secrets = secrets;
  }

  /** Settles when every secret of a context that was only just asked for has been answered; `null` without any. */
  ready(context: TlsContext): Promise<unknown> | null {
    const { discovery } = this.#secrets;
    if (discovery === undefined || discovery === null) return null;
    const waits = secretNames(context).map((name) => discovery.firstAnswer(name)).filter((wait) => wait !== null);
    return waits.length === 0 ? null : Promise.all(waits);
  }

  /**
   * @param context The context.
   * @param connection What this connection adds.
   * @throws {ConnectError} When a secret is not there.
   */
  create(context: TlsContext, connection: ConnectionTls): ClientTls {
    const sni = serverName(context, connection);
    return {
      certificate: this.#certificate(context),
      trust: this.#trust(context),
      acceptSans: context.autoSniSanValidation === true && sni !== ""
        ? matchHostname(sni)
        : this.#rule(context, connection),
      alpn: connection.alpn ?? context.alpn,
      sni,
      minVersion: context.minVersion,
      maxVersion: context.maxVersion,
    };
  }

  #certificate(context: TlsContext): TlsCertificate | null {
    const source = context.certificates[0];
    if (source === undefined) return null;
    switch (source.kind) {
      case "sds":
        return this.#secrets.certificate(source.name) ?? missing("certificate", source.name);
      case "file":
        return this.#secrets.certificate(`file-cert:${source.chainPath}~${source.keyPath}`) ??
          missing("certificate", source.chainPath);
      case "inline": {
        let certificate = this.#certificates.get(source);
        if (certificate === undefined) {
          const { chain, key } = source;
          certificate = { chain, key, spiffeId: null, notBefore: 0, notAfter: Infinity, version: 0 };
          this.#certificates.set(source, certificate);
        }
        return certificate;
      }
    }
  }

  #trust(context: TlsContext): ClientTrust {
    // Only a context that says so verifies nothing (`insecureSkipVerify` arrives as an empty validation context).
    const source = context.validation === null ? null : context.validation.trust;
    if (source === null) {
      const expectsNames = (context.validation?.subjectAltNames.length ?? 0) > 0 ||
        context.autoSniSanValidation === true;
      if (!expectsNames) return "none";
      // Envoy refuses such a configuration: names in a certificate nobody vouches for prove nothing.
      return missing("trust bundle", "of a context that expects names");
    }
    switch (source.kind) {
      case "system":
        return "system";
      case "sds":
        return this.#secrets.trustBundle(source.name) ?? missing("trust bundle", source.name);
      case "file":
        return this.#secrets.trustBundle(`file-root:${source.path}`) ?? missing("trust bundle", source.path);
      case "inline": {
        let bundle = this.#bundles.get(source);
        if (bundle === undefined) {
          const roots = pemBlocks(source.pem).filter(({ label }) => label === "CERTIFICATE")
            .map(({ der }) => formatPem("CERTIFICATE", der));
          if (roots.length === 0) return missing("trust bundle", "given in place");
          bundle = { roots, version: 0 };
          this.#bundles.set(source, bundle);
        }
        return bundle;
      }
    }
  }

  #rule(context: TlsContext, connection: ConnectionTls): PeerRule {
    const sans = context.validation?.subjectAltNames ?? [];
    if (connection.autoSanValidation === true || (context.autoSanValidation && sans.length === 0)) {
      return matchHostname(hostOf(connection.hostname));
    }
    let rule = this.#rules.get(context);
    if (rule === undefined) this.#rules.set(context, rule = compileSanRule(sans, compileStringMatch));
    return rule;
  }
}

/** The host of an authority, without port and brackets. */
function hostOf(authority: string): string {
  const colon = authority.lastIndexOf(":");
  const host = colon < 0 || authority.indexOf("]", colon) >= 0 ? authority : authority.slice(0, colon);
  return host.startsWith("[") ? host.slice(1, -1) : host;
}

/** The server name to send: of the request, else of the endpoint, else as configured. */
function serverName(context: TlsContext, connection: ConnectionTls): string {
  if (connection.autoSni === true || (context.autoSni && context.sni === "")) return sniOf(connection.hostname);
  const { endpointHostname = "" } = connection;
  return context.autoHostSni === true && endpointHostname !== "" ? endpointHostname : context.sni;
}

/** The server name for an authority: an IP address is none (RFC 6066). */
function sniOf(authority: string): string {
  const host = hostOf(authority);
  return isIpAddress(host) ? "" : host;
}

function missing(what: string, name: string): never {
  throw new ConnectError(
    "UPSTREAM_CONNECTION_FAILURE",
    `Cannot connect: the ${what} '${name}' has not arrived yet or has expired; ${
      name.includes("://")
        ? "check that the Secret exists where istiod looks for it and that this workload may have it"
        : "check that the certificate authority is reachable"
    }`,
    "remote connection failure",
    "TLS_error:_Secret_is_not_supplied_by_SDS",
  );
}
