import type { Call } from "../../http/call.ts";
import type { HeaderList } from "../../http/header_list.ts";
import type { HttpRequest } from "../../http/message.ts";
import { BufferType, MapType, Status, type StatusCode } from "../abi.ts";
import { Context } from "../context.ts";
import { setFilterState, setStreamProperty } from "../filter_state.ts";
import type { GuestBuffer } from "../guest_buffer.ts";
import type { HeaderMap } from "../header_map.ts";
import { streamProperty } from "../properties/stream_property.ts";
import type { PropertyValue } from "../property_value.ts";
import type { RootContext } from "../root_context.ts";
import type { FilteredBody } from "./filtered_body.ts";
import { RequestHeaders } from "./request_headers.ts";
import { ResponseHeaders } from "./response_headers.ts";
import { TrailerMap } from "./trailer_map.ts";

/** What a module can see and change of an HTTP stream: headers, content, trailers, properties. */
export abstract class HttpStreamContext extends Context {
  readonly call: Call;
  readonly request: HttpRequest;
  protected readonly requestHeaders: RequestHeaders;
  /** Those of the response, once the module was shown them or has asked for them. */
  protected responseHeaders: ResponseHeaders | null = null;
  protected requestBody: FilteredBody | null = null;
  protected responseBody: FilteredBody | null = null;
  /** Whether a response has come as far as the module. */
  protected responded = false;
  /** Whether the stream is over: everything can be read, nothing changed. */
  protected logging = false;
  readonly #root: RootContext;

  /**
   * @param root The root of the plugin.
   * @param request The request.
   * @param call Its call.
   */
  constructor(root: RootContext, request: HttpRequest, call: Call) {
    super(root.vm, root.vm.nextId());
    this.#root = root;
    this.request = request;
    this.call = call;
    this.requestHeaders = new RequestHeaders(request);
  }

  override get root(): RootContext {
    return this.#root;
  }

  override headerMap(type: number): HeaderMap | null {
    switch (type) {
      case MapType.HTTP_REQUEST_HEADERS:
        return this.requestHeaders;
      case MapType.HTTP_RESPONSE_HEADERS:
        return this.responseHeaders ?? this.#arrivedHeaders();
      case MapType.HTTP_REQUEST_TRAILERS:
        return readOnly(this.requestBody?.arrivedTrailers ?? null);
      case MapType.HTTP_RESPONSE_TRAILERS:
        return readOnly(this.responseBody?.arrivedTrailers ?? this.call.response?.body?.trailers ?? null);
    }
    return super.headerMap(type);
  }

  override writableMap(type: number): HeaderMap | null {
    if (type === MapType.HTTP_REQUEST_TRAILERS || type === MapType.HTTP_RESPONSE_TRAILERS) {
      const body = type === MapType.HTTP_REQUEST_TRAILERS ? this.requestBody : this.responseBody;
      const trailers = this.logging ? null : body?.changeableTrailers ?? null;
      return trailers === null ? null : new TrailerMap(trailers, true);
    }
    return super.writableMap(type);
  }

  override get missingMapStatus(): StatusCode {
    return this.logging ? Status.NOT_FOUND : Status.BAD_ARGUMENT;
  }

  override buffer(type: number): GuestBuffer | null {
    switch (type) {
      case BufferType.HTTP_REQUEST_BODY:
        return this.requestBody?.buffer ?? null;
      case BufferType.HTTP_RESPONSE_BODY:
        return this.responseBody?.buffer ?? null;
    }
    return super.buffer(type);
  }

  /** Has the route chosen anew where the module has changed headers: Envoy does for all versions of the interface so far. */
  protected chooseRoute(): void {
    if (!this.requestHeaders.changed) return;
    this.requestHeaders.changed = false;
    this.call.clearRouteCache();
  }

  override property(path: readonly string[]): PropertyValue | undefined {
    this.chooseRoute();
    return streamProperty(this.call, this.vm.host.node, path) ?? super.property(path);
  }

  override setProperty(path: string, value: Uint8Array): StatusCode {
    return setStreamProperty(this.call, this.root, path, value);
  }

  override setFilterState(key: string, value: string): StatusCode {
    return setFilterState(this.call, key, value);
  }

  override clearRouteCache(): StatusCode {
    this.call.clearRouteCache();
    return Status.OK;
  }

  #arrivedHeaders(): ResponseHeaders | null {
    const { response } = this.call;
    if (response === null || !(this.responded || this.logging)) return null;
    const headers = this.responseHeaders = new ResponseHeaders(response);
    headers.writable = false;
    return headers;
  }
}

function readOnly(trailers: HeaderList | null): HeaderMap | null {
  return trailers === null ? null : new TrailerMap(trailers, false);
}
