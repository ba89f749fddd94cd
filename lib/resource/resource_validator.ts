import { type MessageName, verify } from "../protobuf/registry.ts";
import { printable, reasonOf } from "./issues.ts";
import { ResourceVersion, type VersionKind } from "./resource_version.ts";
import type { UpdateStamp } from "./update_stamp.ts";

/** One for all: there may be ten thousand of them. */
const NOTHING_UNSUPPORTED: readonly string[] = [];

/** How one kind of resource is validated and expanded. */
export interface ResourceType<T> extends VersionKind<T> {
  /** Full name of its message. */
  readonly message: MessageName;
  /** The name inside the resource, which must be the one it came under; `null` where it has none. */
  nameOf(value: T): string | null;
}

/** A version that may be used, with its value, or every reason why not. */
export type Validated<T> =
  | { readonly version: ResourceVersion<T>; readonly value: T | null }
  | { readonly errors: readonly string[] };

/** How a resource is to be validated. */
export interface Validation<T> {
  /**
   * Whether to read it completely. Otherwise only its form is checked, which finds bytes that are no such message, costs
   * a fraction, and leaves the rest to the first use.
   */
  readonly thorough: boolean;
  /** Whether the value will be asked for at once: it is kept then, and dropped otherwise, so that memory follows use. */
  readonly inUse: boolean;
  /** The version before; `null` where there is none. */
  readonly former: ResourceVersion<T> | null;
  /** The update that brought it. */
  readonly stamp: UpdateStamp;
  /** Copies the bytes for as long as they are used. */
  keep(bytes: Uint8Array): Uint8Array;
}

/**
 * Validates bytes that arrived under a name.
 *
 * @param type The kind of resource.
 * @param name The name they arrived under.
 * @param bytes The resource.
 * @param validation How.
 */
export function validateResource<T>(
  type: ResourceType<T>,
  name: string,
  bytes: Uint8Array,
  { thorough, inUse, former, stamp, keep }: Validation<T>,
): Validated<T> {
  if (!thorough) {
    try {
      verify(type.message, bytes);
    } catch (error) {
      return { errors: [`Cannot read ${bytes.length} bytes as '${type.message}': ${reasonOf(error)}`] };
    }
    return { version: new ResourceVersion(type, name, keep(bytes), NOTHING_UNSUPPORTED, stamp, former), value: null };
  }
  const result = type.parse(bytes);
  if (!result.ok) return { errors: result.errors };
  const inside = type.nameOf(result.value);
  if (inside !== null && inside !== name) {
    const reason = `Cannot use 'name': it must be that of the resource, '${name}', current value is '${inside}'`;
    return { errors: [printable(reason)] };
  }
  const unsupported = result.unsupported
    .map(({ path, what }) => `Cannot follow '${path}': '${what}' is not supported, the rest is applied`);
  // What is read in parts is read again, with those of the former version.
  const value = inUse && type.expand === null ? result.value : undefined;
  const version = new ResourceVersion(type, name, keep(bytes), unsupported, stamp, former, value);
  return { version, value: result.value };
}
