import type { PropertyValue } from "../property_value.ts";
import type { HttpStream } from "../http/http_stream.ts";

/** A property of an HTTP stream; `undefined` where there is none. */
export function streamProperty(_stream: HttpStream, _path: readonly string[]): PropertyValue | undefined {
  return undefined;
}
