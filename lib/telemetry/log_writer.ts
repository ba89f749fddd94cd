import type { Clock, Timer } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import { isAscii } from "../matcher/byte_string.ts";

/** Where the bytes of access logs end up. */
export interface LogSink {
  /** Appends to `/dev/stdout`, `/dev/stderr` or a file. */
  write(path: string, bytes: Uint8Array): Promise<void>;
}

/** Bytes that have it flushed at once, as Envoy does. */
const FLUSH_AT = 64 * 1024;
/** Milliseconds a line waits for company, as Istio sets Envoy up. */
const FLUSH_AFTER_MS = 1000;
/** Bytes held for a sink that does not keep up; lines beyond it are dropped, and counted. */
const MOST_HELD = 1024 * 1024;

/**
 * Buffers the lines of one log. Writing never waits and never throws: a sink that is slow or gone costs lines, never a
 * request.
 */
export class LogWriter {
  /** `/dev/stdout`, `/dev/stderr` or a file. */
  readonly path: string;
  readonly #sink: LogSink;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #lines = "";
  #timer: Timer | null = null;
  #writing: Promise<void> | null = null;
  #dropped = 0;
  #failed = false;

  /** Lines dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * @param path What is written to.
   * @param sink Writes it.
   * @param clock Times the flushes.
   * @param logger Told when lines are lost.
   */
  constructor(path: string, sink: LogSink, clock: Clock, logger: Logger) {
    this.path = path;
    this.#sink = sink;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Adds lines, a byte string that ends with a line break. */
  append(lines: string): void {
    if (this.#lines.length + lines.length > MOST_HELD) {
      if (this.#dropped++ === 0) {
        this.#logger.log("warning", `Cannot write access log '${this.path}' fast enough: lines are being dropped`);
      }
      return;
    }
    this.#lines += lines;
    if (this.#lines.length >= FLUSH_AT) this.#start();
    else if (this.#timer === null && this.#writing === null) {
      this.#timer = this.#clock.timer(FLUSH_AFTER_MS, () => this.#start());
    }
  }

  /** Tells the operator what is wrong with this log's configuration. */
  report(problem: string): void {
    this.#logger.log("warning", `Cannot write access log '${this.path}' as configured: ${problem}`);
  }

  /** Writes all there is; settles when it is written or the sink has failed. */
  async flush(): Promise<void> {
    this.#start();
    while (this.#writing !== null) await this.#writing;
  }

  #start(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#writing !== null || this.#lines === "") return;
    const bytes = bytesOf(this.#lines);
    this.#lines = "";
    this.#writing = this.#sink.write(this.path, bytes).then(() => {
      this.#failed = false;
    }, (error) => {
      if (!this.#failed) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#logger.log("warning", `Cannot write access log '${this.path}': ${reason}; lines are lost meanwhile`);
      }
      this.#failed = true;
    }).then(() => {
      this.#writing = null;
      // What came in meanwhile goes out next.
      this.#start();
    });
  }
}

/** The writers of a mesh, one a path: they outlive stacks, and are flushed at its end. */
export class LogWriters {
  readonly #writers: Map<string, LogWriter> = new Map();
  readonly #sink: LogSink;
  readonly #clock: Clock;
  readonly #logger: Logger;

  /**
   * @param sink Writes the bytes.
   * @param clock Times the flushes.
   * @param logger Told when lines are lost.
   */
  constructor(sink: LogSink, clock: Clock, logger: Logger) {
    this.#sink = sink;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** The writer of a path, the same each time. */
  get(path: string): LogWriter {
    let writer = this.#writers.get(path);
    if (writer === undefined) {
      writer = new LogWriter(path, this.#sink, this.#clock, this.#logger);
      this.#writers.set(path, writer);
    }
    return writer;
  }

  /** Writes all there is. */
  async flush(): Promise<void> {
    await Promise.all([...this.#writers.values()].map((writer) => writer.flush()));
  }
}

function bytesOf(lines: string): Uint8Array {
  if (isAscii(lines)) return new TextEncoder().encode(lines);
  const bytes = new Uint8Array(lines.length);
  for (let i = 0; i < lines.length; i++) bytes[i] = lines.charCodeAt(i);
  return bytes;
}
