import type { Body } from "./body.ts";
import type { HeaderList } from "./header_list.ts";

/** The version an HTTP message was or will be spoken in. */
export type HttpProtocol = "HTTP/1.0" | "HTTP/1.1" | "HTTP/2";

/** A request as it travels through the data path. Layers may change any field on its way. */
export interface HttpRequest {
  method: string;
  /** `http` or `https`: what the application asked for, not what the wire uses. */
  scheme: string;
  /** The `host` header or `:authority`, with its port where one was given. Never also in `headers`. */
  authority: string;
  /** Path and query, as on the wire: starts with `/`, or is `*`; empty for CONNECT. */
  path: string;
  /** All other fields, without pseudo-headers and without hop-by-hop fields. */
  headers: HeaderList;
  /** The content; `null` for none. */
  body: Body | null;
  protocol: HttpProtocol;
  /**
   * The protocol this request asks to go on with, lower case (`websocket`); absent for an ordinary request. `body` then
   * holds what the client sends after the upgrade. An answer of 101 carries what the server sends in its `body`, and both
   * directions end by themselves; any other answer is an ordinary one, and the body of the request is cancelled.
   */
  upgrade?: string;
}

/** A response as it travels through the data path. */
export interface HttpResponse {
  /** 200 to 999, or 101 to a request with `upgrade`: other informational responses are handled in the codec. */
  status: number;
  /** Without pseudo-headers and without hop-by-hop fields. */
  headers: HeaderList;
  /** The content; `null` for none (HEAD, 204, 304, or an empty one). */
  body: Body | null;
}
