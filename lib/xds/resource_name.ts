import { WireReader } from "../protobuf/wire_reader.ts";
import { isSingleton } from "./type_urls.ts";

const text = new TextDecoder("utf-8", { fatal: true });

/**
 * The name inside a serialized resource. Responses of the state-of-the-world protocol do not carry names beside the
 * resources; in every xDS resource type the name (`cluster_name` for endpoints) is the string with field number 1.
 *
 * @throws {TypeError} When the bytes are not a message.
 */
export function resourceName(typeUrl: string, bytes: Uint8Array): string {
  if (isSingleton(typeUrl)) return "";
  let name: Uint8Array | null = null;
  try {
    const reader = new WireReader(bytes);
    // Of a field that is there twice the last one counts, as for every protobuf parser.
    while (reader.next()) if (reader.field === 1 && reader.wireType === 2) name = reader.bytes();
    return name === null ? "" : text.decode(name);
  } catch {
    throw new TypeError("Cannot read the name of the resource: it is not a protobuf message");
  }
}
