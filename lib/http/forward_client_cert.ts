import type { HttpConnectionManager } from "../resource/http_connection_manager.ts";
import type { ConnectionInfo } from "../transport/byte_stream.ts";
import type { HeaderList } from "./header_list.ts";

const HEADER = "x-forwarded-client-cert";

/** What of a connection manager says how the header is treated. */
export type ForwardClientCertPolicy = Pick<HttpConnectionManager, "forwardClientCert" | "setCurrentClientCert">;

/**
 * Applies `forward_client_cert_details` to the `x-forwarded-client-cert` header of requests: dropped from callers
 * without a verified certificate (they could write anything), kept, extended or replaced otherwise.
 *
 * @see Envoy `HttpConnectionManager.forward_client_cert_details`.
 */
export class ForwardClientCert {
  readonly #policy: ForwardClientCertPolicy;
  /** Elements of connections: a connection brings many requests and one certificate. */
  readonly #elements = new WeakMap<ConnectionInfo, string>();

  /** @param policy The policy of a connection manager. */
  constructor(policy: ForwardClientCertPolicy) {
    this.#policy = policy;
  }

  /**
   * Treats one request.
   *
   * @param headers Headers of the request; changed in place.
   * @param connection The connection it came in on; `null` for the application's own requests.
   */
  apply(headers: HeaderList, connection: ConnectionInfo | null): void {
    const mode = this.#policy.forwardClientCert;
    if (mode === "always_forward_only") return;
    const peer = connection?.tls?.peer ?? null;
    if (mode === "sanitize" || connection === null || peer === null) {
      headers.delete(HEADER);
      return;
    }
    if (mode === "forward_only") return;
    let element = this.#elements.get(connection);
    if (element === undefined) {
      element = describePeer(connection, this.#policy.setCurrentClientCert);
      this.#elements.set(connection, element);
    }
    const received = headers.getJoined(HEADER);
    headers.set(HEADER, mode === "append_forward" && received !== undefined ? `${received},${element}` : element);
  }
}

/** One element of the header: `By`, `Hash`, then the details asked for, in Envoy's order. */
function describePeer(connection: ConnectionInfo, details: HttpConnectionManager["setCurrentClientCert"]): string {
  const tls = connection.tls!;
  const peer = tls.peer!;
  const parts: string[] = [];
  if (tls.localPrincipal !== null) parts.push(`By=${tls.localPrincipal}`);
  parts.push(`Hash=${peer.sha256}`);
  if (details.cert) parts.push(`Cert="${encodeURIComponent(toPem(peer.certificate))}"`);
  if (details.chain) parts.push(`Chain="${encodeURIComponent(peer.chain.map(toPem).join(""))}"`);
  if (details.subject) parts.push(`Subject="${peer.subject.replaceAll('"', '\\"')}"`);
  if (details.uri) { for (const uri of peer.uriSans) parts.push(`URI=${uri}`); }
  if (details.dns) { for (const dns of peer.dnsSans) parts.push(`DNS=${dns}`); }
  return parts.join(";");
}

function toPem(der: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...der)).replace(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}
