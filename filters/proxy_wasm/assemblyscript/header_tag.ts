// Reads three headers of the request and adds one to the response: the filter by which the cost of an SDK is measured.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  Context,
  FilterHeadersStatusValues,
  registerRootContext,
  RootContext,
  stream_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/runtime";

class TagRoot extends RootContext {
  createContext(context_id: u32): Context {
    return new TagContext(context_id, this);
  }
}

class TagContext extends Context {
  constructor(context_id: u32, root_context: TagRoot) {
    super(context_id, root_context);
  }

  onRequestHeaders(headers: u32, end_of_stream: bool): FilterHeadersStatusValues {
    stream_context.headers.request.get(":path");
    stream_context.headers.request.get("user-agent");
    stream_context.headers.request.get("x-request-id");
    return FilterHeadersStatusValues.Continue;
  }

  onResponseHeaders(headers: u32, end_of_stream: bool): FilterHeadersStatusValues {
    stream_context.headers.response.add("x-wasm", "assemblyscript");
    return FilterHeadersStatusValues.Continue;
  }

  onLog(): void {}

  onDone(): bool {
    return true;
  }

  onDelete(): void {}
}

registerRootContext((context_id: u32) => new TagRoot(context_id), "");
