import { mayBeChosen } from "./close_code.ts";
import {
  WebSocketConnection,
  type WebSocketConnectionOptions,
  type WebSocketEnd,
  WebSocketState,
} from "./connection.ts";
import { Opcode } from "./opcode.ts";

/** A listener given by attribute (`onopen` and its like). */
type Listener<E extends Event> = ((this: WebSocket, event: E) => unknown) | null;

/** What a {@linkcode MeshWebSocket} is made of. */
export interface MeshWebSocketOptions extends Omit<WebSocketConnectionOptions, "role"> {
  readonly role: "client" | "server";
  /** The URL, with `ws:` or `wss:`. */
  readonly url: string;
  /** Sub-protocol that is settled already (server). @default {""} */
  readonly protocol?: string;
}

/** Most bytes of the reason of a close frame: what a control frame holds, less the code. */
const MAX_REASON_BYTES = 123;

const encoder = new TextEncoder();

/**
 * The `WebSocket` of the web standards over an upgraded request of the mesh. `readyState` is the state of its
 * {@linkcode WebSocketConnection}.
 */
export class MeshWebSocket extends EventTarget implements WebSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readonly url: string;
  /** Always empty: no extension is offered or accepted. */
  readonly extensions = "";
  /** Frames and close handshake; the mesh's side of the object. */
  readonly connection: WebSocketConnection;
  /** Called when it is over, after its events. */
  onEnd: (() => void) | null = null;
  #protocol: string;
  #binaryType: BinaryType = "blob";
  readonly #origin: string;
  readonly #listeners = new Map<string, { current: Listener<Event> }>();

  /** @param options Role, URL, bounds. */
  constructor(options: MeshWebSocketOptions) {
    super();
    this.url = options.url;
    this.#protocol = options.protocol ?? "";
    this.#origin = new URL(options.url).origin;
    this.connection = new WebSocketConnection({
      onOpen: () => void this.dispatchEvent(new Event("open")),
      onMessage: (data) => this.#onMessage(data),
      onClosed: (end) => this.#onClosed(end),
    }, options);
  }

  get readyState(): number {
    return this.connection.state;
  }

  get protocol(): string {
    return this.#protocol;
  }

  /** Settles the sub-protocol the server chose. */
  setProtocol(protocol: string): void {
    this.#protocol = protocol;
  }

  get bufferedAmount(): number {
    return this.connection.outgoing.bufferedAmount;
  }

  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(type: BinaryType) {
    // As the standard has it for enumerations: anything else is ignored.
    if (type === "blob" || type === "arraybuffer") this.#binaryType = type;
  }

  /**
   * Queues a message. What the caller does with its bytes afterwards changes nothing.
   *
   * @throws {DOMException} `InvalidStateError` before the socket is open.
   */
  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    if (this.readyState === WebSocketState.Connecting) {
      throw new DOMException("Cannot send: the WebSocket is not open yet; wait for 'open'", "InvalidStateError");
    }
    const { outgoing } = this.connection;
    if (data instanceof Blob) {
      outgoing.message(Opcode.BINARY, data.arrayBuffer().then((buffer) => new Uint8Array(buffer)), data.size);
    } else if (ArrayBuffer.isView(data)) {
      // Sliced, not shared: the caller may write into its memory at once.
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
      outgoing.message(Opcode.BINARY, bytes, bytes.length);
    } else if (isBuffer(data)) {
      const bytes = new Uint8Array(data).slice();
      outgoing.message(Opcode.BINARY, bytes, bytes.length);
    } else {
      const bytes = encoder.encode(String(data));
      outgoing.message(Opcode.TEXT, bytes, bytes.length);
    }
  }

  /**
   * Begins the close handshake behind the messages that wait; before the socket is open it gives up.
   *
   * @param code 1000 or 3000 to 4999. @default {none}
   * @param reason At most 123 bytes of UTF-8. @default {""}
   * @throws {DOMException} `InvalidAccessError` for another code, `SyntaxError` for a longer reason.
   */
  close(code?: number, reason?: string): void {
    let number: number | null = null;
    if (code !== undefined) {
      // Web IDL's [Clamp] unsigned short.
      number = Math.min(Math.max(Math.round(Number(code)) || 0, 0), 65535);
      if (!mayBeChosen(number)) {
        throw new DOMException(
          `Cannot close with the code '${code}': it must be 1000, or 3000 to 4999`,
          "InvalidAccessError",
        );
      }
    }
    const text = reason === undefined ? "" : String(reason);
    const { length } = encoder.encode(text);
    if (length > MAX_REASON_BYTES) {
      throw new DOMException(
        `Cannot close with a reason of '${length}' bytes: at most ${MAX_REASON_BYTES} fit into the frame`,
        "SyntaxError",
      );
    }
    this.connection.close(number ?? (text === "" ? null : 1000), text);
  }

  get onopen(): Listener<Event> {
    return this.#listener("open");
  }

  set onopen(listener: Listener<Event>) {
    this.#setListener("open", listener);
  }

  get onmessage(): Listener<MessageEvent> {
    return this.#listener("message") as Listener<MessageEvent>;
  }

  set onmessage(listener: Listener<MessageEvent>) {
    this.#setListener("message", listener as Listener<Event>);
  }

  get onerror(): Listener<Event> {
    return this.#listener("error");
  }

  set onerror(listener: Listener<Event>) {
    this.#setListener("error", listener);
  }

  get onclose(): Listener<CloseEvent> {
    return this.#listener("close") as Listener<CloseEvent>;
  }

  set onclose(listener: Listener<CloseEvent>) {
    this.#setListener("close", listener as Listener<Event>);
  }

  #listener(type: string): Listener<Event> {
    return this.#listeners.get(type)?.current ?? null;
  }

  /** A listener by attribute keeps the place among the others that the first one of its type had. */
  #setListener(type: string, listener: Listener<Event>): void {
    const current = typeof listener === "function" ? listener : null;
    const known = this.#listeners.get(type);
    if (known !== undefined) {
      known.current = current;
    } else if (current !== null) {
      const entry = { current: current as Listener<Event> };
      this.#listeners.set(type, entry);
      const listen = (event: Event) => void entry.current?.call(this, event);
      this.addEventListener(type, listen as EventListener);
    }
  }

  #onMessage(data: string | Uint8Array): void {
    // A buffer of its own: what arrived may be a part of a larger one.
    const shown = typeof data === "string"
      ? data
      : this.#binaryType === "blob"
      ? new Blob([data as Uint8Array<ArrayBuffer>])
      : new Uint8Array(data).buffer;
    this.dispatchEvent(new MessageEvent("message", { data: shown, origin: this.#origin }));
  }

  #onClosed({ code, reason, wasClean, error }: WebSocketEnd): void {
    if (error !== null) this.dispatchEvent(new ErrorEvent("error", { message: error, error: new Error(error) }));
    this.dispatchEvent(new CloseEvent("close", { code, reason, wasClean }));
    this.onEnd?.();
  }
}

function isBuffer(data: unknown): data is ArrayBufferLike {
  return data instanceof ArrayBuffer || (typeof SharedArrayBuffer !== "undefined" && data instanceof SharedArrayBuffer);
}
