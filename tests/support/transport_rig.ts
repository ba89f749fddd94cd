import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import type { MeshError } from "../../lib/errors.ts";
import { systemClock } from "../../lib/internal/clock.ts";
import { silentLogger } from "../../lib/internal/logger.ts";
import { type Acceptor, listen, type ListenOptions } from "../../lib/transport/acceptor.ts";
import type { ByteStream, ByteStreamHandler } from "../../lib/transport/byte_stream.ts";
import { type Connector, createConnector } from "../../lib/transport/connector.ts";
import { HandleRegistry } from "../../lib/transport/handle_registry.ts";
import type { RawConnection } from "../../lib/transport/raw_connection.ts";
import type { TransportFailure } from "../../lib/transport/transport_failure.ts";

/** A listener and a connector on loopback that share one registry; `close()` asserts that nothing is left open. */
export class TransportRig {
  readonly registry = new HandleRegistry();
  readonly connector: Connector = createConnector({ registry: this.registry, clock: systemClock });
  /** Failures of inbound connections, in order. */
  readonly failures: TransportFailure[] = [];
  acceptor!: Acceptor;

  /** Listens on a port of the system's choice. */
  static async start(
    onConnection: (connection: RawConnection) => void,
    options: Partial<ListenOptions> = {},
  ): Promise<TransportRig> {
    const rig = new TransportRig();
    rig.acceptor = await listen({ hostname: "127.0.0.1", port: 0 }, onConnection, {
      registry: rig.registry,
      logger: silentLogger,
      clock: systemClock,
      onTransportFailure: (failure) => rig.failures.push(failure),
      ...options,
    });
    return rig;
  }

  /** Stops listening and waits until nothing is open. */
  async close(): Promise<void> {
    await this.acceptor.close();
    await within(this.registry.idle(), () => `left open: ${JSON.stringify(this.registry.snapshot())}`);
    assert.equal(this.registry.total, 0);
  }
}

/** Collects what happens on a stream. */
export class Recorder implements ByteStreamHandler {
  readonly chunks: Uint8Array[] = [];
  readonly events: string[] = [];
  error: Error | null = null;
  readonly #ended = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #waiters: { text: string; resolve: () => void }[] = [];

  readonly #stream: ByteStream | null;
  readonly #answerEnd: boolean;

  /** @param answerEnd Ends the stream when the peer has, as a codec does. */
  constructor(stream: ByteStream | null = null, answerEnd = true) {
    this.#stream = stream;
    this.#answerEnd = answerEnd;
    stream?.start(this);
  }

  get text(): string {
    return new TextDecoder("latin1").decode(Buffer.concat(this.chunks));
  }

  onData(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    for (const waiter of this.#waiters) if (this.text.includes(waiter.text)) waiter.resolve();
  }
  onEnd(): void {
    this.events.push("end");
    if (this.#answerEnd) this.#stream?.end();
    this.#ended.resolve();
  }
  onDrain(): void {
    this.events.push("drain");
  }
  onClose(error: Error | null): void {
    this.events.push("close");
    this.error = error;
    this.#closed.resolve();
  }

  received(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.push({ text, resolve });
    if (this.text.includes(text)) resolve();
    return within(promise, () => `never received '${text}', only '${this.text.slice(0, 200)}'`);
  }
  ended(): Promise<void> {
    return within(this.#ended.promise, () => "the stream never ended");
  }
  closed(): Promise<void> {
    return within(this.#closed.promise, () => "the stream never closed");
  }
}

/** Caps a wait. */
export async function within<T>(promise: Promise<T>, message: () => string, ms = 5_000): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new assert.AssertionError({ message: message() })), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asserts that a promise rejects with a MeshError of that code, and returns it. */
export async function meshError(promise: Promise<unknown>, code: string): Promise<MeshError> {
  const error = await within(promise, () => "neither resolved nor rejected").then(
    () => assert.fail(`resolved, expected '${code}'`),
    (error: MeshError) => error,
  );
  assert.equal(error.code, code, error.message);
  return error;
}
