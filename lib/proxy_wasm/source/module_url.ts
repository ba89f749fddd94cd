/** A URL as people may see it: without a user, a password and a query. */
export function shownUrl(url: string): string {
  const shown = url.replace(/[?#].*$/s, "").replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, "$1");
  return shown === "" ? url : shown;
}

/** Whether the host is this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/**
 * Why nothing is fetched from that address; `null` where it may be: Istio's agent refuses link-local addresses and those
 * of the metadata services of clouds, which give credentials away.
 */
export function blockedAddress(ip: string): string | null {
  const plain = ip.toLowerCase().replace(/^\[|\]$/g, "").replace(/^::ffff:(?=\d+\.)/, "");
  if (/^169\.254\./.test(plain) || /^fe[89ab][0-9a-f]?:/.test(plain)) return "it is a link-local address";
  return METADATA.has(plain) ? "it is the address of a cloud's metadata service" : null;
}

/** Of clouds whose service is not at a link-local address. */
const METADATA: ReadonlySet<string> = new Set(["100.100.100.200", "fd00:ec2::254", "168.63.129.16"]);
