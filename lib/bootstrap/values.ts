/**
 * Readers of single values. Each returns the value or throws a TypeError whose message says what was expected,
 * with the current value in quotes.
 *
 * @module
 */
import { parseIp } from "../resource/ip_address.ts";

const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const DURATION = /^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/;
const UNIT_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, "µs": 1e-3, ms: 1, s: 1e3, m: 6e4, h: 36e5 };

function wrong(expected: string, value: unknown): TypeError {
  const shown = typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
  return new TypeError(`Expected ${expected}, current value is '${shown.slice(0, 200)}'`);
}

/** Any text that is not empty and has no control characters. */
export function readText(value: unknown): string {
  if (typeof value !== "string" || value === "" || /\p{Cc}/u.test(value)) throw wrong("a text", value);
  return value;
}

/** A DNS label (RFC 1123): a namespace. */
export function readLabel(value: unknown): string {
  if (typeof value !== "string" || !LABEL.test(value)) {
    throw wrong("at most 63 lower-case letters, digits and '-'", value);
  }
  return value;
}

/** A DNS name in lower case: a service account, a pod, a domain. */
export function readDnsName(value: unknown): string {
  if (typeof value !== "string" || value.length > 253 || !value.split(".").every((label) => LABEL.test(label))) {
    throw wrong("lower-case letters, digits, '-' and '.', at most 253", value);
  }
  return value;
}

/** A SPIFFE trust domain (SPIFFE-ID, section 2.1). */
export function readTrustDomain(value: unknown): string {
  if (typeof value !== "string" || !/^[a-z0-9._-]{1,255}$/.test(value)) {
    throw wrong("lower-case letters, digits, '.', '-' and '_', at most 255", value);
  }
  return value;
}

/** An IP address. */
export function readIp(value: unknown): string {
  if (typeof value !== "string" || parseIp(value) === null) throw wrong("an IP address", value);
  return value;
}

/** A port to listen on: 0 lets the system choose, `false` or "false" is none. */
export function readListenPort(value: unknown): number | false {
  if (value === false || value === "false") return false;
  const port = number(value);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw wrong("a port from 0 to 65535, or false", value);
  return port;
}

/** A boolean, as Istio's variables spell it. */
export function readBoolean(value: unknown): boolean {
  if (value === true || value === "true" || value === "1") return true;
  if (value === false || value === "false" || value === "0") return false;
  throw wrong("'true' or 'false'", value);
}

/** A number from 0 to 1. */
export function readRatio(value: unknown): number {
  const ratio = number(value);
  if (!(ratio >= 0 && ratio <= 1)) throw wrong("a number from 0 to 1", value);
  return ratio;
}

/** A whole number above 0. */
export function readCount(value: unknown): number {
  const count = number(value);
  if (!Number.isInteger(count) || count < 1) throw wrong("a whole number above 0", value);
  return count;
}

/** Hosts, with or without ports, or `*`: a list, or a text with commas between them. */
export function readHosts(value: unknown): ReadonlySet<string> {
  const hosts = typeof value === "string" ? value.split(",").map((host) => host.trim()) : value;
  const isHost = (host: unknown) => typeof host === "string" && (host === "*" || /^[^\s/,*]+$/.test(host));
  if (!Array.isArray(hosts) || !hosts.every(isHost)) {
    throw wrong("hosts such as 'registry.example:5000', separated by commas, or '*'", value);
  }
  return new Set(hosts);
}

/** A duration in milliseconds: a number of them, or a text such as `24h0m0s` (Go) or `5s` (protobuf). */
export function readDurationMs(value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  if (typeof value !== "string" || !DURATION.test(value)) {
    throw wrong("a duration such as '24h' or '5s', or a number of milliseconds", value);
  }
  let ms = 0;
  for (const [, amount, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    ms += Number(amount) * UNIT_MS[unit!]!;
  }
  return ms;
}

/** A duration above 0, in milliseconds. */
export function readPositiveDurationMs(value: unknown): number {
  const ms = readDurationMs(value);
  if (ms <= 0) throw wrong("a duration above 0", value);
  return ms;
}

/** Where a service of the control plane is. */
export interface ControlPlaneAddress {
  readonly hostname: string;
  readonly port: number;
  /** Whether it is spoken to in plaintext. */
  readonly plaintext: boolean;
}

const PLAINTEXT_PORT = 15010;
const TLS_PORT = 15012;

/** `host`, `host:port`, `[ipv6]:port`; `http://` or port 15010 is plaintext, `https://` TLS. The port defaults to 15012. */
export function readAddress(value: unknown): ControlPlaneAddress {
  const expected = "host:port";
  if (typeof value !== "string") throw wrong(expected, value);
  const match = /^(?:(https?):\/\/)?(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?\/?$/.exec(value);
  if (match === null) throw wrong(expected, value);
  const [, scheme, ipv6, name, digits] = match;
  const hostname = ipv6 ?? name!;
  const port = digits === undefined ? TLS_PORT : Number(digits);
  if (port < 1 || port > 65535) throw wrong("a port from 1 to 65535", value);
  const isIp = parseIp(hostname) !== null;
  if (ipv6 !== undefined && !isIp) throw wrong("an IPv6 address in the brackets", value);
  if (!isIp && !/^[A-Za-z0-9_]([-A-Za-z0-9_.]{0,251}[A-Za-z0-9_])?\.?$/.test(hostname)) {
    throw wrong("a host name or IP address", value);
  }
  return { hostname, port, plaintext: scheme === "http" || (scheme === undefined && port === PLAINTEXT_PORT) };
}

function number(value: unknown): number {
  if (typeof value === "number") return value;
  return typeof value === "string" && /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : NaN;
}
