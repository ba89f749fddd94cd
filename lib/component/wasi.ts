/**
 * What a component gets of WASI 0.2: a clock, random numbers, and its output as log lines. Standard libraries import the
 * rest as well, and find nothing there: no arguments, no environment, no files, no sockets, nothing to wait for.
 *
 * @module
 */
import type { Clock } from "../internal/clock.ts";
import type { Level } from "./filter_world.ts";

/** Implementations by interface, without versions. */
export type WasiImports = Readonly<Record<string, object>>;

/** What {@linkcode wasiImports} stands on. */
export interface WasiOptions {
  readonly clock: Clock;
  /** Writes a line of the component's output. */
  log(level: Level, line: string): void;
}

/** The interfaces there are. */
export const WASI_INTERFACES: ReadonlySet<string> = new Set([
  ...["environment", "exit", "stdin", "stdout", "stderr"].map((name) => `wasi:cli/${name}`),
  ...["input", "output", "stdin", "stdout", "stderr"].map((name) => `wasi:cli/terminal-${name}`),
  ...["monotonic-clock", "wall-clock"].map((name) => `wasi:clocks/${name}`),
  ...["preopens", "types"].map((name) => `wasi:filesystem/${name}`),
  ...["error", "poll", "streams"].map((name) => `wasi:io/${name}`),
  ...["random", "insecure", "insecure-seed"].map((name) => `wasi:random/${name}`),
]);

/** WASI for one instance. */
export function wasiImports({ clock, log }: WasiOptions): WasiImports {
  const stdout = new OutputStream((line) => log("info", line));
  const stderr = new OutputStream((line) => log("error", line));
  const stdin = new InputStream();
  const nothing = () => undefined;
  const random = { getRandomBytes: randomBytes, getRandomU64: randomU64 };
  return {
    "wasi:cli/environment": { getEnvironment: () => [], getArguments: () => [], initialCwd: nothing },
    "wasi:cli/exit": { exit, exitWithCode: exit },
    "wasi:cli/stdin": { getStdin: () => stdin },
    "wasi:cli/stdout": { getStdout: () => stdout },
    "wasi:cli/stderr": { getStderr: () => stderr },
    "wasi:cli/terminal-input": { TerminalInput: Nothing },
    "wasi:cli/terminal-output": { TerminalOutput: Nothing },
    "wasi:cli/terminal-stdin": { getTerminalStdin: nothing },
    "wasi:cli/terminal-stdout": { getTerminalStdout: nothing },
    "wasi:cli/terminal-stderr": { getTerminalStderr: nothing },
    "wasi:clocks/monotonic-clock": {
      now: () => BigInt(Math.round(clock.monotonic() * 1e6)),
      resolution: () => 1000n,
      subscribeInstant: ready,
      subscribeDuration: ready,
    },
    "wasi:clocks/wall-clock": {
      now: () => wallClock(clock.now()),
      resolution: () => ({ seconds: 0n, nanoseconds: 1e6 }),
    },
    "wasi:filesystem/preopens": { getDirectories: () => [] },
    "wasi:filesystem/types": { Descriptor: Nothing, DirectoryEntryStream: Nothing, filesystemErrorCode: nothing },
    "wasi:io/error": { Error: StreamError },
    "wasi:io/poll": { Pollable, poll: (list: readonly unknown[]) => Uint32Array.from(list, (_, i) => i) },
    "wasi:io/streams": { InputStream, OutputStream },
    "wasi:random/random": random,
    "wasi:random/insecure": { getInsecureRandomBytes: randomBytes, getInsecureRandomU64: randomU64 },
    "wasi:random/insecure-seed": {
      insecureSeed: () => [randomU64(), randomU64()],
      getInsecureSeed: () => [randomU64(), randomU64()],
    },
  };
}

/** A resource nobody ever gets: without directories there are no files. */
class Nothing {}

class StreamError {
  toDebugString(): string {
    return "closed";
  }
}

/** Components do not wait: everything is ready at once, a time that has not come among it. */
class Pollable {
  ready(): boolean {
    return true;
  }
  block(): void {}
}

const ready = () => new Pollable();

/** The error of a result, as jco takes it. */
const CLOSED = { tag: "closed" } as const;

class InputStream {
  read(): never {
    throw CLOSED;
  }
  blockingRead(): never {
    throw CLOSED;
  }
  skip(): never {
    throw CLOSED;
  }
  blockingSkip(): never {
    throw CLOSED;
  }
  subscribe(): Pollable {
    return new Pollable();
  }
}

/** Bytes that are taken at a time, and longest line. */
const MAX_WRITE = 4096;

class OutputStream {
  readonly #line: (text: string) => void;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(line: (text: string) => void) {
    this.#line = line;
  }

  checkWrite(): bigint {
    return BigInt(MAX_WRITE);
  }

  write(bytes: Uint8Array): void {
    const lines = (this.#text + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#text = lines.pop()!;
    for (const line of lines) this.#line(line);
    if (this.#text.length > MAX_WRITE) this.#end();
  }

  blockingWriteAndFlush(bytes: Uint8Array): void {
    this.write(bytes);
  }

  writeZeroes(): void {}
  blockingWriteZeroesAndFlush(): void {}
  flush(): void {}
  blockingFlush(): void {}

  splice(): never {
    throw CLOSED;
  }
  blockingSplice(): never {
    throw CLOSED;
  }

  subscribe(): Pollable {
    return new Pollable();
  }

  #end(): void {
    this.#line(this.#text);
    this.#text = "";
  }
}

function exit(): never {
  throw new Error("It has left through exit");
}

/** As many as a page holds at a time: a component must not make us allocate without end. */
const MAX_RANDOM = 65_536;

function randomBytes(length: bigint): Uint8Array {
  if (length > BigInt(MAX_RANDOM)) throw new RangeError(`It asks for '${length}' random bytes at once`);
  return crypto.getRandomValues(new Uint8Array(Number(length)));
}

function randomU64(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0]!;
}

function wallClock(ms: number): { seconds: bigint; nanoseconds: number } {
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanoseconds: Math.floor((ms - seconds * 1000) * 1e6) };
}
