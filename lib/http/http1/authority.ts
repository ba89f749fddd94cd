// A registered name or IPv4 address in the characters of RFC 3986 section 3.2.2, or an IPv6 literal; then a port.
const AUTHORITY = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=%]+|\[[0-9A-Fa-f:.]+(?:%25[A-Za-z0-9\-._~]+)?\])(?::[0-9]{0,5})?$/;

/** Whether `text` is a valid `host[:port]` without user information (RFC 9110 section 7.2). */
export function isAuthority(text: string): boolean {
  return AUTHORITY.test(text);
}
