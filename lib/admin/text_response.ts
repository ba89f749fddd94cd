/** Headers that Envoy's admin answers with. */
const HEADERS = { "cache-control": "no-cache, max-age=0", "x-content-type-options": "nosniff" };

/** A plain text answer, as Envoy's admin sends it. */
export function textResponse(text: string, status = 200): Response {
  return new Response(text, { status, headers: { "content-type": "text/plain; charset=UTF-8", ...HEADERS } });
}

/** A JSON answer, indented by one space, as Envoy's admin sends it. */
export function jsonResponse(value: unknown): Response {
  const headers = { "content-type": "application/json", ...HEADERS };
  return new Response(JSON.stringify(value, null, 1), { headers });
}
