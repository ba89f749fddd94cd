/** A field of a message. */
export interface NewerField {
  /** As in the definition. */
  readonly name: string;
  readonly id: number;
  readonly type: string;
}

/** Fields of Envoy 1.40 that the definitions of the npm package are too old to have, by message. */
export const NEWER_FIELDS: Readonly<Record<string, readonly NewerField[]>> = {
  "envoy.config.cluster.v3.OutlierDetection": [
    { name: "detect_degraded_hosts", id: 26, type: "google.protobuf.BoolValue" },
  ],
};
