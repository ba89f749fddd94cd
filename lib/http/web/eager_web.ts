import type { Body } from "../body.ts";
import { HeaderList } from "../header_list.ts";
import { reasonPhrase } from "../reason_phrase.ts";
import type { HttpRequest, HttpResponse } from "../message.ts";
import { bodyStream } from "./body_stream.ts";
import { contentCoding, decodedStream } from "./content_decoding.ts";
import { StreamBody } from "./stream_body.ts";
import type { RequestFacts, ResponseFacts, WebObjects } from "./web_objects.ts";
import { webHeaderPairs } from "./web_header_pairs.ts";

/** Codings `fetch` has taken off already when a response that it returned says it has them. */
const DECODED_BY_FETCH = /^(?:gzip|br)$/i;

/** Real web objects over the public API only: the plain fall-back. */
export const eagerWeb: WebObjects = {
  toRequest(request: HttpRequest, facts: RequestFacts): Request {
    const { method } = request;
    const body = method === "GET" || method === "HEAD" ? null : request.body;
    const forbidden = /^(?:connect|trace|track)$/i.test(method);
    const web = new Request(facts.url, {
      method: forbidden ? "POST" : method,
      headers: webHeaderPairs(request.headers, request.authority),
      body: body === null ? null : webBody(body),
      signal: facts.signal(),
    });
    // The class refuses methods that a server may well be asked for.
    return forbidden ? Object.defineProperty(web, "method", { value: method }) : web;
  },

  toResponse(response: HttpResponse, body: Body | null, facts: ResponseFacts): Response {
    const coding = body === null || facts.decode === false ? null : contentCoding(response.headers);
    let { headers } = response;
    let content: BodyInit | null = null;
    if (body !== null) content = coding === null ? webBody(body) : decodedStream(bodyStream(body), coding);
    if (coding !== null) {
      // Whoever passes this response on could not know that its content is decoded.
      headers = headers.clone();
      headers.delete("content-encoding");
      headers.delete("content-length");
    }
    const { status } = response;
    const init = { status, statusText: reasonPhrase(status), headers: webHeaderPairs(headers, null) };
    return withFacts(new Response(content, init), facts);
  },

  fromResponse(response: Response): HttpResponse {
    if (!(response instanceof Response)) throw new TypeError("Cannot send the response: it is not a Response");
    if (response.type === "error") throw new TypeError("Cannot send the response: it is Response.error()");
    if (response.bodyUsed || response.body?.locked) {
      throw new TypeError("Cannot send the response: its body was read or is locked");
    }
    const headers = new HeaderList();
    response.headers.forEach((value, name) => headers.append(name, value));
    if (response.type !== "default" && DECODED_BY_FETCH.test(headers.get("content-encoding") ?? "")) {
      headers.delete("content-encoding");
      headers.delete("content-length");
    }
    return { status: response.status, headers, body: response.body === null ? null : new StreamBody(response.body) };
  },

  takeRequestBody(request: Request): Body | null {
    if (request.bodyUsed || request.body?.locked) {
      throw new TypeError("Cannot send the request: its body was read or is locked");
    }
    return request.body === null ? null : new StreamBody(request.body);
  },
};

function webBody(body: Body): BodyInit {
  const whole = body.whole();
  if (whole === null) return bodyStream(body);
  body.cancel();
  return whole as Uint8Array<ArrayBuffer>;
}

/** Shows what only `fetch` can give a response, on its clones too. */
function withFacts(response: Response, facts: ResponseFacts): Response {
  const url = facts.url.split("#", 1)[0]!;
  return Object.defineProperties(response, {
    url: { value: url, configurable: true },
    redirected: { value: facts.redirected, configurable: true },
    type: { value: "basic", configurable: true },
    clone: {
      value: () => withFacts(Response.prototype.clone.call(response), facts),
      configurable: true,
      writable: true,
    },
  });
}
