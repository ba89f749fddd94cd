import type { PeerIdentity } from "./byte_stream.ts";
import type { PeerRule } from "./peer_verification.ts";
import type { PeerValidation } from "../resource/tls_context.ts";
import type { StringMatch } from "../resource/common.ts";
import { parseCertificate } from "./certificate.ts";

/** Accepts every peer whose chain is good. */
export const acceptAnyPeer: PeerRule = () => null;

/**
 * Accepts a server whose certificate names that host (RFC 6125: DNS names, a `*` for the whole leftmost label; IP
 * addresses by IP SAN). The subject's common name is not looked at.
 */
export function matchHostname(hostname: string): PeerRule {
  const wanted = hostname.toLowerCase().replace(/\.$/, "");
  const isIp = /^[\d.]+$/.test(wanted) || wanted.includes(":");
  return (peer) => {
    const matched = isIp
      ? parseCertificate(peer.certificate).ipSans.includes(wanted.replace(/^\[|\]$/g, ""))
      : peer.dnsSans.some((name) => matchesDnsName(name.toLowerCase(), wanted));
    return matched ? null : `its certificate is for ${quoteNames(peer)}, expected host name '${hostname}'`;
  };
}

/** Accepts a workload of one of these trust domains: exactly one URI SAN, `spiffe://DOMAIN/...`. */
export function matchTrustDomains(domains: readonly string[]): PeerRule {
  const prefixes = domains.map((domain) => `spiffe://${domain}/`);
  return (peer) =>
    peer.uriSans.length === 1 && prefixes.some((prefix) => peer.uriSans[0]!.startsWith(prefix))
      ? null
      : `its certificate is for ${quoteNames(peer)}, expected one id of trust domain ${quote(domains)}`;
}

/**
 * Compiles the SAN matchers of a validation context: one of them must match one SAN of its type. An empty list accepts
 * every peer whose chain is good (Envoy, `match_typed_subject_alt_names`).
 *
 * @param matchers From the TLS context.
 * @param compile Compiles one string matcher (`matcher/` has it).
 */
export function compileSanRule(
  matchers: PeerValidation["subjectAltNames"],
  compile: (match: StringMatch) => (value: string) => boolean,
): PeerRule {
  if (matchers.length === 0) return acceptAnyPeer;
  const compiled = matchers.map(({ type, match }) => ({ type, test: compile(match) }));
  const expected = matchers.map(({ match }) => match.kind === "exact" ? match.value : `${match.value} (${match.kind})`);
  return (peer) => {
    for (const { type, test } of compiled) {
      if (sansOf(peer, type).some(test)) return null;
    }
    return `its certificate is for ${quoteNames(peer)}, expected ${quote(expected)}`;
  };
}

function sansOf(peer: PeerIdentity, type: PeerValidation["subjectAltNames"][number]["type"]): readonly string[] {
  switch (type) {
    case "uri":
      return peer.uriSans;
    case "dns":
      return peer.dnsSans;
    case "ip":
      return parseCertificate(peer.certificate).ipSans;
    case "email":
      return parseCertificate(peer.certificate).emailSans;
    case "any": {
      const { ipSans, emailSans } = parseCertificate(peer.certificate);
      return [...peer.uriSans, ...peer.dnsSans, ...ipSans, ...emailSans];
    }
  }
}

function matchesDnsName(name: string, wanted: string): boolean {
  if (name === wanted) return true;
  if (!name.startsWith("*.")) return false;
  const dot = wanted.indexOf(".");
  // The wildcard stands for one whole label, and never directly above a top-level domain.
  return dot > 0 && wanted.slice(dot) === name.slice(1) && name.indexOf(".", 2) !== -1;
}

function quoteNames(peer: PeerIdentity): string {
  const names = [...peer.uriSans, ...peer.dnsSans];
  return names.length === 0 ? "no name" : quote(names);
}

/** Quotes the first few values: a hostile certificate may hold thousands. */
function quote(values: readonly string[]): string {
  const shown = values.slice(0, 3).map((value) => `'${value.slice(0, 200)}'`).join(", ");
  return values.length > 3 ? `${shown} and ${values.length - 3} more` : shown;
}
