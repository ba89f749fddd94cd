/**
 * Writes large JSON in small pieces, indented by one space as Envoy's admin does, without holding all of it.
 *
 * @module
 */
import type { Json } from "../protobuf/well_known.ts";
import type { WireAny } from "./wire_any.ts";

/** An array whose items are made as they are written. */
export class LazyList {
  /** The items, gone through once. */
  readonly items: Iterable<Writable>;

  /** @param items They are gone through once. */
  constructor(items: Iterable<Writable>) {
    this.items = items;
  }
}

/** What can be written: JSON, objects with members that are made as they are written, and messages. */
export type Writable = Json | WireAny | LazyList | ReadonlyMap<string, Writable>;

/**
 * The text of a value, in pieces that take a few milliseconds each at most.
 *
 * @param value What is written.
 * @param depth How far it is indented.
 */
export function* writeJson(value: Writable, depth = 0): Generator<string> {
  if (value instanceof LazyList) return yield* writeMembers("[", "]", unnamed(value.items), depth);
  if (value instanceof Map) return yield* writeMembers("{", "}", value as ReadonlyMap<string, Writable>, depth);
  if (isWireAny(value)) return yield* writeJson(value.toWritable(), depth);
  yield indent(JSON.stringify(value, null, 1), depth);
}

function* unnamed(items: Iterable<Writable>): Generator<readonly [null, Writable]> {
  for (const item of items) yield [null, item];
}

function* writeMembers(
  open: string,
  close: string,
  members: Iterable<readonly [string | null, Writable]>,
  depth: number,
): Generator<string> {
  const lead = "\n" + " ".repeat(depth + 1);
  let before = open;
  for (const [name, member] of members) {
    yield before + lead + (name === null ? "" : `${JSON.stringify(name)}: `);
    yield* writeJson(member, depth + 1);
    before = ",";
  }
  yield before === open ? open + close : "\n" + " ".repeat(depth) + close;
}

function isWireAny(value: Writable): value is WireAny {
  return typeof value === "object" && value !== null && "toWritable" in value && typeof value.toWritable === "function";
}

function indent(text: string, depth: number): string {
  return depth === 0 ? text : text.replaceAll("\n", "\n" + " ".repeat(depth));
}
