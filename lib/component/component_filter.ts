import { MeshError } from "../errors.ts";
import { type FilterHost, type LoadedFilter, ReadyFilter } from "../filter/ready_filter.ts";
import { ComponentCache } from "./component_cache.ts";
import { ComponentInstance } from "./component_instance.ts";
import { componentLayer } from "./component_layer.ts";
import { FailingSlot, type FailPolicy } from "./failure_policy.ts";

/** What {@linkcode componentFilter} takes. */
export interface ComponentFilterOptions {
  /** The bytes of a component that exports a world of `enmesh:filter@0.1`. */
  readonly component: Uint8Array<ArrayBuffer>;
  /** What log lines call the filter. @default {"component"} */
  readonly name?: string;
  /** Which requests it sees. @default {both directions} */
  readonly direction?: "inbound" | "outbound";
  /** What the component is configured with: bytes and text as they are, anything else as JSON. @default {no bytes} */
  readonly config?: unknown;
  /**
   * What becomes of requests when the filter has failed, as Envoy's `failure_policy`.
   * @default {"fail_close", as Envoy's}
   */
  readonly failPolicy?: FailPolicy;
  /** Bytes each of its memories may grow to. @default {67108864} */
  readonly memoryLimit?: number;
  /**
   * Milliseconds by the clock on the wall that one call of a function may take; a component that takes longer has failed.
   * Leave room for pauses that are not its own (garbage collection, a busy machine): 100 and more. A limit costs about 20
   * microseconds a call.
   * @default {no limit: a component that loops for ever stops the program}
   */
  readonly timeLimit?: number;
  /**
   * Folder that keeps the component as JavaScript and core modules, by its SHA-256: the next start loads no jco. Whoever
   * may write there may run code in this program.
   * @default {none}
   */
  readonly cacheFolder?: string;
}

/**
 * A filter written as a WASI component, for `mesh.use`. It is taken apart and compiled when it is used, in a worker, off
 * the path of requests; components of the same bytes are so once a mesh.
 *
 * The component gets the host interface of `filters/wit/filter.wit`, and of WASI 0.2 a clock, random numbers and output
 * that goes to the log: no files, no network, no environment. A trap ends its instance, and the policy says what becomes of requests; nothing it does throws into the
 * application.
 *
 * @example Tag every request
 * ```ts
 * import { Mesh } from "@enmesh/enmesh";
 * import { componentFilter } from "@enmesh/enmesh/component";
 * import { FakeIstiod } from "@enmesh/enmesh/testing";
 * import assert from "node:assert/strict";
 *
 * const component = await Deno.readFile(new URL("../../filters/component/header_tag.wasm", import.meta.url));
 *
 * await using istiod = await FakeIstiod.start();
 * await using mesh = await Mesh.join(await istiod.workload({ name: "greeter" }));
 * await using server = await mesh.serve(
 *   { port: 0, hostname: "127.0.0.1", onListen: () => {} },
 *   (request) => new Response(request.headers.get("x-tagged-by")),
 * );
 * await mesh.use(componentFilter({ component, config: "a component", failPolicy: "fail_reload" }));
 * const response = await mesh.fetch(`http://127.0.0.1:${server.addr.port}/`);
 * assert.equal(await response.text(), "a component");
 * ```
 */
export function componentFilter(options: ComponentFilterOptions): ReadyFilter {
  return new ComponentFilter(options);
}

const DEFAULT_MEMORY_LIMIT = 64 * 1024 * 1024;
const CACHE = Symbol("components");

class ComponentFilter extends ReadyFilter {
  readonly #options: ComponentFilterOptions;

  constructor(options: ComponentFilterOptions) {
    super(options.name ?? "component", options.direction);
    this.#options = options;
  }

  override async load({ clock, random, logger, shared }: FilterHost): Promise<LoadedFilter> {
    const { name } = this;
    const { component, failPolicy: policy = "fail_close", memoryLimit = DEFAULT_MEMORY_LIMIT } = this.#options;
    try {
      const configuration = configurationBytes(this.#options.config);
      const cache = shared(CACHE, () => new ComponentCache());
      const compiled = await cache.get({ bytes: component, memoryLimit, folder: this.#options.cacheFolder ?? null });
      const timeLimitMs = this.#options.timeLimit ?? null;
      const create = () => new ComponentInstance(compiled, { name, configuration, timeLimitMs, clock, logger });
      const slot = new FailingSlot({ name, policy, create, clock, random, logger });
      const layer = componentLayer({ name, policy, slot, logger });
      return { layer: () => layer, close: () => slot.close() };
    } catch (cause) {
      const why = (cause instanceof Error ? cause.message : String(cause)).replace(
        /^[A-Z](?=[a-z ])/,
        (c) => c.toLowerCase(),
      );
      const missing = /\brequires (?:env|read) access/i.test(why);
      const help = missing ? "; grant '--allow-env' and '--allow-read', or keep it in a cacheFolder" : "";
      const code = missing ? "PERMISSION_MISSING" : "CONFIG_INVALID";
      throw new MeshError(code, `Cannot use the component filter '${name}': ${why}${help}`, { cause });
    }
  }
}

function configurationBytes(config: unknown): Uint8Array {
  if (config === undefined) return new Uint8Array(0);
  if (config instanceof Uint8Array) return config.slice();
  return new TextEncoder().encode(typeof config === "string" ? config : JSON.stringify(config));
}
