import { readAll } from "../../http/body.ts";
import { HeaderList } from "../../http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../http/message.ts";
import { failureReply } from "../../upstream/failure_reply.ts";
import { BufferType, MapType, Status } from "../abi.ts";
import type { ClusterCalls } from "../cluster_calls.ts";
import { FixedBuffer } from "../guest_buffer.ts";
import { RESPONSE_PSEUDO_HEADERS, ResponseHeaders } from "../http/response_headers.ts";
import { TrailerMap } from "../http/trailer_map.ts";
import type { Delivered, RootContext } from "../root_context.ts";
import { type CallStatus, deliver, NO_STATUS } from "./deliver.ts";
import type { OpenCall, OpenCalls } from "./open_calls.ts";

/** The largest content of an answer: Envoy's `http.async_response_buffer_limit`. */
const MAX_CONTENT = 32 * 1024 * 1024;
const RESET: CallStatus = { code: Status.BROKEN_CONNECTION, message: "reset" };

/** What an HTTP call is made of. */
export interface HttpCallOptions {
  readonly calls: OpenCalls<HttpCall>;
  readonly id: number;
  readonly root: RootContext;
  readonly clusters: ClusterCalls;
  readonly cluster: string;
  readonly request: HttpRequest;
  /** `null` for no limit. */
  readonly timeoutMs: number | null;
  /** Bytes of it that wait to be sent. */
  readonly bytes: number;
}

/** The answer to a call, whole. */
interface Answer {
  readonly response: HttpResponse;
  readonly content: Uint8Array;
  readonly trailers: HeaderList | null;
}

/**
 * A request of a module to a cluster. As from Envoy, whatever keeps it from being answered is an answer too (503, or 504
 * where the limit of time has passed); an answer that breaks off, or is too large, is a failure, which the module sees as
 * an answer without headers. Unlike in Envoy a cluster without a healthy endpoint does not refuse the call at once: it is
 * answered with 503 like the rest.
 */
export class HttpCall implements OpenCall {
  readonly root: RootContext;
  readonly #options: HttpCallOptions;
  readonly #controller = new AbortController();

  /** @param options What it is made of. It begins once the callback under way is over. */
  constructor(options: HttpCallOptions) {
    this.root = options.root;
    this.#options = options;
    options.calls.bytes += options.bytes;
    const { vm } = options.root;
    // Not from within the module: it may be short of stack or time, and connections are not its own.
    vm.defer(() => {
      if (vm.failure === null) void this.#run();
    });
  }

  cancel(): void {
    this.#controller.abort();
  }

  async #run(): Promise<void> {
    const { calls, id, root, bytes } = this.#options;
    const answer = await this.#answer();
    calls.bytes -= bytes;
    root.vm.defer(() => {
      if (!calls.remove(id)) return;
      const { onHttpCallResponse } = root.vm.exports;
      if (answer === null) return deliver(root, onHttpCallResponse, null, RESET, id, 0, 0, 0);
      const { response, content, trailers } = answer;
      const count = response.headers.size + RESPONSE_PSEUDO_HEADERS;
      const delivered = new HttpAnswer(answer);
      deliver(root, onHttpCallResponse, delivered, NO_STATUS, id, count, content.length, trailers?.size ?? 0);
    });
  }

  /** The answer; `null` for none. */
  async #answer(): Promise<Answer | null> {
    const { clusters, cluster, request, timeoutMs } = this.#options;
    const { signal } = this.#controller;
    let response: HttpResponse;
    try {
      response = await clusters.send(cluster, request, { timeoutMs, signal });
    } catch (error) {
      return refusal(error);
    }
    const { body } = response;
    try {
      const content = await readAll(body, MAX_CONTENT);
      return content === null ? null : { response, content, trailers: body?.trailers ?? null };
    } catch {
      return null;
    }
  }
}

/** What a module reads of an answer. */
class HttpAnswer implements Delivered {
  readonly #answer: Answer;
  readonly #headers: ResponseHeaders;

  constructor(answer: Answer) {
    this.#answer = answer;
    this.#headers = new ResponseHeaders(answer.response);
    this.#headers.writable = false;
  }

  headerMap(type: number): ResponseHeaders | TrailerMap | null {
    if (type === MapType.HTTP_CALL_RESPONSE_HEADERS) return this.#headers;
    const { trailers } = this.#answer;
    return type !== MapType.HTTP_CALL_RESPONSE_TRAILERS || trailers === null ? null : new TrailerMap(trailers, false);
  }

  buffer(type: number): FixedBuffer | null {
    return type === BufferType.HTTP_CALL_RESPONSE_BODY ? new FixedBuffer(this.#answer.content) : null;
  }
}

/** What a request that got no answer is answered with; `null` where that is not known. */
function refusal(error: unknown): Answer | null {
  const reply = failureReply(error);
  if (reply === null) return null;
  const content = typeof reply.body === "string" ? new TextEncoder().encode(reply.body) : reply.body;
  const headers = new HeaderList([
    "content-length",
    String(content.length),
    "content-type",
    "text/plain",
    ...(reply.headers ?? []),
  ]);
  return { response: { status: reply.status, headers, body: null }, content, trailers: null };
}
