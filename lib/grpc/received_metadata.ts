import type { Buffer } from "node:buffer";
import type * as Grpc from "@grpc/grpc-js";
import { readMetadata } from "./metadata_headers.ts";

type Fields = readonly string[];
type Entries = Map<string, (string | Buffer)[]>;
type Make = (fields: Fields) => Grpc.Metadata;

/** What `Metadata` of grpc-js 1.14 keeps in an object; a copy that keeps anything else is filled by its methods. */
const KNOWN_STATE = new Set(["internalRepr", "options", "opaqueData"]);

/**
 * Makes metadata objects of what a server sent.
 *
 * They are of the class of the caller's own metadata, so that `instanceof` holds in whatever copy of `@grpc/grpc-js`
 * the stub was made with: received metadata can be sent on. Most are never looked at, so they are read on first use.
 */
export class ReceivedMetadata {
  #prototype: object | null = null;
  #make: Make | null = null;

  /**
   * Makes one.
   *
   * @param like Metadata of the caller.
   * @param fields Header fields, flat; not copied. `-bin` values become buffers.
   */
  create(like: Grpc.Metadata, fields: Fields): Grpc.Metadata {
    const prototype = Object.getPrototypeOf(like);
    if (prototype !== this.#prototype) {
      this.#prototype = prototype;
      this.#make = makerFor(like);
    }
    return this.#make!(fields);
  }
}

function makerFor(like: Grpc.Metadata): Make {
  const sample = like.clone();
  const state = Object.keys(sample);
  if (state.includes("internalRepr") && state.every((name) => KNOWN_STATE.has(name))) {
    return lazyMaker(Object.getPrototypeOf(sample));
  }
  return (fields) => {
    const made = like.clone();
    for (const name of Object.keys(made.getMap())) made.remove(name);
    made.setOptions({});
    for (const [name, values] of readFields(fields)) {
      for (const value of values) made.add(name, value);
    }
    return made;
  };
}

/** A class under the caller's whose entries come about when they are first asked for. */
function lazyMaker(prototype: object): Make {
  class LazyMetadata {
    options = {};
    #fields: Fields | null;
    #entries: Entries | null = null;

    constructor(fields: Fields) {
      this.#fields = fields;
    }

    get internalRepr(): Entries {
      if (this.#entries === null) {
        this.#entries = readFields(this.#fields!);
        this.#fields = null;
      }
      return this.#entries;
    }

    set internalRepr(entries: Entries) {
      this.#entries = entries;
      this.#fields = null;
    }
  }
  Object.setPrototypeOf(LazyMetadata.prototype, prototype);
  return (fields) => new LazyMetadata(fields) as unknown as Grpc.Metadata;
}

function readFields(fields: Fields): Entries {
  const entries: Entries = new Map();
  readMetadata(fields, (name, value) => {
    const known = entries.get(name);
    if (known === undefined) entries.set(name, [value]);
    else known.push(value);
  });
  return entries;
}
