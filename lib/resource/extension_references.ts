import { printable } from "./issues.ts";
import type { ListenerFacts } from "./resource_facts.ts";

/** The extensions a listener waits for, with milliseconds to wait for each; 0 for as long as it takes. */
export function* awaitedExtensions({ extensions }: ListenerFacts): Generator<[name: string, timeoutMs: number]> {
  for (const [name, { waits, timeoutMs }] of extensions) if (waits) yield [name, timeoutMs];
}

/**
 * Whether an extension may be of that type: Envoy refuses one that a filter of that name would not take.
 *
 * @param listeners Everything that may refer to it.
 * @param name Its name.
 * @param typeUrl Full message name of its configuration.
 * @returns Why not; empty where it may.
 */
export function extensionTypeErrors(listeners: Iterable<ListenerFacts>, name: string, typeUrl: string): string[] {
  for (const { extensions } of listeners) {
    const types = extensions.get(name)?.types;
    if (types === undefined || types.has(typeUrl)) continue;
    const expected = [...types].join("', '");
    return [
      printable(`Cannot use 'typed_config': its type must be one of '${expected}', current value is '${typeUrl}'`),
    ];
  }
  return [];
}
