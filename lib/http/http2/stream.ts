import type { Body, QueueBody, QueueBodyOwner } from "../body.ts";
import type { Exchange } from "../exchange.ts";
import { Http2ErrorCode } from "./error_code.ts";
import { ReceiveWindow } from "./receive_window.ts";

/** What a stream needs of its connection. */
export interface StreamOwner {
  /** The reader of the stream's content took bytes. */
  streamConsumed(stream: Http2Stream, bytes: number): void;
  /** The reader of the stream's content wants no more. */
  streamAbandoned(stream: Http2Stream): void;
}

/** Why content is not taken, and the code the stream is reset with. */
export interface ContentRefusal {
  readonly errorCode: number;
  readonly message: string;
}

/**
 * One request and its response on an HTTP/2 connection.
 *
 * States (RFC 9113 section 5.1), as two flags and an end: open (neither flag), half-closed (one of `localEnded` and
 * `remoteEnded`), closed (`closed`: both, or reset). A closed stream is in no map, and nothing of it changes any more.
 */
export class Http2Stream implements QueueBodyOwner {
  readonly id: number;
  readonly exchange: Exchange;
  readonly #owner: StreamOwner;
  /** We have sent END_STREAM. */
  localEnded = false;
  /** The peer has sent END_STREAM. */
  remoteEnded = false;
  closed = false;

  /** Content that arrives; `null` before the head and where there is none. */
  incoming: QueueBody | null = null;
  /** What the peer may still send. */
  readonly receive: ReceiveWindow;
  /** Declared and received length of that content; -1 where none was declared. */
  declaredLength = -1;
  receivedLength = 0;

  /** The reader wants no more; what still comes is dropped. */
  abandoned = false;

  /** What we may still send; negative after the peer has made its initial window smaller (section 6.9.2). */
  sendWindow: number;
  /** Content that leaves; `null` before and after. */
  outgoing: Body | null = null;
  /** The piece of it that is being sent, and how far. */
  chunk: Uint8Array | null = null;
  offset = 0;
  /** Whether nothing comes after that piece but trailers. */
  lastChunk = false;
  /** Whether the stream waits in the queue of the sender. */
  queued = false;
  /** Bytes sent, what that was when the stall check last looked, and how often it was the same. */
  sentBytes = 0;
  sentBytesAtCheck = -1;
  stalledChecks = 0;

  /**
   * @param id The stream identifier.
   * @param exchange The exchange it carries.
   * @param owner The connection.
   * @param receiveWindow What the peer may send before we announce more.
   * @param sendWindow What we may send at first.
   */
  constructor(id: number, exchange: Exchange, owner: StreamOwner, receiveWindow: number, sendWindow: number) {
    this.id = id;
    this.exchange = exchange;
    this.#owner = owner;
    this.receive = new ReceiveWindow(receiveWindow);
    this.sendWindow = sendWindow;
  }

  /** Counts content that arrived; returns what is wrong with it, if anything. */
  receiveContent(flowBytes: number, contentBytes: number, last: boolean): ContentRefusal | null {
    if (this.remoteEnded) return AFTER_END;
    if (this.incoming === null) return BEFORE_HEAD;
    if (!this.receive.take(flowBytes)) return ABOVE_WINDOW;
    this.receivedLength += contentBytes;
    return this.lengthDiffers(this.receivedLength, last) ? WRONG_LENGTH : null;
  }

  /** Whether the content is longer than declared or, at its end, shorter. */
  lengthDiffers(length: number, last: boolean): boolean {
    return this.declaredLength >= 0 && (length > this.declaredLength || (last && length !== this.declaredLength));
  }

  consumed(bytes: number): void {
    // After the end the connection has taken back what was unread: see `closeStream`.
    if (!this.closed) this.#owner.streamConsumed(this, bytes);
  }

  cancelled(): void {
    this.abandoned = true;
    if (!this.closed) this.#owner.streamAbandoned(this);
  }
}

const AFTER_END: ContentRefusal = { errorCode: Http2ErrorCode.STREAM_CLOSED, message: "DATA after END_STREAM" };
const BEFORE_HEAD: ContentRefusal = { errorCode: Http2ErrorCode.PROTOCOL_ERROR, message: "DATA before HEADERS" };
const ABOVE_WINDOW: ContentRefusal = {
  errorCode: Http2ErrorCode.FLOW_CONTROL_ERROR,
  message: "more DATA than the stream's window",
};
const WRONG_LENGTH: ContentRefusal = {
  errorCode: Http2ErrorCode.PROTOCOL_ERROR,
  message: "content-length differs from the content",
};
