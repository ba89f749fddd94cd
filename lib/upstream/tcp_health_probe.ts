import type { TcpHealthCheck } from "../resource/health_check.ts";
import type { ByteStream } from "../transport/byte_stream.ts";
import type { CheckResult } from "./health_check_state.ts";
import { GOOD_ANSWER, type HealthProbe, NETWORK_FAILURE } from "./health_probe.ts";
import { containsInOrder } from "./payload_match.ts";

/** Most bytes that are looked through for what is expected. */
const MAX_RECEIVED_BYTES = 1 << 20;

/** What a {@linkcode TcpHealthProbe} works with. */
export interface TcpHealthProbeOptions {
  readonly what: TcpHealthCheck;
  readonly reuseConnection: boolean;
  /** Opens a connection to the host. */
  readonly connect: (signal: AbortSignal) => Promise<ByteStream>;
  /** Called when the server closes the connection between two checks: Envoy counts that as a failure. */
  readonly onBroken: () => void;
}

/** A connection that can be had; or one over which certain bytes come, in answer to certain bytes. */
export class TcpHealthProbe implements HealthProbe {
  readonly #options: TcpHealthProbeOptions;
  #stream: ByteStream | null = null;
  #received = new Uint8Array();
  #settle: ((result: CheckResult) => void) | null = null;

  /** @param options What to send and to expect. */
  constructor(options: TcpHealthProbeOptions) {
    this.#options = options;
  }

  async check(signal: AbortSignal): Promise<CheckResult> {
    const { what, connect, reuseConnection } = this.#options;
    try {
      const stream = this.#stream ?? this.#adopt(await connect(signal));
      if (signal.aborted) return this.#fail();
      if (what.receive.length === 0) {
        this.close();
        return GOOD_ANSWER;
      }
      const result = new Promise<CheckResult>((resolve) => this.#settle = resolve);
      signal.addEventListener("abort", () => this.#settle?.(this.#fail()), { once: true });
      // Cannot be lost to a stream that is gone by now: then `#settle` was called.
      if (what.send.length > 0) stream.write(what.send);
      const settled = await result;
      this.#settle = null;
      if (!reuseConnection) this.close();
      return settled;
    } catch {
      return this.#fail();
    }
  }

  close(): void {
    const stream = this.#stream;
    this.#stream = null;
    this.#received = new Uint8Array();
    stream?.destroy();
  }

  #fail(): CheckResult {
    this.close();
    return NETWORK_FAILURE;
  }

  #adopt(stream: ByteStream): ByteStream {
    this.#stream = stream;
    const lost = () => {
      if (this.#stream !== stream) return;
      this.close();
      if (this.#settle !== null) this.#settle(NETWORK_FAILURE);
      else this.#options.onBroken();
    };
    stream.setNoDelay(true);
    stream.unref();
    stream.start({ onData: (chunk) => this.#onData(chunk), onEnd: lost, onDrain: () => {}, onClose: lost });
    return stream;
  }

  #onData(chunk: Uint8Array): void {
    const received = new Uint8Array(Math.min(MAX_RECEIVED_BYTES, this.#received.length + chunk.length));
    received.set(this.#received);
    received.set(chunk.subarray(0, received.length - this.#received.length), this.#received.length);
    this.#received = received;
    if (this.#settle === null || !containsInOrder(received, this.#options.what.receive)) return;
    this.#received = new Uint8Array();
    this.#settle(GOOD_ANSWER);
  }
}
