/**
 * What a module may make the host hold, where the memory of the module itself is no bound: one that asks for more is
 * answered `BAD_ARGUMENT` (or WASI's counterpart). Each is far above what filters do, and far below what hurts.
 */
export const GUEST_LIMITS = {
  /** Bytes of the name or the value of a header. No codec passes a longer one on. */
  headerBytes: 64 * 1024,
  /** Fields of one map: as many as Envoy's host takes in a serialised map. */
  headerFields: 1024,
  /** Bytes of the path of a property. */
  propertyPathBytes: 4 * 1024,
  /** Bytes of a property that a module sets. */
  propertyBytes: 64 * 1024,
  /** Properties that modules set on one stream. */
  properties: 256,
  /** Bytes of content after a change, and of a local response. */
  contentBytes: 16 * 1024 * 1024,
  /** Pieces of one WASI write (`IOV_MAX`). */
  writeVectors: 1024,
} as const;
