import type { Clock } from "../internal/clock.ts";
import { type Writable, writeJson } from "./json_writer.ts";
import { slicedResponse } from "./sliced_response.ts";

/** Headers that Envoy's admin answers with. */
const HEADERS = { "cache-control": "no-cache, max-age=0", "x-content-type-options": "nosniff" };
const TEXT = { "content-type": "text/plain; charset=UTF-8", ...HEADERS };
const JSON_TEXT = { "content-type": "application/json", ...HEADERS };

/** A plain text answer, as Envoy's admin sends it. */
export function textResponse(text: string, status = 200): Response {
  return new Response(text, { status, headers: TEXT });
}

/** JSON that is text already. */
export function jsonText(text: string): Response {
  return new Response(text, { headers: JSON_TEXT });
}

/** A JSON answer, indented by one space, as Envoy's admin sends it. */
export function jsonResponse(value: unknown): Response {
  return jsonText(`${JSON.stringify(value, null, 1)}\n`);
}

/** A JSON answer that is made in slices. */
export function largeJsonResponse(value: Writable, clock: Clock): Response {
  return slicedResponse(lineAtEnd(writeJson(value)), JSON_TEXT, clock);
}

/** A plain text answer that is made in slices. */
export function largeTextResponse(pieces: Iterable<string>, clock: Clock): Response {
  return slicedResponse(pieces, TEXT, clock);
}

function* lineAtEnd(pieces: Iterable<string>): Generator<string> {
  yield* pieces;
  yield "\n";
}
