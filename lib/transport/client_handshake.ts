import type { TLSSocket } from "node:tls";
import type { PeerIdentity } from "./byte_stream.ts";
import type { PeerVerifier, Refusal } from "./peer_verification.ts";
import { peerChain, runtimeVerdict } from "./runtime_tls.ts";
import type { ClientTls } from "./tls_options.ts";

/** The server of a finished handshake, or why it is refused. */
export type ServerIdentity =
  | { readonly ok: true; readonly peer: PeerIdentity | null }
  | Refusal;

/**
 * Says who the server of a finished client handshake is. Two verdicts must be good: the runtime's and our own. The
 * runtime's alone is not enough, because it trusts the public roots beside the given ones.
 */
export function identifyServer(socket: TLSSocket, tls: ClientTls, verifier: PeerVerifier, now: number): ServerIdentity {
  if (tls.trust === "none") return { ok: true, peer: null };
  const chain = peerChain(socket);
  const verdict = runtimeVerdict(socket);
  if (tls.trust === "system") {
    if (verdict !== null) {
      return { ok: false, failure: "untrusted", reason: `the system's roots do not vouch for it (${verdict})` };
    }
    return verifier.describe(chain, "server", tls.acceptSans);
  }
  const verified = verifier.verify(chain, { trust: tls.trust, role: "server", now }, tls.acceptSans);
  if (!verified.ok) return verified;
  if (verdict !== null) {
    return { ok: false, failure: "unverifiable", reason: `the runtime refuses its certificate (${verdict})` };
  }
  return verified;
}

/** Turns an error of a client handshake into a failure: alerts of the peer are named in words. */
export function handshakeFailure(error: Error & { code?: string }): { kind: "connect" | "handshake"; reason: string } {
  const code = error.code ?? "";
  if (!code.startsWith("ERR_SSL") && !code.startsWith("ERR_TLS")) {
    return { kind: "connect", reason: code === "" ? error.message : `${error.message} (${code})` };
  }
  const hint = HINTS.find(([part]) => code.includes(part));
  return { kind: "handshake", reason: hint === undefined ? `${error.message} (${code})` : `${hint[1]} (${code})` };
}

const HINTS: readonly (readonly [string, string])[] = [
  ["NO_APPLICATION_PROTOCOL", "the peer speaks none of the offered protocols"],
  ["CERTIFICATE_REQUIRED", "the peer asks for a client certificate"],
  ["UNKNOWN_CA", "the peer does not trust the CA of our certificate"],
  ["CERTIFICATE_EXPIRED", "the peer says our certificate has expired"],
  ["WRONG_VERSION", "the peer does not speak TLS"],
];
