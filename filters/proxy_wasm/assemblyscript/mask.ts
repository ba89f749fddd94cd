// Masks e-mail addresses in text and JSON of responses: the same as `mask.c` does for addresses, through the SDK.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import {
  BufferTypeValues,
  Context,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  get_buffer_bytes,
  registerRootContext,
  RootContext,
  set_buffer_bytes,
  stream_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/runtime";

const STAR: u8 = 0x2a;
const AT: u8 = 0x40;

function isName(c: u8): bool {
  return (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a) ||
    c == 0x2e || c == 0x5f || c == 0x2b || c == 0x2d || c == 0x25;
}

function mask(text: Uint8Array): void {
  for (let i = 0; i + 1 < text.length; i++) {
    if (text[i] != AT || !isName(text[i + 1])) continue;
    let start = i;
    while (start > 0 && isName(text[start - 1])) start--;
    for (let at = start + 1; at < i; at++) text[at] = STAR;
  }
}

class MaskRoot extends RootContext {
  createContext(context_id: u32): Context {
    return new MaskContext(context_id, this);
  }
}

class MaskContext extends Context {
  private masks: bool = false;

  constructor(context_id: u32, root_context: MaskRoot) {
    super(context_id, root_context);
  }

  // Headers are gone when content comes.
  onResponseHeaders(headers: u32, end_of_stream: bool): FilterHeadersStatusValues {
    const type = stream_context.headers.response.get("content-type").toLowerCase();
    this.masks = type.includes("text/") || type.includes("json");
    return FilterHeadersStatusValues.Continue;
  }

  onResponseBody(size: usize, end_of_stream: bool): FilterDataStatusValues {
    if (!this.masks) return FilterDataStatusValues.Continue;
    if (!end_of_stream) return FilterDataStatusValues.StopIterationAndBuffer;
    const content = get_buffer_bytes(BufferTypeValues.HttpResponseBody, 0, <u32>size);
    if (content.byteLength == 0) return FilterDataStatusValues.Continue;
    mask(Uint8Array.wrap(content));
    set_buffer_bytes(BufferTypeValues.HttpResponseBody, 0, <u32>size, content);
    return FilterDataStatusValues.Continue;
  }

  onLog(): void {}

  onDone(): bool {
    return true;
  }

  onDelete(): void {}
}

registerRootContext((context_id: u32) => new MaskRoot(context_id), "");
