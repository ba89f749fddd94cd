import { type MessageName, verify } from "../protobuf/registry.ts";
import type { ParseResult } from "./common.ts";
import { printable, reasonOf } from "./issues.ts";
import { ResourceVersion } from "./resource_version.ts";

/** How one kind of resource is validated and expanded. */
export interface ResourceType<T> {
  /** Full name of its message. */
  readonly message: MessageName;
  /** Reads it. */
  parse(bytes: Uint8Array): ParseResult<T>;
  /** The name inside the resource, which must be the one it came under; `null` where it has none. */
  nameOf(value: T): string | null;
}

/** A version that may be used, with its value, or every reason why not. */
export type Validated<T> =
  | { readonly version: ResourceVersion<T>; readonly value: T | null }
  | { readonly errors: readonly string[] };

/**
 * Validates bytes that arrived under a name.
 *
 * @param type The kind of resource.
 * @param name The name they arrived under.
 * @param bytes The resource.
 * @param thorough Whether to read it completely. Otherwise it is decoded and discarded, which finds bytes that are no
 *     such message, costs a tenth, and leaves the rest to the first use.
 * @param inUse Whether the value will be asked for at once: it is kept then, and dropped otherwise, so that memory
 *     follows use.
 * @param onInvalid Told where the first use finds what validation did not look for.
 */
export function validateResource<T>(
  type: ResourceType<T>,
  name: string,
  bytes: Uint8Array,
  thorough: boolean,
  inUse: boolean,
  onInvalid: (errors: readonly string[]) => void,
): Validated<T> {
  const parse = (own: Uint8Array) => type.parse(own);
  if (!thorough) {
    try {
      verify(type.message, bytes);
    } catch (error) {
      return { errors: [`Cannot read ${bytes.length} bytes as '${type.message}': ${reasonOf(error)}`] };
    }
    return { version: new ResourceVersion(bytes, [], parse, onInvalid), value: null };
  }
  const result = parse(bytes);
  if (!result.ok) return { errors: result.errors };
  const inside = type.nameOf(result.value);
  if (inside !== null && inside !== name) {
    const reason = `Cannot use 'name': it must be that of the resource, '${name}', current value is '${inside}'`;
    return { errors: [printable(reason)] };
  }
  const unsupported = result.unsupported
    .map(({ path, what }) => `Cannot follow '${path}': '${what}' is not supported, the rest is applied`);
  const version = new ResourceVersion(bytes, unsupported, parse, onInvalid, inUse ? result.value : undefined);
  return { version, value: result.value };
}
