/**
 * `mesh.fetch`: the contract of `fetch` over the outbound stack.
 *
 * @module
 */
import { type Body, BytesBody } from "./http/body.ts";
import { Call } from "./http/call.ts";
import { Exchange } from "./http/exchange.ts";
import { HeaderList } from "./http/header_list.ts";
import type { HttpRequest, HttpResponse } from "./http/message.ts";
import { isRedirect, MAX_REDIRECTS, redirectTarget, stripForRedirect } from "./http/redirect.ts";
import { CallerBody } from "./http/web/caller_body.ts";
import { bodyStream } from "./http/web/body_stream.ts";
import { type FetchUrl, FetchUrls } from "./http/web/fetch_url.ts";
import { fromFetchArguments, type OutgoingRequest } from "./http/web/request_from_fetch.ts";
import { toWebResponse } from "./http/web/response_to_web.ts";
import type { Clock } from "./internal/clock.ts";
import { plainFetch } from "./transport/plain_fetch.ts";

/** The contract of the global `fetch`. */
export type Fetch = (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>;

/** Sends one request, no redirects; see `lib/outbound_client.ts`. */
export interface FetchClient {
  /**
   * Whether the application's TLS to that host goes straight through, past the mesh's connections.
   *
   * @throws {MeshError} Where the mesh refuses such a connection.
   */
  passesThrough(url: FetchUrl): boolean;
  /** Sends a request; what goes wrong on the way is a response, except for the caller's own cancellation. */
  send(url: FetchUrl, request: HttpRequest, call: Call): Promise<HttpResponse>;
}

/** What {@linkcode createFetch} stands on. */
export interface FetchOptions {
  readonly clock: Clock;
  readonly client: FetchClient;
}

/** Makes a `fetch` whose requests go through the mesh. It needs no `this`: it can be handed on detached. */
export function createFetch(options: FetchOptions): Fetch {
  const urls = new FetchUrls();
  return function fetch(input, init) {
    try {
      const outgoing = fromFetchArguments(input, init, { urls });
      if (outgoing.signal?.aborted) return Promise.reject(outgoing.signal.reason);
      return new Fetching(options, urls, outgoing).hop(outgoing.url, outgoing.request);
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

/** One call of `fetch`: a chain of requests, one for each redirect. */
class Fetching {
  readonly #options: FetchOptions;
  readonly #urls: FetchUrls;
  readonly #outgoing: OutgoingRequest;
  #redirects = 0;

  constructor(options: FetchOptions, urls: FetchUrls, outgoing: OutgoingRequest) {
    this.#options = options;
    this.#urls = urls;
    this.#outgoing = outgoing;
  }

  /** Sends the request and follows where its answer leads. */
  hop(url: FetchUrl, request: HttpRequest): Promise<Response> {
    const { client, clock } = this.#options;
    if (url.protocol === "https:" && client.passesThrough(url)) return this.#passThrough(url, request);
    // Redirects are followed by the headers as the application gave them, without what the mesh adds on the way.
    const headers = request.headers.clone();
    const exchange = new Exchange();
    if (request.body !== null && request.body.whole() === null) request.body = new CallerBody(request.body, exchange);
    const call = new Call({ direction: "outbound", startTime: clock.now(), request, exchange, downstream: null });
    this.#followSignal(exchange);
    return client.send(url, request, call).then((response) => {
      if (isRedirect(response.status) && this.#outgoing.redirect !== "manual") {
        const next = this.#redirect(url, { ...request, headers }, response);
        if (next !== null) {
          response.body?.cancel();
          return next;
        }
      }
      return toWebResponse(response, {
        url: url.href,
        redirected: this.#redirects > 0,
        method: request.method,
        decode: !headers.has("range"),
      });
    });
  }

  /** Cancels the exchange with the caller's signal, for as long as it is under way. */
  #followSignal(exchange: Exchange): void {
    const { signal } = this.#outgoing;
    if (signal === null) return;
    const abort = () => exchange.cancel(signal.reason);
    signal.addEventListener("abort", abort);
    exchange.onComplete(() => signal.removeEventListener("abort", abort));
  }

  /** The next hop, or `null` where the answer is an ordinary response after all. */
  #redirect(
    url: FetchUrl,
    request: HttpRequest,
    response: { readonly status: number; readonly headers: HeaderList },
  ): Promise<Response> | null {
    const target = redirectTarget(response, { url: url.href, method: request.method });
    if (target === null) return null;
    if (this.#outgoing.redirect === "error") {
      throw new TypeError(
        `Cannot fetch '${url.href}': it redirects to '${target.url.href}', which redirect: "error" forbids`,
      );
    }
    if (++this.#redirects > MAX_REDIRECTS) {
      throw new TypeError(`Cannot fetch '${this.#outgoing.url.href}': more than '${MAX_REDIRECTS}' redirects`);
    }
    if (target.keepBody && this.#outgoing.streaming) {
      throw new TypeError(
        `Cannot follow the redirect of '${url.href}': its body is a stream, which cannot be sent again`,
      );
    }
    const next = this.#urls.read(target.url.href);
    const headers = request.headers.clone();
    stripForRedirect(headers, new URL(url.href), target);
    const { bytes } = this.#outgoing;
    const body: Body | null = target.keepBody && bytes !== null ? new BytesBody(bytes) : null;
    const sameOrigin = next.authority === url.authority && next.protocol === url.protocol;
    return this.hop(next, {
      method: target.method,
      scheme: next.protocol === "https:" ? "https" : "http",
      // A `host` the caller chose holds for the origin it was meant for.
      authority: sameOrigin ? request.authority : next.authority,
      path: next.path,
      headers,
      body,
      protocol: "HTTP/1.1",
    });
  }

  async #passThrough(url: FetchUrl, request: HttpRequest): Promise<Response> {
    const { body } = request;
    const whole = body?.whole() ?? null;
    const response = await plainFetch({
      url: url.href,
      method: request.method,
      headers: request.headers.pairs,
      body: whole ?? (body === null ? null : bodyStream(body)),
      signal: this.#outgoing.signal,
    });
    if (isRedirect(response.status) && this.#outgoing.redirect !== "manual") {
      const headers = new HeaderList([...response.headers].flat());
      const next = this.#redirect(url, request, { status: response.status, headers });
      if (next !== null) {
        await response.body?.cancel();
        return next;
      }
    }
    if (this.#redirects > 0) Object.defineProperty(response, "redirected", { value: true });
    return response;
  }
}
