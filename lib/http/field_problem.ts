const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const EDGE = /^[ \t]|[ \t]$/;

/** Fields that say how one connection carries a message: the codec writes them, nobody else. */
const OF_THE_CONNECTION: ReadonlySet<string> = new Set([
  "connection",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * What is wrong with a header field that somebody wants to put into a message, or `null`: it would break the message
 * (RFC 9110 section 5.5), or belongs to the connection (section 7.6.1).
 *
 * @param name Lower case.
 * @param value A byte string.
 */
export function fieldProblem(name: string, value: string): string | null {
  if (!NAME.test(name)) return `'${name}' is no name of a header field`;
  if (OF_THE_CONNECTION.has(name)) return `'${name}' belongs to the connection`;
  if (!VALUE.test(value) || EDGE.test(value)) {
    return `the value of '${name}' holds what a field must not (controls, spaces at its ends, or more than bytes)`;
  }
  return null;
}
