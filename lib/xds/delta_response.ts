import type { EnvoyServiceDiscoveryV3DeltaDiscoveryResponse as DeltaResponse } from "../protobuf/gen/messages.ts";
import { WireReader } from "../protobuf/wire_reader.ts";

type Resource = NonNullable<DeltaResponse["resources"]>[number];

/**
 * Reads `envoy.service.discovery.v3.DeltaDiscoveryResponse`, of which there are some with ten thousand resources: what
 * istiod does not set is passed over, and the strings all resources share are made once.
 *
 * Field numbers: system_version_info 1, resources 2 (version 1, resource 2, name 3), type_url 4, nonce 5,
 * removed_resources 6; of `Any`: type_url 1, value 2.
 *
 * @throws {RangeError} When the bytes are no such message.
 */
export function readDeltaResponse(bytes: Uint8Array): DeltaResponse {
  const resources: Resource[] = [];
  const removedResources: string[] = [];
  const response: DeltaResponse = { resources, removedResources };
  const versions = new LastString();
  const types = new LastString();
  const reader = new WireReader(bytes);
  while (reader.next()) {
    if (reader.wireType !== 2) continue;
    switch (reader.field) {
      case 1:
        response.systemVersionInfo = reader.string();
        break;
      case 2:
        resources.push(readResource(reader.bytes(), versions, types));
        break;
      case 4:
        response.typeUrl = reader.string();
        break;
      case 5:
        response.nonce = reader.string();
        break;
      case 6:
        removedResources.push(reader.string());
        break;
    }
  }
  return response;
}

function readResource(bytes: Uint8Array, versions: LastString, types: LastString): Resource {
  const resource: Resource = {};
  const reader = new WireReader(bytes);
  while (reader.next()) {
    if (reader.wireType !== 2) continue;
    if (reader.field === 1) resource.version = versions.of(reader.bytes());
    else if (reader.field === 2) resource.resource = readAny(reader.bytes(), types);
    else if (reader.field === 3) resource.name = reader.string();
  }
  return resource;
}

function readAny(bytes: Uint8Array, types: LastString): NonNullable<Resource["resource"]> {
  const any: NonNullable<Resource["resource"]> = {};
  const reader = new WireReader(bytes);
  while (reader.next()) {
    if (reader.wireType !== 2) continue;
    if (reader.field === 1) any.typeUrl = types.of(reader.bytes());
    else if (reader.field === 2) any.value = reader.bytes();
  }
  return any;
}

const text = new TextDecoder();

/** Makes strings of bytes, the same object as long as the bytes are the same. */
class LastString {
  #bytes: Uint8Array = new Uint8Array();
  #string = "";

  of(bytes: Uint8Array): string {
    const last = this.#bytes;
    let same = last.length === bytes.length;
    for (let index = 0; same && index < bytes.length; index++) same = last[index] === bytes[index];
    if (!same) {
      this.#bytes = bytes;
      this.#string = text.decode(bytes);
    }
    return this.#string;
  }
}
