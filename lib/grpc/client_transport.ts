import type { Call } from "../http/call.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { FetchUrl } from "../http/web/fetch_url.ts";

/** What carries the calls of a channel; the mesh implements it over its outbound stack. */
export interface GrpcTransport {
  /** Whether nothing can be sent any more. */
  readonly closed: boolean;
  /**
   * Sends a request; what goes wrong on the way is a response.
   *
   * @throws {MeshError} `MESH_CLOSED`; otherwise what the exchange was cancelled with.
   */
  send(url: FetchUrl, request: HttpRequest, call: Call): Promise<HttpResponse>;
  /** Calls `listener` once the transport closes; returns a function that forgets it. */
  onClose(listener: () => void): () => void;
}
