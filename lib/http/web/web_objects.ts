import type { Body } from "../body.ts";
import type { HttpRequest, HttpResponse } from "../message.ts";

/** What a request does not know itself and its web object shows. */
export interface RequestFacts {
  /** The whole URL, as `request.url` is to show it. */
  readonly url: string;
  /** Makes or finds the signal that aborts when the caller goes; called only when somebody looks. */
  signal(): AbortSignal;
}

/** What a response does not know itself and its web object shows. */
export interface ResponseFacts {
  /** URL of the last request, with or without fragment. */
  readonly url: string;
  /** Whether a redirect was followed. */
  readonly redirected: boolean;
  /** Method of the request: a response to HEAD has no body. */
  readonly method: string;
  /**
   * Whether `gzip` and `br` content is decoded, as `fetch` does it: not for a request with a `range` header.
   * @default {true}
   */
  readonly decode?: boolean;
}

/**
 * A way to turn messages into real web objects and back. There are two: a plain one over the public API, and one that
 * knows where the runtime keeps their state and costs a tenth. Both pass the same conformance suite.
 */
export interface WebObjects {
  /** A request for a handler; its headers are immutable, as those of `Deno.serve` are. */
  toRequest(request: HttpRequest, facts: RequestFacts): Request;
  /** A response whose status (200 to 599) and body are fit for the class. `null` is a response without a body. */
  toResponse(response: HttpResponse, body: Body | null, facts: ResponseFacts): Response;
  /**
   * The message a handler's response stands for; the response is used up.
   *
   * @throws {TypeError} When it is no response, an error response, or used already.
   */
  fromResponse(response: Response): HttpResponse;
  /**
   * The content of a request that `new Request` made; the request is used up.
   *
   * @returns The bytes where they are in memory, else a body that streams, or `null` for none.
   */
  takeRequestBody(request: Request): Uint8Array | Body | null;
}
