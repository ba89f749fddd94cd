import { anyToJson, type JsonObject, messageToJson } from "../protobuf/json.ts";
import { fieldsOf, typeUrl } from "../protobuf/registry.ts";
import { WireReader } from "../protobuf/wire_reader.ts";
import { type FieldMask, trim } from "./field_mask.ts";
import { LazyList, type Writable } from "./json_writer.ts";

/** Messages above this many bytes are written member by member. */
const LARGE = 65_536;

/** A message as bytes, expanded when it is written. */
export class WireAny {
  /** Full name of the message. */
  readonly message: string;
  /** The message. */
  readonly bytes: Uint8Array;
  readonly #mask: FieldMask | null;

  /**
   * @param message Full name of the message.
   * @param bytes The message.
   * @param mask The fields shown. @default {null} all of them
   */
  constructor(message: string, bytes: Uint8Array, mask: FieldMask | null = null) {
    this.message = message;
    this.bytes = bytes;
    this.#mask = mask;
  }

  /** The same message with only some of its fields shown. */
  masked(mask: FieldMask): WireAny {
    return new WireAny(this.message, this.bytes, mask);
  }

  /** Its JSON form; of a large one the repeated messages in it are made one by one. */
  toWritable(): Writable {
    const url = typeUrl(this.message);
    const parts = this.bytes.length > LARGE ? this.#parts() : null;
    const object: ReadonlyMap<string, Writable> | JsonObject = parts ?? anyToJson(url, this.bytes);
    if (this.#mask === null || this.#mask.size === 0) return object instanceof Map ? withType(url, object) : object;
    if (!(object instanceof Map)) return { "@type": url, ...trim(object as JsonObject, this.#mask) };
    const shown = new Map<string, Writable>();
    for (const [name, member] of object) {
      const inner = this.#mask.get(name);
      if (inner === undefined) continue;
      const plain = !(member instanceof LazyList) && typeof member === "object" && member !== null;
      shown.set(name, plain && !Array.isArray(member) ? trim(member as JsonObject, inner) : member);
    }
    return withType(url, shown);
  }

  /** Members by name; `null` where the bytes cannot be taken apart. */
  #parts(): Map<string, Writable> | null {
    const fields = Object.entries(fieldsOf(this.message) ?? {});
    const repeated = new Map<number, { readonly type: string; readonly bytes: Uint8Array[] }>();
    const names = new Map<string, number>();
    for (const [name, { id, rule, type }] of fields) {
      if (rule !== "repeated" || fieldsOf(type) === null) continue;
      repeated.set(id, { type, bytes: [] });
      names.set(name, id);
    }
    const rest: Uint8Array[] = [];
    try {
      let from = 0;
      const reader = new WireReader(this.bytes);
      while (reader.next()) {
        const list = repeated.get(reader.field);
        if (list === undefined) rest.push(this.bytes.subarray(from, reader.position));
        else list.bytes.push(reader.bytes());
        from = reader.position;
      }
    } catch {
      return null;
    }
    const head = messageToJson(this.message, concatenate(rest));
    if (head === null || typeof head !== "object" || Array.isArray(head)) return null;
    const parts = new Map<string, Writable>(Object.entries(head));
    for (const [name, id] of names) {
      const { type, bytes } = repeated.get(id)!;
      if (bytes.length > 0) parts.set(snake(name), new LazyList(each(type, bytes)));
    }
    return parts;
  }
}

function* each(type: string, items: readonly Uint8Array[]): Generator<Writable> {
  for (const bytes of items) yield messageToJson(type, bytes);
}

function withType(url: string, parts: ReadonlyMap<string, Writable>): ReadonlyMap<string, Writable> {
  return new Map<string, Writable>([["@type", url], ...parts]);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
