import { MeshError } from "../errors.ts";
import type { Json } from "../protobuf/well_known.ts";

/**
 * Typed reading of untrusted YAML. Every error names the object and the path of the field, and says what was expected.
 */
export class Fields {
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #subject: string;
  readonly #path: string;

  private constructor(object: Readonly<Record<string, unknown>>, subject: string, path: string) {
    this.#object = object;
    this.#subject = subject;
    this.#path = path;
  }

  /**
   * @param value A parsed YAML value.
   * @param subject What errors call the object, for example `Service 'default/reviews'`.
   * @throws {MeshError} `CONFIG_INVALID` when the value is not an object.
   */
  static of(value: unknown, subject: string, path = ""): Fields {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new MeshError("CONFIG_INVALID", `Cannot apply ${subject}: ${fieldName(path)} must be an object`);
    }
    return new Fields(value as Record<string, unknown>, subject, path);
  }

  /** Names of the fields that are there. */
  get names(): string[] {
    return Object.keys(this.#object).filter((name) => this.has(name));
  }

  /** Whether a field is there and not null. */
  has(name: string): boolean {
    return this.#object[name] !== undefined && this.#object[name] !== null;
  }

  /** An error about a field of this object. */
  error(name: string, problem: string): MeshError {
    return new MeshError("CONFIG_INVALID", `Cannot apply ${this.#subject}: ${fieldName(this.#at(name))} ${problem}`);
  }

  /**
   * Refuses every field that is not listed: a setting that has no effect would make a test lie.
   *
   * @throws {MeshError} `CONFIG_INVALID` naming the first such field.
   */
  only(...known: string[]): void {
    for (const name of this.names) {
      if (!known.includes(name)) {
        throw this.error(name, "is not supported by FakeIstiod; use istiod.push() to send what it should become");
      }
    }
  }

  /** A string field, `undefined` where absent. Numbers and booleans are taken as text, as YAML users expect. */
  string(name: string): string | undefined {
    const value = this.#object[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value === "string") return value;
    if (typeof value === "number" || typeof value === "boolean") return String(value);
    throw this.error(name, `must be a string, current value is '${JSON.stringify(value)}'`);
  }

  /** A string field that must be there. */
  requiredString(name: string): string {
    const value = this.string(name);
    if (value === undefined || value === "") throw this.error(name, "is required");
    return value;
  }

  /** One of the given words, `undefined` where absent. */
  oneOf<T extends string>(name: string, words: readonly T[]): T | undefined {
    const value = this.string(name);
    if (value === undefined) return undefined;
    const word = words.find((candidate) => candidate === value);
    if (word === undefined) throw this.error(name, `must be one of ${words.join(", ")}, current value is '${value}'`);
    return word;
  }

  /** A number field within bounds, `undefined` where absent. */
  number(name: string, minimum = 0, maximum = 0xffffffff): number | undefined {
    const value = this.#object[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "number" || !(value >= minimum && value <= maximum)) {
      throw this.error(name, `must be a number from ${minimum} to ${maximum}, current value is '${value}'`);
    }
    return value;
  }

  /** A port number, `undefined` where absent. */
  port(name: string): number | undefined {
    return this.number(name, 1, 65535);
  }

  /** A boolean field, `undefined` where absent. */
  boolean(name: string): boolean | undefined {
    const value = this.#object[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "boolean") throw this.error(name, `must be true or false, current value is '${value}'`);
    return value;
  }

  /** A duration such as `1.5s`, `250ms`, `1h`, in milliseconds; `undefined` where absent. */
  durationMs(name: string): number | undefined {
    const value = this.string(name);
    if (value === undefined) return undefined;
    const ms = parseDuration(value);
    if (ms === undefined) throw this.error(name, `must be a duration such as '1.5s', current value is '${value}'`);
    return ms;
  }

  /** An object field, `undefined` where absent. */
  object(name: string): Fields | undefined {
    return this.has(name) ? Fields.of(this.#object[name], this.#subject, this.#at(name)) : undefined;
  }

  /** An object of whatever JSON can say, `undefined` where absent. */
  json(name: string): { readonly [key: string]: Json } | undefined {
    if (this.object(name) === undefined) return undefined;
    return JSON.parse(JSON.stringify(this.#object[name]));
  }

  /** A list of objects, empty where absent. */
  list(name: string): Fields[] {
    return this.#array(name).map((item, index) => Fields.of(item, this.#subject, `${this.#at(name)}[${index}]`));
  }

  /** A list of strings, empty where absent. */
  strings(name: string): string[] {
    return this.#array(name).map((item) => {
      if (typeof item === "object") throw this.error(name, "must be a list of strings");
      return String(item);
    });
  }

  /** An object of strings, empty where absent. */
  stringMap(name: string): Record<string, string> {
    const object = this.object(name);
    const map: Record<string, string> = {};
    for (const key of object?.names ?? []) map[key] = object!.string(key)!;
    return map;
  }

  #array(name: string): unknown[] {
    const value = this.#object[name];
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) throw this.error(name, "must be a list");
    return value;
  }

  #at(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }
}

const UNITS: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 0.001 };

/** Milliseconds of a Go duration (`1h30m`, `250ms`, `0s`), `undefined` when it is none. */
function parseDuration(text: string): number | undefined {
  let ms = 0;
  let end = 0;
  for (const part of text.matchAll(/(\d+(?:\.\d+)?)(ms|us|h|m|s)/gy)) {
    ms += Number(part[1]) * UNITS[part[2]!]!;
    end = part.index + part[0].length;
  }
  return end > 0 && end === text.length ? ms : undefined;
}

function fieldName(path: string): string {
  return path === "" ? "the document" : `field '${path}'`;
}
