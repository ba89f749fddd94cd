import { MeshError, type MeshErrorCode } from "../../errors.ts";
import { Exchange } from "../../http/exchange.ts";
import { HeaderList } from "../../http/header_list.ts";
import { connectHttp1 } from "../../http/http1/client_connection.ts";
import type { HttpRequest, HttpResponse } from "../../http/message.ts";
import { Backoff } from "../../internal/backoff.ts";
import type { Clock } from "../../internal/clock.ts";
import type { Logger } from "../../internal/logger.ts";
import type { Random } from "../../internal/random.ts";
import type { ByteStream } from "../../transport/byte_stream.ts";
import type { Connector } from "../../transport/connector.ts";
import { acceptAnyPeer, matchHostname } from "../../transport/peer_rules.ts";
import type { ClientTls } from "../../transport/tls_options.ts";
import { FetchFailure } from "./fetch_failure.ts";
import { blockedAddress, shownUrl } from "./module_url.ts";
import { sleep } from "../../internal/sleep.ts";

/** What {@linkcode HttpGet} works with. */
export interface HttpGetOptions {
  readonly connector: Connector;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Most milliseconds of one try. Istio: `WASM_HTTP_REQUEST_TIMEOUT`, 15 s. */
  readonly requestTimeoutMs: number;
  /** Most tries. Istio: `WASM_HTTP_REQUEST_MAX_RETRIES`, 5. */
  readonly maxTries: number;
  /** Milliseconds between the first two tries, give or take a half; Istio's. @default {500} */
  readonly initialBackoffMs?: number;
}

/** One download. */
export interface Download {
  readonly url: string;
  /** Header fields by lower-case name. `authorization` is not sent on to another host. */
  readonly headers: Readonly<Record<string, string>>;
  /** Most bytes of content. */
  readonly maxBytes: number;
  /** Whether the host may have a certificate that nobody vouches for, or send us on to plaintext. */
  readonly insecure: boolean;
  readonly signal: AbortSignal;
  /** Most tries. @default {those of all downloads} */
  readonly maxTries?: number;
}

/** What came of it. */
export interface Downloaded {
  readonly status: number;
  readonly headers: HeaderList;
  readonly content: Uint8Array;
}

const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Answers of the server's own trouble that no further try mends, as in Istio's agent. */
const FINAL: ReadonlySet<number> = new Set([501, 505, 511]);
/** What no further try mends. */
const FINAL_CODES: ReadonlySet<MeshErrorCode> = new Set(["PERMISSION_MISSING", "PEER_NOT_VERIFIED"]);
/** Answers to a request that may be asked again. */
const AGAIN: ReadonlySet<number> = new Set([408, 429]);

/**
 * Downloads over HTTP/1.1, a connection each: redirects are followed, failures that may pass are tried again with
 * Istio's back-off (0.5 s, half as much more each time, give or take a half).
 */
export class HttpGet {
  readonly #options: HttpGetOptions;

  /** @param options Where connections and time come from. */
  constructor(options: HttpGetOptions) {
    this.#options = options;
  }

  /**
   * Downloads; resolves with any final answer that no further try would change.
   *
   * @throws {FetchFailure} When there is none. An abort rejects with the signal's reason.
   */
  async get(download: Download): Promise<Downloaded> {
    const { clock, random, initialBackoffMs = 500 } = this.#options;
    const maxTries = download.maxTries ?? this.#options.maxTries;
    const backoff = new Backoff({
      initialMs: 1.5 * initialBackoffMs,
      maxMs: 90_000,
      multiplier: 1.5,
      jitter: 2 / 3,
      random,
    });
    for (let tries = 1;; tries++) {
      let failure: FetchFailure;
      try {
        const answer = await this.#once(download);
        if (!isTransient(answer.status)) return answer;
        failure = new FetchFailure(`the server answered with status '${answer.status}'`, true, true);
      } catch (error) {
        download.signal.throwIfAborted();
        failure = asFailure(error);
      }
      if (!failure.retryable) throw failure;
      if (tries >= maxTries) {
        throw tries === 1
          ? failure
          : new FetchFailure(`${failure.message}, after '${tries}' tries`, true, failure.answered);
      }
      await sleep(clock, backoff.next(), download.signal);
    }
  }

  /** One try, with its redirects. */
  async #once(download: Download): Promise<Downloaded> {
    const { clock, requestTimeoutMs } = this.#options;
    const stop = new AbortController();
    const expired = new FetchFailure(`there was no complete answer within '${requestTimeoutMs}' ms`, true);
    const timer = clock.timer(requestTimeoutMs, () => stop.abort(expired), { ref: true });
    const abort = () => stop.abort(download.signal.reason);
    if (download.signal.aborted) abort();
    download.signal.addEventListener("abort", abort, { once: true });
    try {
      return await this.#follow(download, stop.signal);
    } finally {
      timer.cancel();
      download.signal.removeEventListener("abort", abort);
    }
  }

  async #follow({ url, headers, maxBytes, insecure }: Download, signal: AbortSignal): Promise<Downloaded> {
    let at = parseUrl(url);
    const origin = at.origin;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const own = at.origin === origin ? headers : without(headers, "authorization");
      const answer = await this.#request(at, own, maxBytes, insecure, signal);
      const location = REDIRECTS.has(answer.status) ? answer.headers.get("location") : undefined;
      if (location === undefined) return answer;
      const next = parseUrl(location, at);
      if (at.protocol === "https:" && next.protocol === "http:" && !insecure) {
        throw new FetchFailure(`the server sends us on to plaintext, '${shownUrl(next.href)}'`, false);
      }
      at = next;
    }
    throw new FetchFailure(`the server sends us on more than '${MAX_REDIRECTS}' times`, false);
  }

  async #request(
    url: URL,
    headers: Readonly<Record<string, string>>,
    maxBytes: number,
    insecure: boolean,
    signal: AbortSignal,
  ): Promise<Downloaded> {
    const { clock, logger } = this.#options;
    const connection = connectHttp1(await this.#connect(url, insecure, signal), { clock, logger });
    const exchange = new Exchange();
    const abort = () => {
      exchange.cancel(signal.reason);
      connection.close();
    };
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      const response = await connection.send(requestOf(url, headers), exchange);
      return { status: response.status, headers: response.headers, content: await contentOf(response, maxBytes) };
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener("abort", abort);
      connection.close();
    }
  }

  async #connect(url: URL, insecure: boolean, signal: AbortSignal): Promise<ByteStream> {
    const { connector, requestTimeoutMs } = this.#options;
    const hostname = url.hostname.replace(/^\[|\]$/g, "");
    const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
    refuseBlocked(hostname);
    const stream = await connector.connect({
      address: { hostname, port },
      tls: url.protocol === "https:" ? tlsOf(hostname, insecure) : null,
      connectTimeoutMs: requestTimeoutMs,
      signal,
    });
    try {
      // A name may lead there, too; nothing has been sent yet.
      refuseBlocked(stream.info.remote.hostname);
    } catch (error) {
      stream.destroy();
      throw error;
    }
    return stream;
  }
}

function tlsOf(hostname: string, insecure: boolean): ClientTls {
  const isName = !/^[\d.]+$|:/.test(hostname);
  return {
    certificate: null,
    trust: insecure ? "none" : "system",
    acceptSans: insecure ? acceptAnyPeer : matchHostname(hostname),
    alpn: ["http/1.1"],
    sni: isName ? hostname : "",
  };
}

function requestOf(url: URL, headers: Readonly<Record<string, string>>): HttpRequest {
  const list = new HeaderList(["user-agent", "enmesh"]);
  for (const [name, value] of Object.entries(headers)) list.set(name, value);
  if (url.username !== "" && headers.authorization === undefined) {
    const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    list.set("authorization", `Basic ${new TextEncoder().encode(user).toBase64()}`);
  }
  return {
    method: "GET",
    scheme: url.protocol.slice(0, -1),
    authority: url.host,
    path: `${url.pathname}${url.search}`,
    headers: list,
    body: null,
    protocol: "HTTP/1.1",
  };
}

async function contentOf({ body }: HttpResponse, maxBytes: number): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const tooLarge = () => {
    body.cancel();
    return new FetchFailure(`the content is larger than '${maxBytes}' bytes`, false);
  };
  if (body.length !== null && body.length > maxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let chunk = await body.read(); chunk !== null; chunk = await body.read()) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  const content = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    content.set(chunk, at);
    at += chunk.length;
  }
  return content;
}

function parseUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new FetchFailure(`'${shownUrl(text)}' is no HTTP URL`, false);
  }
  return url;
}

function refuseBlocked(hostname: string): void {
  const reason = blockedAddress(hostname);
  if (reason !== null) throw new FetchFailure(`'${hostname}' must not be asked: ${reason}`, false);
}

function isTransient(status: number): boolean {
  return AGAIN.has(status) || (status >= 500 && !FINAL.has(status));
}

function asFailure(error: unknown): FetchFailure {
  if (error instanceof FetchFailure) return error;
  const final = error instanceof MeshError && FINAL_CODES.has(error.code);
  return new FetchFailure(error instanceof Error ? error.message : String(error), !final);
}

function without(headers: Readonly<Record<string, string>>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name));
}
