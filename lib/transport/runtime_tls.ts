/**
 * What this library reads from the insides of the runtime's TLS sockets, in one place. Where something is missing the
 * answer is the one that refuses the peer.
 *
 * @module
 */
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";

interface Insides {
  _handle?: {
    verifyError?: () => unknown;
    getPeerCertificateChain?: () => { certificates?: Uint8Array[] } | null;
  };
}

/**
 * The runtime's own verdict on the peer's chain: `null` when it is good, otherwise a code such as
 * `UNABLE_TO_VERIFY_LEAF_SIGNATURE`. A server-side `TLSSocket` completes the handshake with a bad client certificate
 * and leaves the verdict here (as in Node.js); a missing function counts as a bad verdict.
 */
export function runtimeVerdict(socket: TLSSocket): string | null {
  const handle = (socket as unknown as Insides)._handle;
  if (typeof handle?.verifyError !== "function") return "NO_VERDICT";
  const verdict: unknown = handle.verifyError();
  if (verdict === "" || verdict === null) return null;
  if (typeof verdict === "string") return verdict;
  return verdict instanceof Error ? (verdict as Error & { code?: string }).code ?? verdict.message : "NO_VERDICT";
}

/**
 * The peer's chain, leaf first, DER; empty when it sent none. Asking the handle costs 2 us, the public way 100 us (it
 * describes each certificate) and may append a root of the same name: harmless, a chain is checked by signatures.
 */
export function peerChain(socket: TLSSocket): Uint8Array[] {
  const handle = (socket as unknown as Insides)._handle;
  if (typeof handle?.getPeerCertificateChain === "function") {
    return handle.getPeerCertificateChain()?.certificates ?? [];
  }
  const chain: Uint8Array[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  const seen = new Set<DetailedPeerCertificate>();
  while (next?.raw !== undefined && !seen.has(next)) {
    seen.add(next);
    chain.push(next.raw);
    next = next.issuerCertificate;
  }
  return chain;
}
