import { HeaderList } from "../header_list.ts";
import { FieldLines } from "./field_lines.ts";
import type { Http1Limits } from "./limits.ts";
import { MessageHead } from "./message_head.ts";

/** Fields that must not come in a trailer (RFC 9110 section 6.5.1): framing, routing, credentials, content format. */
const NEVER_IN_TRAILERS: ReadonlySet<string> = new Set([
  "authorization",
  "cache-control",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "max-forwards",
  "set-cookie",
  "trailer",
]);

/** Whether a field of that name (lower case) may come in a trailer section. */
export function mayBeTrailer(name: string): boolean {
  return !NEVER_IN_TRAILERS.has(name);
}

/**
 * Reads a trailer section; fields that must not be there are left out.
 *
 * @param text Text that holds the section.
 * @param start Where its first line begins.
 * @param end Where its empty line begins.
 * @param limits Bounds.
 * @returns The fields, or `null` when there are none.
 * @throws {Http1ParseError} For a malformed line.
 */
export function readTrailers(text: string, start: number, end: number, limits: Http1Limits): HeaderList | null {
  if (start >= end) return null;
  const section = new MessageHead();
  new FieldLines(limits).read(text, start, end, section);
  const pairs: string[] = [];
  for (let i = 0; i < section.pairs.length; i += 2) {
    if (mayBeTrailer(section.pairs[i]!)) pairs.push(section.pairs[i]!, section.pairs[i + 1]!);
  }
  return pairs.length === 0 ? null : new HeaderList(pairs);
}
