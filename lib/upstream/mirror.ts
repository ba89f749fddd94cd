import { type Body, BytesBody } from "../http/body.ts";
import type { HttpRequest } from "../http/message.ts";
import { type Random, randomInt } from "../internal/random.ts";
import type { ForwardAction } from "../resource/route.ts";
import { UpstreamAttempt } from "./upstream_attempt.ts";
import type { UpstreamSource } from "./upstream_target.ts";

/** Most bytes of a mirrored response that are read so that its connection can be used again. */
const MAX_DISCARDED = 1024 * 1024;

/**
 * Sends copies of a request to the mirror clusters of its route and forgets them: nothing waits for a mirror, and its
 * failure is nobody's. Where the policy says so the authority gets `-shadow` behind
 * the host, as from Envoy. Only requests whose content is in
 * memory are mirrored.
 *
 * @param request The request as it goes to the upstream.
 * @param content Its content; `null` for none.
 */
export function mirrorRequest(
  mirrors: ForwardAction["mirrors"],
  request: HttpRequest,
  content: Uint8Array | null,
  clusters: UpstreamSource,
  random: Random,
): void {
  for (const { cluster, fraction, shadowSuffix } of mirrors) {
    if (randomInt(random, fraction.denominator) >= fraction.numerator) continue;
    const target = clusters.target(cluster);
    if (target === null) continue;
    const copy: HttpRequest = {
      ...request,
      authority: shadowSuffix ? shadowAuthority(request.authority) : request.authority,
      headers: request.headers.clone(),
      body: content === null ? null : new BytesBody(content),
    };
    const attempt = new UpstreamAttempt();
    target.send(copy, attempt).then((response) => discard(response.body), () => {});
  }
}

function shadowAuthority(authority: string): string {
  const colon = authority.lastIndexOf(":");
  return colon < 0 || authority.indexOf("]", colon) >= 0
    ? `${authority}-shadow`
    : `${authority.slice(0, colon)}-shadow${authority.slice(colon)}`;
}

async function discard(body: Body | null): Promise<void> {
  if (body === null || body.whole() !== null) return;
  try {
    for (let read = 0; read < MAX_DISCARDED;) {
      const chunk = await body.read();
      if (chunk === null) return;
      read += chunk.length;
    }
    body.cancel();
  } catch {
    // A mirror that breaks off is none of the caller's business.
  }
}
