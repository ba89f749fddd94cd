import { Http2Stream } from "./stream.ts";
import type { HttpRequest } from "../message.ts";

/** A stream as the server sees it: a request that is answered. */
export class ServerStream extends Http2Stream {
  /** The request, until the handler has it. */
  request: HttpRequest | null = null;
  /** The method is HEAD: the response has no content whatever the handler gives. */
  isHead = false;
  /** The method is CONNECT: either direction may end long before the other. */
  isTunnel = false;
}
