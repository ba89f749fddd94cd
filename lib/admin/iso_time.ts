/** A `google.protobuf.Timestamp` in its JSON form. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
