import { type Body, BytesBody } from "../body.ts";
import { HeaderList } from "../header_list.ts";
import type { HttpRequest } from "../message.ts";
import { chosenWeb } from "./chosen_web.ts";
import { type FetchUrl, FetchUrls } from "./fetch_url.ts";
import type { WebObjects } from "./web_objects.ts";

/** What the arguments of `fetch` ask for. */
export interface OutgoingRequest {
  /** The first request; its headers are complete but for what the codec adds. */
  readonly request: HttpRequest;
  /** Where it goes; its authority is the URL's even where a `host` header names another. */
  readonly url: FetchUrl;
  /** The caller's signal; `null` for none. */
  readonly signal: AbortSignal | null;
  /** What to do with a redirect. */
  readonly redirect: "follow" | "manual" | "error";
  /** Content that can be sent again, for redirects and retries; `null` for none, or where it is a stream. */
  readonly bytes: Uint8Array | null;
  /** Whether the content is a stream, which can be sent once. */
  readonly streaming: boolean;
}

/** Settings of {@linkcode fromFetchArguments}. */
export interface FromFetchOptions {
  /** Remembers URLs between calls; without it each is read anew. */
  urls?: FetchUrls;
  /** How to read a `Request`; the conformance suite passes each way. */
  web?: WebObjects;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const PLAIN_VALUE = /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/;
const KNOWN_METHODS = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]);
const USER_AGENT = `Deno/${Deno.version.deno}`;
const encoder = new TextEncoder();

/** Fields that belong to the connection: the codec writes its own. */
const CONNECTION_FIELDS = new Set([
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Reads the arguments of `fetch` with its rules: same defaults, same headers (`accept`, `accept-language`,
 * `user-agent`, `accept-encoding`), same `TypeError`s. One difference is the mesh's: a `host` header is kept, as
 * authority, for it picks the virtual host.
 *
 * A string or URL with plain settings is read without making a `Request`; anything else goes through the class, so that
 * its rules apply by themselves.
 *
 * @throws {TypeError} Where `fetch` rejects with one; also for a scheme other than http(s), and for `client`, which
 * would bring its own connections.
 */
export function fromFetchArguments(
  input: RequestInfo | URL,
  init?: RequestInit,
  options: FromFetchOptions = {},
): OutgoingRequest {
  const urls = options.urls ?? new FetchUrls();
  return fromPlain(input, init, urls) ?? fromRequest(input, init, urls, options.web ?? chosenWeb);
}

/** The fast path; `null` for anything it is not sure about. */
function fromPlain(input: RequestInfo | URL, init: RequestInit | undefined, urls: FetchUrls): OutgoingRequest | null {
  if (typeof input !== "string" && !(input instanceof URL)) return null;
  let method = "GET";
  let headers: HeaderList | null = new HeaderList();
  let bytes: Uint8Array | null = null;
  let type: string | null = null;
  let signal: AbortSignal | null = null;
  let redirect: "follow" | "manual" | "error" = "follow";
  for (const key in init) {
    const value: unknown = init[key as keyof RequestInit];
    if (value === undefined) continue;
    switch (key) {
      case "method":
        if (typeof value !== "string" || !KNOWN_METHODS.has(value)) return null;
        method = value;
        break;
      case "headers":
        headers = plainHeaders(value);
        if (headers === null) return null;
        break;
      case "body":
        if (value === null) break;
        if (typeof value === "string") {
          bytes = encoder.encode(value);
          type = "text/plain;charset=UTF-8";
        } else if (value instanceof Uint8Array && value.buffer instanceof ArrayBuffer) {
          // What the caller writes into its array later must not reach the wire.
          bytes = new Uint8Array(value);
        } else if (value instanceof URLSearchParams) {
          bytes = encoder.encode(value.toString());
          type = "application/x-www-form-urlencoded;charset=UTF-8";
        } else return null;
        break;
      case "signal":
        if (value !== null && !(value instanceof AbortSignal)) return null;
        signal = value;
        break;
      case "redirect":
        if (value !== "follow" && value !== "manual" && value !== "error") return null;
        redirect = value;
        break;
      default:
        return null;
    }
  }
  if (bytes !== null && (method === "GET" || method === "HEAD")) return null;
  let url: FetchUrl;
  try {
    url = urls.read(typeof input === "string" ? input : input.href);
  } catch {
    return null;
  }
  if (type !== null && !headers.has("content-type")) headers.append("content-type", type);
  return outgoing(method, url, headers, bytes, bytes === null ? null : new BytesBody(bytes), signal, redirect);
}

/** Headers given as a plain record or as `Headers`; `null` where the class has to judge. */
function plainHeaders(given: unknown): HeaderList | null {
  const headers = new HeaderList();
  if (given instanceof Headers) {
    given.forEach((value, name) => headers.append(name, value));
    return headers;
  }
  if (typeof given !== "object" || given === null || Symbol.iterator in given) return null;
  for (const name of Object.keys(given)) {
    const value: unknown = (given as Record<string, unknown>)[name];
    if (typeof value !== "string" || !TOKEN.test(name) || !PLAIN_VALUE.test(value)) return null;
    headers.append(name.toLowerCase(), value);
  }
  return headers;
}

function fromRequest(
  input: RequestInfo | URL,
  init: RequestInit | undefined,
  urls: FetchUrls,
  web: WebObjects,
): OutgoingRequest {
  const given: object = init ?? {};
  if ("client" in given && given.client !== undefined && given.client !== null) {
    throw new TypeError("Cannot fetch with 'client': the mesh makes the connections; use the global fetch for it");
  }
  const request = new Request(input, init);
  const url = urls.read(request.url);
  const headers = new HeaderList();
  request.headers.forEach((value, name) => headers.append(name, value));
  const signal = init?.signal !== undefined ? init.signal : input instanceof Request ? input.signal : null;
  const content = web.takeRequestBody(request);
  const bytes = content instanceof Uint8Array ? content : null;
  const body = bytes === null ? content as Body | null : new BytesBody(bytes);
  return outgoing(request.method, url, headers, bytes, body, signal ?? null, request.redirect);
}

function outgoing(
  method: string,
  url: FetchUrl,
  headers: HeaderList,
  bytes: Uint8Array | null,
  body: Body | null,
  signal: AbortSignal | null,
  redirect: "follow" | "manual" | "error",
): OutgoingRequest {
  let authority = url.authority;
  let accept = false;
  let language = false;
  let agent = false;
  let encoding = false;
  let range = false;
  let authorization = false;
  const given = headers.pairs;
  const pairs: string[] = [];
  for (let i = 0; i < given.length; i += 2) {
    const name = given[i]!;
    const value = given[i + 1]!;
    switch (name) {
      case "host":
        authority = value;
        continue;
      case "accept":
        accept = true;
        break;
      case "accept-language":
        language = true;
        break;
      case "user-agent":
        agent = true;
        break;
      case "accept-encoding":
        encoding = true;
        break;
      case "range":
        range = true;
        break;
      case "authorization":
        authorization = true;
        break;
      case "te":
        // The one value HTTP/2 allows, and gRPC asks for.
        if (value.toLowerCase() !== "trailers") continue;
        break;
      default:
        if (CONNECTION_FIELDS.has(name)) continue;
    }
    pairs.push(name, value);
  }
  if (url.authorization !== null && !authorization) pairs.push("authorization", url.authorization);
  if (!accept) pairs.push("accept", "*/*");
  if (!language) pairs.push("accept-language", "*");
  if (!agent) pairs.push("user-agent", USER_AGENT);
  if (!encoding) pairs.push("accept-encoding", range ? "identity" : "gzip,br");
  return {
    request: {
      method,
      scheme: url.protocol === "https:" ? "https" : "http",
      authority,
      path: url.path,
      headers: new HeaderList(pairs),
      body,
      protocol: "HTTP/1.1",
    },
    url,
    signal,
    redirect,
    bytes,
    streaming: body !== null && bytes === null,
  };
}
