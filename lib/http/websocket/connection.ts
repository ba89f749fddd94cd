import type { Clock, Timer } from "../../internal/clock.ts";
import type { Body } from "../body.ts";
import { CloseCode } from "./close_code.ts";
import { FrameReader, type FrameReaderOwner } from "./frame_reader.ts";
import type { WebSocketLimits } from "./limits.ts";
import { OutgoingFrames, type OutgoingFramesOwner } from "./outgoing_frames.ts";
import { WebSocketError } from "./web_socket_error.ts";

/** How a WebSocket ended. */
export interface WebSocketEnd {
  /** The peer's close code; 1005 where it gave none, 1006 where it sent no close frame. */
  readonly code: number;
  readonly reason: string;
  /** Whether both sides sent their close frame. */
  readonly wasClean: boolean;
  /** What went wrong; `null` where nothing did. */
  readonly error: string | null;
}

/** Is told what happens on a {@linkcode WebSocketConnection}: opened once, messages, closed once. */
export interface WebSocketConnectionOwner {
  onOpen(): void;
  onMessage(data: string | Uint8Array): void;
  onClosed(end: WebSocketEnd): void;
}

/** What a {@linkcode WebSocketConnection} needs. */
export interface WebSocketConnectionOptions {
  readonly role: "client" | "server";
  readonly clock: Clock;
  readonly limits: WebSocketLimits;
  /** Milliseconds of silence after which the peer is taken for dead; asked with a ping at half of it. 0 for never. */
  readonly idleTimeoutMs: number;
  /** Ends the exchange that carries the connection at once. */
  readonly abort: (reason: unknown) => void;
}

/** State of a connection: the numbers of `WebSocket.readyState`. */
export const enum WebSocketState {
  /** The upgrade is not through. -> Open | Closed */
  Connecting = 0,
  /** Messages go both ways. -> Closing | Closed */
  Open = 1,
  /** One side has sent its close frame. -> Closed */
  Closing = 2,
  /** Over; only the last bytes may still be on their way. */
  Closed = 3,
}

/**
 * A WebSocket over the two bodies of an upgraded request: answers pings, does the close handshake, gives up on a peer
 * that is silent or breaks the protocol. For the states see {@linkcode WebSocketState}.
 *
 * The server ends the connection after both close frames (RFC 6455 section 7.1.1); the client waits for that.
 */
export class WebSocketConnection implements FrameReaderOwner, OutgoingFramesOwner {
  /** What this side sends: the body of the request or of the response. */
  readonly outgoing: OutgoingFrames;
  readonly #options: WebSocketConnectionOptions;
  readonly #owner: WebSocketConnectionOwner;
  readonly #reader: FrameReader;
  #state: WebSocketState = WebSocketState.Connecting;
  #incoming: Body | null = null;
  #closeSent = false;
  #closeReceived: { readonly code: number; readonly reason: string } | null = null;
  #leaving = false;
  #closeTimer: Timer | null = null;
  #idleTimer: Timer | null = null;
  #heardAt = 0;
  #pinged = false;

  /**
   * @param owner Is told what happens.
   * @param options Role, time, bounds.
   */
  constructor(owner: WebSocketConnectionOwner, options: WebSocketConnectionOptions) {
    this.#owner = owner;
    this.#options = options;
    const client = options.role === "client";
    this.outgoing = new OutgoingFrames(this, client ? newKey : null);
    const { maxMessageBytes } = options.limits;
    this.#reader = new FrameReader(this, { peer: client ? "server" : "client", maxMessageBytes });
  }

  /** Where it is. */
  get state(): WebSocketState {
    return this.#state;
  }

  /** Client: the handshake is through; what the server sends is here. */
  open(incoming: Body): void {
    if (this.#state !== WebSocketState.Connecting) return incoming.cancel();
    this.#incoming = incoming;
    this.#begin(incoming);
  }

  /** Server: the answer is on its way; open once its head was written. */
  accept(incoming: Body): void {
    this.#incoming = incoming;
  }

  /** Begins the close handshake, or gives up connecting. `code` `null` sends none. */
  close(code: number | null, reason: string): void {
    if (this.#state === WebSocketState.Connecting) {
      this.#state = WebSocketState.Closing;
      queueMicrotask(() => this.fail("Cannot open the WebSocket: it was closed before it was open"));
    } else if (this.#state === WebSocketState.Open) {
      this.#state = WebSocketState.Closing;
      this.#sendClose(code, reason);
    }
  }

  /** The mesh or the server is going away: ends with 1001, also a socket that is not open yet. */
  leave(): void {
    this.#leaving = true;
    if (this.#state === WebSocketState.Open) this.close(CloseCode.GOING_AWAY, "");
    else if (this.#state === WebSocketState.Connecting && this.#options.role === "client") {
      // Its maker may not listen yet.
      queueMicrotask(() => this.fail("Cannot open the WebSocket: the mesh is being closed"));
    }
  }

  /** Ends it at once, with 1006 and the message. */
  fail(message: string): void {
    if (this.#state === WebSocketState.Closed) return;
    this.#finish({ code: CloseCode.ABNORMAL, reason: "", wasClean: false, error: message });
    queueMicrotask(() => this.#options.abort(new Error(message)));
  }

  // === FrameReaderOwner

  onMessage(data: string | Uint8Array): void {
    if (this.#state === WebSocketState.Open) this.#owner.onMessage(data);
  }

  onPing(payload: Uint8Array): void {
    this.outgoing.pong(payload);
  }

  onPong(): void {}

  onClose(code: number, reason: string): void {
    this.#closeReceived = { code, reason };
    if (this.#state === WebSocketState.Open) this.#state = WebSocketState.Closing;
    if (!this.#closeSent) this.#sendClose(code === CloseCode.NO_STATUS ? null : code, "");
    if (this.#options.role === "server") this.outgoing.end();
  }

  // === OutgoingFramesOwner

  onOpened(): void {
    const incoming = this.#incoming;
    if (this.#options.role === "client" || incoming === null) return;
    // The head of the answer is written in this turn; the application hears of it in the next.
    queueMicrotask(() => {
      if (this.#state === WebSocketState.Connecting) this.#begin(incoming);
    });
  }

  onDrained(): void {
    this.#stopCloseTimer();
    if (this.#closeReceived !== null) this.#finishClean();
    this.#incoming?.cancel();
  }

  onCancelled(reason: unknown): void {
    this.#stopCloseTimer();
    // Before the answer it is the answer that tells what happened.
    if (this.#state === WebSocketState.Connecting && this.#options.role === "client") return;
    this.#lost(reason);
  }

  // === The way in

  #begin(incoming: Body): void {
    this.#state = WebSocketState.Open;
    this.#heardAt = this.#options.clock.monotonic();
    this.#armIdle(this.#options.idleTimeoutMs / 2);
    this.#owner.onOpen();
    if (this.#leaving) this.leave();
    void this.#readAll(incoming);
  }

  async #readAll(incoming: Body): Promise<void> {
    try {
      for (let chunk = await incoming.read(); chunk !== null; chunk = await incoming.read()) {
        this.#heardAt = this.#options.clock.monotonic();
        this.#pinged = false;
        this.#reader.push(chunk);
      }
      this.#ended();
    } catch (error) {
      if (error instanceof WebSocketError) this.#violated(error);
      else this.#lost(error);
    }
  }

  /** The peer has sent its last byte. */
  #ended(): void {
    if (this.#closeReceived !== null) {
      this.#finishClean();
    } else {
      this.#finish({
        code: CloseCode.ABNORMAL,
        reason: "",
        wasClean: false,
        error: "Cannot read the WebSocket: the peer ended the connection without a close frame",
      });
    }
    this.outgoing.end();
  }

  #violated(error: WebSocketError): void {
    this.outgoing.drop();
    this.#sendClose(error.closeCode, error.message.slice(0, 123));
    this.outgoing.end();
    this.#finish({ code: CloseCode.ABNORMAL, reason: "", wasClean: false, error: error.message });
  }

  #lost(error: unknown): void {
    if (this.#closeReceived !== null && this.#closeSent) return this.#finishClean();
    this.fail(`The WebSocket was lost: ${error instanceof Error ? error.message : "the connection is gone"}`);
  }

  // === The end

  #sendClose(code: number | null, reason: string): void {
    if (this.#closeSent) return;
    this.#closeSent = true;
    this.outgoing.close(closePayload(code, reason));
    this.#closeTimer = this.#options.clock.timer(this.#options.limits.closeTimeoutMs, () => {
      this.#closeTimer = null;
      const reason = "Cannot close the WebSocket: the peer did not finish the close handshake in time";
      if (this.#closeReceived !== null) this.#finishClean();
      this.fail(reason);
      this.#options.abort(new Error(reason));
    });
  }

  #stopCloseTimer(): void {
    this.#closeTimer?.cancel();
    this.#closeTimer = null;
  }

  #finishClean(): void {
    const { code, reason } = this.#closeReceived!;
    this.#finish({ code, reason, wasClean: true, error: null });
  }

  #finish(end: WebSocketEnd): void {
    if (this.#state === WebSocketState.Closed) return;
    this.#state = WebSocketState.Closed;
    // The other timer goes on: our last bytes may still be on their way.
    this.#idleTimer?.cancel();
    this.#owner.onClosed(end);
  }

  /** Looks after a silent peer: a ping at half of the limit, the end at the whole of it. */
  #armIdle(ms: number): void {
    const { idleTimeoutMs, clock } = this.#options;
    if (idleTimeoutMs === 0) return;
    this.#idleTimer = clock.timer(ms, () => {
      if (this.#state === WebSocketState.Closed) return;
      const half = idleTimeoutMs / 2;
      const silent = clock.monotonic() - this.#heardAt;
      if (silent < half) return this.#armIdle(half - silent);
      if (!this.#pinged) {
        this.#pinged = true;
        this.outgoing.ping();
        return this.#armIdle(half);
      }
      const reason = "No response from ping frame";
      this.outgoing.drop();
      this.#sendClose(CloseCode.GOING_AWAY, reason);
      this.outgoing.end();
      this.#finish({ code: CloseCode.GOING_AWAY, reason, wasClean: false, error: reason });
    });
  }
}

function newKey(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(4));
}

function closePayload(code: number | null, reason: string): Uint8Array {
  if (code === null) return new Uint8Array(0);
  const text = new TextEncoder().encode(reason);
  const payload = new Uint8Array(2 + text.length);
  payload[0] = code >>> 8;
  payload[1] = code;
  payload.set(text, 2);
  return payload;
}
