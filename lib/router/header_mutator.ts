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
  const steps: HeaderMutator[] = [];
  for (const { add, remove } of levels) {
    for (const name of remove) steps.push((headers) => void headers.delete(name));
    steps.push(...add.map(compileOption));
  }
  if (steps.length === 0) return null;
  return (headers, info) => {
    for (const step of steps) step(headers, info);
  };
}

function compileOption(option: HeaderValueOption): HeaderMutator {
  const { name, action, keepEmptyValue } = option;
  const format = compileHeaderFormat(option.value);
  const write = (headers: HeaderList, info: StreamInfo, put: "append" | "set") => {
    const value = format(info);
    // Envoy leaves out what came to nothing, unless told to keep it.
    if (value !== "" || keepEmptyValue) headers[put](name, value);
  };
  switch (action) {
    case "append_if_exists_or_add":
      return (headers, info) => write(headers, info, "append");
    case "overwrite_if_exists_or_add":
      return (headers, info) => write(headers, info, "set");
    case "add_if_absent":
      return (headers, info) => {
        if (!headers.has(name)) write(headers, info, "append");
      };
    case "overwrite_if_exists":
      return (headers, info) => {
        if (headers.has(name)) write(headers, info, "set");
      };
  }
}
