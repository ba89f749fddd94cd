import type { StreamInfo } from "../formatter/stream_info.ts";
import { compileHeaderFormat } from "../formatter/substitution_format.ts";
import type { HeaderList } from "../http/header_list.ts";
import type { HeaderMutations, HeaderValueOption } from "../resource/common.ts";

/** Changes the headers of a message. */
export type HeaderMutator = (headers: HeaderList, info: StreamInfo) => void;

/** Compiled header changes of a route for both directions; `null` where nothing changes. */
export interface HeaderMutators {
  readonly request: HeaderMutator | null;
  readonly response: HeaderMutator | null;
}

/**
 * Compiles the header changes of a route's levels. At each level removals come before additions, and the levels apply
 * one after the other in the order given, so that the last one wins.
 *
 * @param levels In the order of application, see {@linkcode orderLevels}.
 * @throws {SyntaxError} When a value is not a valid substitution format.
 */
export function compileHeaderMutations(levels: readonly HeaderMutations[]): HeaderMutators {
  return {
    request: compileLevels(levels.map(({ requestAdd, requestRemove }) => ({ add: requestAdd, remove: requestRemove }))),
    response: compileLevels(
      levels.map(({ responseAdd, responseRemove }) => ({ add: responseAdd, remove: responseRemove })),
    ),
  };
}

/**
 * Levels in Envoy's order of application: the weighted cluster first, then route, virtual host and route configuration,
 * so that the least specific wins; the last three the other way round with `most_specific_header_mutations_wins`.
 */
export function orderLevels(
  levels: {
    readonly weightedCluster: HeaderMutations | null;
    readonly route: HeaderMutations;
    readonly virtualHost: HeaderMutations;
    readonly configuration: HeaderMutations;
  },
  mostSpecificWins: boolean,
): HeaderMutations[] {
  const ascending = [levels.route, levels.virtualHost, levels.configuration];
  if (mostSpecificWins) ascending.reverse();
  return levels.weightedCluster === null ? ascending : [levels.weightedCluster, ...ascending];
}

interface Level {
  readonly add: readonly HeaderValueOption[];
  readonly remove: readonly string[];
}

function compileLevels(levels: readonly Level[]): HeaderMutator | null {
  const steps = levels.filter(({ add, remove }) => add.length > 0 || remove.length > 0).map(compileLevel);
  if (steps.length === 0) return null;
  if (steps.length === 1) return steps[0]!;
  return (headers, info) => {
    for (const step of steps) step(headers, info);
  };
}

/**
 * One level: removals, then additions. As in Envoy all values of a level are made, and all conditions looked at, before
 * the first of them is written, so that none sees another; what overwrites is written first.
 */
function compileLevel({ add, remove }: Level): HeaderMutator {
  const options = add.map(compileOption);
  const overwriting = options.filter(({ put }) => put === "set");
  const appending = options.filter(({ put }) => put === "append");
  const ordered = [...overwriting, ...appending];
  return (headers, info) => {
    for (const name of remove) headers.delete(name);
    if (ordered.length === 1) {
      const { name, put, valueFor } = ordered[0]!;
      const value = valueFor(headers, info);
      if (value !== null) headers[put](name, value);
      return;
    }
    const values = ordered.map(({ valueFor }) => valueFor(headers, info));
    for (const [index, { name, put }] of ordered.entries()) {
      const value = values[index]!;
      if (value !== null) headers[put](name, value);
    }
  };
}

interface CompiledOption {
  readonly name: string;
  readonly put: "append" | "set";
  /** The value to write; `null` for none. */
  readonly valueFor: (headers: HeaderList, info: StreamInfo) => string | null;
}

function compileOption({ name, action, keepEmptyValue, value }: HeaderValueOption): CompiledOption {
  const format = compileHeaderFormat(value);
  const valueFor = (_: HeaderList, info: StreamInfo) => {
    const text = format(info);
    // Envoy leaves out what came to nothing, unless told to keep it.
    return text === "" && !keepEmptyValue ? null : text;
  };
  switch (action) {
    case "append_if_exists_or_add":
      return { name, put: "append", valueFor };
    case "overwrite_if_exists_or_add":
      return { name, put: "set", valueFor };
    case "add_if_absent":
      return { name, put: "append", valueFor: (headers, info) => headers.has(name) ? null : valueFor(headers, info) };
    case "overwrite_if_exists":
      return { name, put: "set", valueFor: (headers, info) => headers.has(name) ? valueFor(headers, info) : null };
  }
}
