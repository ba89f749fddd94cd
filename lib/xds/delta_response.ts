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
        resources.push(readResource(reader.inner(), versions, types));
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

function readResource(reader: WireReader, versions: LastString, types: LastString): Resource {
  const resource: Resource = {};
  while (reader.next()) {
    if (reader.wireType !== 2) continue;
    if (reader.field === 1) resource.version = versions.of(reader);
    else if (reader.field === 2) resource.resource = readAny(reader.inner(), types);
    else if (reader.field === 3) resource.name = reader.string();
  }
  return resource;
}

function readAny(reader: WireReader, types: LastString): NonNullable<Resource["resource"]> {
  const any: NonNullable<Resource["resource"]> = {};
  while (reader.next()) {
    if (reader.wireType !== 2) continue;
    if (reader.field === 1) any.typeUrl = types.of(reader);
    else if (reader.field === 2) any.value = reader.bytes();
  }
  return any;
}

/** Makes strings, the same object as long as they are the same. */
class LastString {
  #string = "";

  of(reader: WireReader): string {
    return this.#string = reader.stringLike(this.#string);
  }
}
