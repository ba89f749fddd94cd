import { Buffer } from "node:buffer";
import type { Random } from "../../lib/internal/random.ts";
import { HOST_SIGNATURES, type HostileHooks, type HostileInstance } from "./hostile_module.ts";

/** What the module must never see. */
export const SECRET = "5ecret-of-the-victim";

/** Where the texts begin that calls may use; what is below is the heap. */
const TEXTS_AT = 40_000;
const HEAP_END = 32_768;
/** Properties of the request, of the plugin and of the node; with names of the wrong kind among them. */
const TEXTS: readonly (string | Uint8Array)[] = [
  "x-a",
  "accept",
  ":path",
  ":status",
  ":method",
  "content-length",
  "a value",
  "bad\r\nvalue",
  "/other",
  "request\0path",
  "request\0headers\0x-a",
  "response\0code",
  "plugin_name",
  "node\0metadata\0NAME",
  "a.property",
  "outbound|80||web.default.svc.cluster.local",
  "clear_route_cache",
  "declare_property",
  "set_envoy_filter_state",
  "component=.=proxy;.;metric",
  "victim",
  "vm",
  "queue",
  "__proto__",
  "constructor",
  pairs(1, ["x-b", "1"]),
  pairs(2, [":path", "/rewritten", "x-c", "2"]),
  pairs(4, [":method", "GET", ":path", "/called", ":authority", "web", ":scheme", "http"]),
  // Counts and lengths that promise more than there is.
  new Uint8Array([0xff, 0xff, 0xff, 0xff]),
  new Uint8Array([0xff, 0xff, 0xff, 0x7f, 1, 0, 0, 0]),
  new Uint8Array([0, 4, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
  new Uint8Array([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 65, 0, 66, 0]),
  pairs(1000, ["x-b", "1"]),
];
const EXTREMES = [-1, 0, 1, 0x7fff_ffff, -0x8000_0000, 65_535, 65_536, 65_537, 0x10_0000, 0x4000_0000];
/** Errors that are the module's own doing: traps, its exit. */
const OWN_ERRORS: ReadonlySet<string> = new Set(["RuntimeError", "GuestExit"]);
/** Larger memories only make the comparison slow. */
const MAX_BYTES = 3 * 65_536;
const MAX_STATUS = 12;
const MAX_ERRNO = 76;

/**
 * Drives a hostile module, and watches it: in every callback it makes random calls of the host, each between two looks at
 * the module's memory. What the host writes must lie where an argument says or the allocator has said.
 */
export class HostileFuzzer implements HostileHooks {
  /** Whether it has begun: a plugin that does not start the first time is never started again. */
  armed = false;
  calls = 0;
  /** Calls that were answered with success. */
  succeeded = 0;
  failures = 0;
  readonly problems: string[] = [];
  readonly #random: Random;
  readonly #called = new Set<number>();
  readonly #instances: WeakRef<object>[] = [];
  /** Ranges the host may write to in the calls under way: start and length. */
  #allowed: number[] = [];
  #depth = 0;

  /** @param random What it decides by. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** Functions that no call has reached. */
  get neverCalled(): string[] {
    return HOST_SIGNATURES.filter((_, i) => !this.#called.has(i)).map(({ name }) => name);
  }

  /** Instances that have not been collected. */
  alive(): number {
    return this.#instances.filter((reference) => reference.deref() !== undefined).length;
  }

  /** A request has failed: only the test and the library itself may have done that. */
  rejected(error: unknown, givenUp: Error): void {
    if (error === givenUp || (error instanceof Error && error.name === "MeshError")) return;
    this.#problem(`a request was rejected with ${String(error)}`);
  }

  made(instance: HostileInstance): void {
    this.#instances.push(new WeakRef(instance.function("trap")));
  }

  step(instance: HostileInstance): number {
    if (!this.armed) return 1;
    let at = TEXTS_AT;
    const memory = new Uint8Array(instance.memory.buffer);
    for (const text of TEXTS) at += write(memory, at, text);
    for (let count = this.#below(6); count > 0; count--) this.#call(instance);
    if (Buffer.from(instance.memory.buffer).includes(SECRET)) this.#problem("the module has seen the secret");
    if (this.#random() < 0.001) instance.function("trap")();
    return this.#random() < 0.8 ? this.#below(5) : this.#number(instance);
  }

  allocate(instance: HostileInstance, size: number): number {
    const random = this.#random();
    if (random < 0.01) return 0;
    if (random < 0.012) instance.function("trap")();
    if (random < 0.05) return this.#allow(this.#number(instance), size);
    if (random < 0.06 && instance.memory.buffer.byteLength < MAX_BYTES) instance.function("grow")(1);
    if (random < 0.1 && this.#depth < 3) this.#call(instance);
    return this.#allow(size < HEAP_END ? 1 + this.#below(HEAP_END - size) : 1, size);
  }

  #allow(start: number, size: number): number {
    this.#allowed.push(start >>> 0, size);
    return start;
  }

  #call(instance: HostileInstance): void {
    let index = this.#below(HOST_SIGNATURES.length);
    // An exit ends the VM: seldom enough for something to happen before.
    if (HOST_SIGNATURES[index]!.name === "proc_exit" && this.#random() < 0.97) index = 0;
    const { module, name, parameters } = HOST_SIGNATURES[index]!;
    const given = this.#arguments(instance, parameters.length);
    for (const value of given) this.#allowed.push(value >>> 0, 8);
    if (name === "random_get") this.#allowed.push(given[0]! >>> 0, given[1]! >>> 0);
    if (name === "fd_fdstat_get") this.#allowed.push(given[1]! >>> 0, 24);
    if (name === "environ_get") this.#allowed.push(given[1]! >>> 0, 16);
    const outermost = this.#depth++ === 0;
    const before = outermost ? Buffer.from(instance.memory.buffer.slice(0)) : null;
    try {
      (instance.function("set") as (...values: number[]) => void)(...given, ...new Array(12 - given.length).fill(0));
      const status = instance.function(`call${index}`)() as number;
      this.calls++;
      this.#called.add(index);
      if (status === 0) this.succeeded++;
      const most = module === "env" ? MAX_STATUS : MAX_ERRNO;
      if (name !== "pthread_equal" && !(status >= 0 && status <= most)) this.#problem(`${name} answered ${status}`);
    } catch (error) {
      this.#called.add(index);
      if (!OWN_ERRORS.has((error as Error).name)) {
        this.#problem(`${name}(${given.map((value) => value >>> 0)}) threw ${(error as Error).stack}`);
      }
      throw error;
    } finally {
      this.#depth--;
      if (before !== null) {
        this.#compare(before, instance, `${name}(${given.map((value) => value >>> 0)})`);
        this.#allowed = [];
      }
    }
  }

  /** Everything but what may have changed must be as it was. */
  #compare(before: Buffer, instance: HostileInstance, what: string): void {
    const after = Buffer.from(instance.memory.buffer);
    for (let i = 0; i < this.#allowed.length; i += 2) {
      const start = this.#allowed[i]!;
      if (start < before.length) after.copy(before, start, start, start + this.#allowed[i + 1]!);
    }
    if (!before.equals(after.subarray(0, before.length))) this.#problem(`${what} has written where it may not`);
  }

  #arguments(instance: HostileInstance, count: number): number[] {
    const values: number[] = [];
    while (values.length < count) {
      if (values.length + 2 <= count && this.#random() < 0.5) values.push(...this.#text());
      else values.push(this.#number(instance));
    }
    return values;
  }

  /** Pointer and size of one of the texts. */
  #text(): [number, number] {
    const chosen = this.#below(TEXTS.length);
    let at = TEXTS_AT;
    for (let i = 0; i < chosen; i++) at += TEXTS[i]!.length;
    return [at, TEXTS[chosen]!.length];
  }

  #number(instance: HostileInstance): number {
    const size = instance.memory.buffer.byteLength;
    const random = this.#random();
    if (random < 0.4) return this.#below(12);
    if (random < 0.7) return this.#below(size);
    if (random < 0.8) return size - 12 + this.#below(16);
    if (random < 0.9) return EXTREMES[this.#below(EXTREMES.length)]!;
    return Math.floor(this.#random() * 2 ** 32) | 0;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #problem(what: string): void {
    if (this.problems.length < 10) this.problems.push(what);
  }
}

function pairs(count: number, texts: readonly string[]): Uint8Array {
  const repeated = Array.from({ length: count * 2 }, (_, i) => texts[i % texts.length]!);
  const lengths = repeated.map(({ length }) => [length & 0xff, length >>> 8, 0, 0]);
  const content = repeated.map((text) => [...text].map((character) => character.charCodeAt(0)).concat(0));
  return new Uint8Array([[count & 0xff, count >>> 8, 0, 0], ...lengths, ...content].flat());
}

function write(memory: Uint8Array, at: number, text: string | Uint8Array): number {
  if (typeof text === "string") { for (let i = 0; i < text.length; i++) memory[at + i] = text.charCodeAt(i); }
  else memory.set(text, at);
  return text.length;
}
