import type { HttpResponse } from "../message.ts";
import { Http2Stream } from "./stream.ts";

/** A stream as the client sees it: a request whose response is awaited. */
export class ClientStream extends Http2Stream {
  /** The response head, not the informational ones, has arrived. */
  headSeen = false;
  /** HEAD: the declared length is not that of the content. */
  isHead = false;
  /** Settle the promise of the response head. */
  resolve!: (response: HttpResponse) => void;
  reject!: (error: unknown) => void;
}
