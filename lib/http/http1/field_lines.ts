import type { Http1Limits } from "./limits.ts";
import type { MessageHead } from "./message_head.ts";
import { Http1ParseError } from "./parse_error.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// deno-lint-ignore no-control-regex -- refusing controls is the point
const FORBIDDEN_IN_VALUE = /[\0-\x08\x0a-\x1f\x7f]/;
const DIGITS = /^[0-9]{1,15}$/;

/** What a field means to the codec. */
const enum Kind {
  /** Nothing: it belongs to the application. */
  EndToEnd,
  Host,
  ContentLength,
  TransferEncoding,
  Connection,
  Expect,
  Upgrade,
  /** Hop-by-hop without meaning for us: dropped (RFC 9110 section 7.6.1). */
  Dropped,
}

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ["host", Kind.Host],
  ["content-length", Kind.ContentLength],
  ["transfer-encoding", Kind.TransferEncoding],
  ["connection", Kind.Connection],
  ["expect", Kind.Expect],
  ["keep-alive", Kind.Dropped],
  ["proxy-connection", Kind.Dropped],
  ["te", Kind.Dropped],
  ["upgrade", Kind.Upgrade],
  ["http2-settings", Kind.Dropped],
]);

/** A field line that was read before: equal bytes need no second look. */
interface KnownLine {
  /** The whole line with its CRLF. */
  readonly text: string;
  readonly name: string;
  readonly value: string;
  readonly kind: Kind;
}

/** Lines remembered per connection, and the longest of them: bounds what a peer can make us hold. */
const MOST_KNOWN = 32;
const LONGEST_KNOWN = 1024;
const LONGEST_HEAD_REMEMBERED = 8192;

/**
 * Reads field lines strictly: `name ":" OWS value OWS CRLF` with a token as name, no folding, no controls.
 *
 * Peers repeat most of their lines in every message of a connection. Line i is therefore compared with what stood there
 * last time, which costs a tenth of reading it.
 */
export class FieldLines {
  readonly #limits: Http1Limits;
  readonly #known: KnownLine[] = [];

  /** @param limits Bounds. */
  constructor(limits: Http1Limits) {
    this.#limits = limits;
  }

  /**
   * Reads the lines of a head.
   *
   * @param text Text that holds them.
   * @param start Where the first begins.
   * @param end Where the empty line begins.
   * @param head Filled with what was read.
   * @throws {Http1ParseError} For any deviation from the grammar, and for fields that contradict each other.
   */
  read(text: string, start: number, end: number, head: MessageHead): void {
    const known = this.#known;
    const pairs = head.pairs;
    let nominated: string | null = null;
    let index = 0;
    let count = 0;
    for (let at = start; at < end;) {
      if (++count > this.#limits.maxFields) {
        throw new Http1ParseError(431, `Cannot read the head: it has more than '${this.#limits.maxFields}' fields`);
      }
      let line = known[index];
      if (line === undefined || text.substring(at, at + line.text.length) !== line.text) {
        // A line may have gone: see whether the next one is here before reading anew.
        const next = known[index + 1];
        if (next !== undefined && text.substring(at, at + next.text.length) === next.text) {
          line = next;
          index++;
        } else {
          line = readLine(text, at, end);
          if (index < MOST_KNOWN && line.text.length <= LONGEST_KNOWN && text.length <= LONGEST_HEAD_REMEMBERED) {
            known[index] = line;
          }
        }
      }
      index++;
      at += line.text.length;
      if (line.kind === Kind.EndToEnd) {
        pairs.push(line.name, line.value);
      } else if (line.kind === Kind.Connection) {
        const other = applyConnection(head, line.value);
        if (other !== null) nominated = nominated === null ? other : `${nominated},${other}`;
      } else {
        apply(head, line);
      }
    }
    if (nominated !== null) dropNominated(head, nominated);
  }
}

function readLine(text: string, at: number, end: number): KnownLine {
  const lineEnd = text.indexOf("\r\n", at);
  const colon = text.indexOf(":", at);
  // `end` is behind the CRLF of the last line, so every line has one.
  if (lineEnd === -1 || lineEnd >= end || colon === -1 || colon > lineEnd) {
    throw new Http1ParseError(400, "Cannot read a field: its line has no colon");
  }
  const name = text.substring(at, colon);
  // Also refuses folded lines and a space before the colon, which recipients disagree about.
  if (!TOKEN.test(name)) throw new Http1ParseError(400, "Cannot read a field: its name is not a token");
  let from = colon + 1;
  let to = lineEnd;
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  const value = text.substring(from, to);
  if (FORBIDDEN_IN_VALUE.test(value)) {
    throw new Http1ParseError(400, "Cannot read a field: its value holds a control character");
  }
  const lower = name.toLowerCase();
  return { text: text.substring(at, lineEnd + 2), name: lower, value, kind: KINDS.get(lower) ?? Kind.EndToEnd };
}

function isBlank(unit: number): boolean {
  return unit === 0x20 || unit === 0x09;
}

function apply(head: MessageHead, line: KnownLine): void {
  switch (line.kind) {
    case Kind.Host:
      if (head.host !== null) throw new Http1ParseError(400, "Cannot read the head: 'host' is repeated");
      head.host = line.value;
      return;
    case Kind.ContentLength:
      // Refused even when both are equal: two recipients may pick different ones of an unequal pair.
      if (head.contentLength !== -1) {
        throw new Http1ParseError(400, "Cannot read the head: 'content-length' is repeated");
      }
      if (!DIGITS.test(line.value)) {
        throw new Http1ParseError(400, "Cannot read the head: 'content-length' is not a whole number");
      }
      head.contentLength = Number(line.value);
      head.pairs.push(line.name, line.value);
      return;
    case Kind.TransferEncoding:
      if (head.chunked) throw new Http1ParseError(400, "Cannot read the head: 'transfer-encoding' is repeated");
      if (line.value.toLowerCase() !== "chunked") {
        throw new Http1ParseError(501, "Cannot read the head: 'transfer-encoding' is not exactly 'chunked'");
      }
      head.chunked = true;
      return;
    case Kind.Expect:
      if (line.value.toLowerCase() !== "100-continue") {
        throw new Http1ParseError(417, "Cannot meet the expectation: only '100-continue' is known");
      }
      head.expectContinue = true;
      return;
    case Kind.Upgrade:
      head.upgrade = head.upgrade === null ? line.value : `${head.upgrade},${line.value}`;
      return;
    default:
      return;
  }
}

/** Reads connection options; returns those that name other fields. */
function applyConnection(head: MessageHead, value: string): string | null {
  if (value === "keep-alive") {
    head.keepAlive = true;
    return null;
  }
  let others: string | null = null;
  for (const part of value.toLowerCase().split(",")) {
    const option = part.trim();
    if (option === "close") head.close = true;
    else if (option === "keep-alive") head.keepAlive = true;
    else if (option === "upgrade") head.upgradeOption = true;
    else if (option !== "" && !KINDS.has(option)) others = others === null ? option : `${others},${option}`;
  }
  return others;
}

/**
 * Removes the fields that `connection` names (RFC 9110 section 7.6.1). Fields that carry identity, routing or
 * credentials are kept: a sender must not nominate them, and one that does may want a header of a proxy before us gone.
 */
function dropNominated(head: MessageHead, nominated: string): void {
  const names = nominated.split(",");
  const kept: string[] = [];
  for (let i = 0; i < head.pairs.length; i += 2) {
    const name = head.pairs[i]!;
    if (!names.includes(name) || isProtected(name)) kept.push(name, head.pairs[i + 1]!);
  }
  head.pairs = kept;
}

function isProtected(name: string): boolean {
  return name.startsWith("x-forwarded-") || name.startsWith("x-envoy-") || name.startsWith("x-b3-") ||
    PROTECTED.has(name);
}

const PROTECTED: ReadonlySet<string> = new Set([
  "authorization",
  "cache-control",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "forwarded",
  "set-cookie",
  "traceparent",
  "tracestate",
  "x-request-id",
]);
