import { MeshError } from "../errors.ts";
import type { Body } from "../http/body.ts";
import type { HttpRequest } from "../http/message.ts";
import type { Timer } from "../internal/clock.ts";
import { type Random, randomInt } from "../internal/random.ts";
import type { ForwardAction } from "../resource/route.ts";
import { UpstreamAttempt } from "./upstream_attempt.ts";
import type { UpstreamSource } from "./upstream_target.ts";

/** Most bytes of a mirrored response that are read so that its connection can be used again. */
const MAX_DISCARDED = 1024 * 1024;

/** What {@linkcode mirrorRequest} works with. */
export interface MirrorDeps {
  readonly clusters: UpstreamSource;
  readonly random: Random;
  /** Sets a timer. */
  readonly arm: (ms: number, callback: () => void) => Timer;
}

/**
 * Sends copies of a request to the mirror clusters of its route and forgets them: nothing waits for a mirror, and its
 * failure is nobody's. Where the policy says so the authority gets `-shadow` behind the host, as from Envoy.
 *
 * @param request The request as it goes to the upstream.
 * @param content Makes the body of a copy; `null` for none.
 * @param timeoutMs Most that a mirror may take, which is the limit of the request itself; 0 for none.
 */
export function mirrorRequest(
  mirrors: ForwardAction["mirrors"],
  request: HttpRequest,
  content: () => Body | null,
  timeoutMs: number,
  { clusters, random, arm }: MirrorDeps,
): void {
  for (const { cluster, header, fraction, shadowSuffix } of mirrors) {
    if (randomInt(random, fraction.denominator) >= fraction.numerator) continue;
    const target = clusters.target(header === null ? cluster : request.headers.get(header) ?? "");
    if (target === null) continue;
    const copy: HttpRequest = {
      ...request,
      authority: shadowSuffix ? shadowAuthority(request.authority) : request.authority,
      headers: request.headers.clone(),
      body: content(),
    };
    // It is no request of the caller any more but one of the proxy.
    copy.headers.set("x-envoy-internal", "true");
    const attempt = new UpstreamAttempt();
    if (timeoutMs !== 0) {
      const late = new MeshError(
        "UPSTREAM_REQUEST_TIMEOUT",
        `Cannot wait for the mirror: '${timeoutMs}' ms have passed`,
      );
      const timer = arm(timeoutMs, () => attempt.exchange.cancel(late));
      attempt.exchange.onComplete(() => timer.cancel());
    }
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
