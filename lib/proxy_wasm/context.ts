import { type AbiVersion, Status, type StatusCode } from "./abi.ts";
import type { GuestBuffer } from "./guest_buffer.ts";
import type { HeaderMap } from "./header_map.ts";
import type { LocalResponse } from "./local_response.ts";
import type { PropertyValue } from "./property_value.ts";
import type { RootContext } from "./root_context.ts";
import type { Vm } from "./vm.ts";

/**
 * One context of a module: the root of a plugin, an HTTP stream or a TCP connection. Host functions act on the context
 * of the callback under way, or on the one the module has made effective; each kind says what it has to offer.
 */
export abstract class Context {
  readonly vm: Vm;
  /** Number by which the module knows it; never 0, and no other context of the VM has it while this one lives. */
  readonly id: number;
  /** How often the module has set a property here. */
  properties = 0;

  /**
   * @param vm The VM it lives in.
   * @param id Its number.
   */
  constructor(vm: Vm, id: number) {
    this.vm = vm;
    this.id = id;
  }

  /** The root it belongs to: itself, for a root. */
  abstract get root(): RootContext;

  /** The version of the interface its module speaks. */
  get abi(): AbiVersion {
    return this.vm.abi;
  }

  /** Headers or trailers, by `MapType`; `null` where they are not at hand now. */
  headerMap(type: number): HeaderMap | null {
    return this.root.delivered?.headerMap(type) ?? null;
  }

  /** As {@linkcode Context.headerMap}, to be changed; `null` where it may not be. Naming trailers there may make them. */
  writableMap(type: number): HeaderMap | null {
    const map = this.headerMap(type);
    return map === null || !map.writable ? null : map;
  }

  /** What a header map that is not at hand answers to a read of one value. */
  get missingMapStatus(): StatusCode {
    return Status.BAD_ARGUMENT;
  }

  /** Bytes, by `BufferType`; `null` where they are not at hand now. */
  buffer(type: number): GuestBuffer | null {
    return this.root.configurationBuffer(type) ?? this.root.delivered?.buffer(type) ?? null;
  }

  /** The value of a property; `undefined` where there is none. */
  property(path: readonly string[]): PropertyValue | undefined {
    return this.root.pluginProperty(path);
  }

  /** Keeps a value under `path`, for this stream and the filters after this one; `NOT_FOUND` where there is no stream. */
  setProperty(_path: string, _value: Uint8Array): StatusCode {
    return Status.NOT_FOUND;
  }

  /** Sets an object of Envoy's filter state by its key; `NOT_FOUND` where there is no such object, or no stream. */
  setFilterState(_key: string, _value: string): StatusCode {
    return Status.NOT_FOUND;
  }

  /** Continues a paused direction, by `StreamType`, once the callback under way is over. */
  continueStream(_stream: number): StatusCode {
    return Status.UNIMPLEMENTED;
  }

  /** Resets a direction, by `StreamType`, once the callback under way is over. */
  closeStream(_stream: number): StatusCode {
    return Status.UNIMPLEMENTED;
  }

  /** Answers in place of the upstream, once the callback under way is over. */
  sendLocalResponse(_response: LocalResponse): StatusCode {
    return Status.OK;
  }

  /** Has the route chosen anew. */
  clearRouteCache(): StatusCode {
    return Status.BAD_ARGUMENT;
  }

  /** The VM has failed: nothing will continue what waits for the module. */
  vmFailed(): void {}

  /** The module says that it is done with this context, after it has put that off; `NOT_FOUND` where it has not. */
  done(): StatusCode {
    return Status.NOT_FOUND;
  }
}
