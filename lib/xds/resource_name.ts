import { isSingleton } from "./type_urls.ts";

const LENGTH_DELIMITED = 2;

/**
 * The name inside a serialized resource. Responses of the state-of-the-world protocol do not carry names beside the
 * resources; in every xDS resource type the name (`cluster_name` for endpoints) is the string with field number 1.
 *
 * @throws {TypeError} When the bytes are not a message.
 */
export function resourceName(typeUrl: string, bytes: Uint8Array): string {
  if (isSingleton(typeUrl)) return "";
  let at = 0;
  let name = "";
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 64; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw malformed();
  };
  const skip = (length: number): void => {
    at += length;
    if (at > bytes.length) throw malformed();
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        varint();
        break;
      case 1:
        skip(8);
        break;
      case LENGTH_DELIMITED: {
        const length = varint();
        const start = at;
        skip(length);
        // Of a field that is there twice the last one counts, as for every protobuf parser.
        if (field === 1) name = decode(bytes.subarray(start, at));
        break;
      }
      case 5:
        skip(4);
        break;
      default:
        throw malformed();
    }
  }
  return name;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw malformed();
  }
}

function malformed(): TypeError {
  return new TypeError("Cannot read the name of the resource: it is not a protobuf message");
}
