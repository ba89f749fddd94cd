import type { CaseRequest, JsonObject } from "../differential/case.ts";
import { ModuleBuilder } from "./module_builder.ts";

/** One rule of the interface, as a module that shows it. */
export interface WasmRule {
  /** Unique; `topic: what it shows`. */
  readonly name: string;
  /** The modules, outermost first. */
  readonly modules: readonly WasmRuleModule[];
  readonly requests: readonly CaseRequest[];
  /** Backend that requests go to. */
  readonly backend: string;
  /** More fields of the HTTP connection manager. */
  readonly manager: JsonObject;
  /** A line of which one each of the modules says that a request is over. */
  readonly lastLine: RegExp;
  /** Most such lines that come. */
  readonly lastLines: number;
  /** Milliseconds between requests: Envoy's clock cannot be set. */
  readonly pauseMs: number;
}

/** A module of a rule, with more fields of its `PluginConfig` and `VmConfig`. */
export interface WasmRuleModule {
  readonly bytes: Uint8Array;
  readonly plugin: JsonObject;
  readonly vm: JsonObject;
}

/** What a rule may have beside its module. */
export interface RuleOptions {
  /** @default {one GET} */
  readonly requests?: readonly CaseRequest[];
  /** @default {"a"} */
  readonly backend?: string;
  readonly plugin?: JsonObject;
  readonly vm?: JsonObject;
  readonly manager?: JsonObject;
  /** @default {the deletion of the stream} */
  readonly lastLine?: RegExp;
  /** Most such lines that come: fewer than requests where a module fails. @default {as many as requests} */
  readonly lastLines?: number;
  /** Milliseconds between requests, for what takes time by itself. @default {0} */
  readonly pauseMs?: number;
  /** More modules, within the first one. */
  readonly then?: readonly ((module: ModuleBuilder) => void)[];
}

/** Makes a rule. @param write Writes the module. */
export function rule(name: string, write: (module: ModuleBuilder) => void, options: RuleOptions = {}): WasmRule {
  const {
    requests = [{}],
    backend = "a",
    plugin = {},
    vm = {},
    manager = {},
    lastLine = /^delete$/,
    then = [],
    lastLines = Infinity,
    pauseMs = 0,
  } = options;
  const modules = [write, ...then].map((it) => {
    const builder = new ModuleBuilder();
    it(builder);
    return { bytes: builder.build(), plugin, vm };
  });
  return { name, modules, requests, backend, manager, lastLine, lastLines, pauseMs };
}

/** Maps of headers, by number. */
export const MAP = { request: 0, requestTrailers: 1, response: 2, responseTrailers: 3, none: 9 } as const;
/** Buffers, by number. */
export const BUFFER = { request: 0, response: 1, vmConfig: 6, pluginConfig: 7 } as const;
/** Everything of a buffer, as SDKs ask for it. */
export const ALL = -1;
