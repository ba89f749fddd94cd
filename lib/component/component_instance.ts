import type { Call } from "../http/call.ts";
import type { Clock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import type { CompiledComponent } from "./compiled_component.ts";
import type {
  Action,
  ChunkAction,
  FilterError,
  FilterExports,
  HostInterface,
  Level,
  RequestHead,
  ResponseHead,
} from "./filter_world.ts";
import type { LiftBudget } from "./lift_budget.ts";
import { property } from "./property.ts";
import { TimeGuard } from "./time_guard.ts";
import { wasiImports } from "./wasi.ts";

/** Settings of an instance. */
export interface InstanceOptions {
  readonly name: string;
  readonly configuration: Uint8Array;
  /** Milliseconds a call may take; `null` for no limit. */
  readonly timeLimitMs: number | null;
  readonly clock: Clock;
  readonly logger: Logger;
}

const LEVELS: ReadonlySet<string> = new Set<Level>(["debug", "info", "warning", "error"]);
const ERRORS: ReadonlySet<unknown> = new Set<FilterError["tag"]>(["invalid-configuration", "malformed", "internal"]);
/** Longest line a filter may log, in UTF-16 units. */
const MAX_LINE = 8192;

/**
 * One instance of a component. Each call either returns what the filter says, an error among it, or throws: the instance
 * has then failed and is not called again. Calls do not wait for anything and never nest, so one instance serves every
 * request.
 */
export class ComponentInstance {
  readonly #exports: FilterExports;
  readonly #budget: LiftBudget;
  readonly #guard: TimeGuard | null;
  /** The call whose properties are asked for. */
  #call: Call | null = null;
  #failed = false;
  #lastId = 0;

  /** @throws {Error} When the component cannot be instantiated or refuses its configuration. */
  constructor(component: CompiledComponent, options: InstanceOptions) {
    const { name, configuration, timeLimitMs, clock, logger } = options;
    const host: HostInterface = {
      log(level, message) {
        const text = message.length > MAX_LINE ? `${message.slice(0, MAX_LINE)}...` : message;
        logger.log(LEVELS.has(level) ? level : "info", `Filter '${name}': ${oneLine(text)}`, { filter: name });
      },
      property: (path) => this.#call === null ? undefined : property(this.#call, path),
    };
    this.#budget = component.budget;
    this.#guard = timeLimitMs === null ? null : new TimeGuard(timeLimitMs);
    this.#exports = this.#run(
      null,
      () => component.instantiate(host, wasiImports({ clock, log: host.log })),
    ) as FilterExports;
    const refusal = this.#run(null, () => this.#exports.handler.configure(configuration));
    if (isFilterError(refusal)) throw new Error(`It refuses its configuration: ${refusal.val}`);
  }

  /** Whether a call has trapped. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Whether it looks into bodies, and wants to know when calls end. */
  get hasBodies(): boolean {
    return this.#exports.bodies !== undefined;
  }

  /** A number for a call that begins. */
  nextId(): number {
    return this.#lastId = this.#lastId + 1 >>> 0;
  }

  /** Hands in the head of a request. @throws {Error} When it traps. */
  onRequest(call: Call, id: number, head: RequestHead): Action | FilterError {
    return this.#run(call, () => this.#exports.handler.onRequest(id, head));
  }

  /** Hands in the head of a response. @throws {Error} When it traps. */
  onResponse(call: Call, id: number, head: ResponseHead): Action | FilterError {
    return this.#run(call, () => this.#exports.handler.onResponse(id, head));
  }

  /** Hands in a chunk of a body. @throws {Error} When it traps. */
  onBody(
    call: Call,
    id: number,
    of: "request" | "response",
    chunk: Uint8Array,
    endOfStream: boolean,
  ): ChunkAction | FilterError {
    const bodies = this.#exports.bodies!;
    return this.#run(
      call,
      () =>
        of === "request" ? bodies.onRequestBody(id, chunk, endOfStream) : bodies.onResponseBody(id, chunk, endOfStream),
    );
  }

  /** Says that a call is over. @throws {Error} When it traps. */
  onDone(call: Call, id: number): void {
    this.#run(call, () => this.#exports.bodies?.onDone(id));
  }

  #run<T>(call: Call | null, work: () => T): T | FilterError {
    if (this.#failed) throw new Error("It has failed before");
    this.#call = call;
    this.#budget.reset();
    try {
      return this.#guard === null ? work() : this.#guard.run(work);
    } catch (error) {
      // jco throws the error of a result as it is. Whatever else is thrown is a trap, or as bad.
      if (isFilterError(error)) return error;
      this.#failed = true;
      throw error;
    } finally {
      this.#call = null;
    }
  }
}

/** Whether a filter has returned an error. */
export function isFilterError(value: unknown): value is FilterError {
  return typeof value === "object" && value !== null && "tag" in value && ERRORS.has(value.tag);
}

/** Text of a filter must not look like a line of somebody else. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex -- controls are what is replaced
  return text.trimEnd().replaceAll(/[\0-\x1f\x7f]+/g, " ");
}
