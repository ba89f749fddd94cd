/**
 * A value of the tree of properties (Envoy's attributes), before it is written as bytes. Text is a byte string; numbers
 * are signed or unsigned integers of 64 bits, which look the same on the wire; times and durations are bigints of
 * nanoseconds; a {@linkcode Double} is a floating-point number.
 */
export type PropertyValue = string | number | bigint | boolean | Uint8Array | Double | PropertyMap | PropertyList;

/** A node with named children. */
export interface PropertyMap {
  readonly kind: "map";
  /** The child of that name; `undefined` for none. */
  get(key: string): PropertyValue | undefined;
  /** Every child, in order: what the node itself is written as. `null` where it cannot be written. */
  entries(): Iterable<readonly [string, PropertyValue]> | null;
}

/** A node with numbered children. */
export interface PropertyList {
  readonly kind: "list";
  readonly items: readonly PropertyValue[];
}

/** A floating-point number. */
export interface Double {
  readonly kind: "double";
  readonly value: number;
}
