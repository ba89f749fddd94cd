import { MeshError } from "../errors.ts";
import type { HttpLayer } from "../filter/http_filter.ts";
import { BytesBody } from "../http/body.ts";
import type { Call } from "../http/call.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import type { Logger } from "../internal/logger.ts";
import { localReply } from "../router/local_reply.ts";
import { type ComponentInstance, isFilterError } from "./component_instance.ts";
import type { FailingSlot, FailPolicy } from "./failure_policy.ts";
import { type FilterChunk, filteredBody } from "./filtered_body.ts";
import type { FilterError, LocalResponse } from "./filter_world.ts";
import { applyChanges, localHeaders, requestHead, responseHead } from "./message_head.ts";

/** What {@linkcode componentLayer} works with. */
export interface ComponentLayerOptions {
  readonly name: string;
  readonly policy: FailPolicy;
  readonly slot: FailingSlot<ComponentInstance>;
  readonly logger: Logger;
}

/** The layer of a component: one {@linkcode Passage} a request, on the instance there is when the request begins. */
export function componentLayer(options: ComponentLayerOptions): HttpLayer {
  return function componentFilter(next) {
    return (request, call) => {
      const instance = options.slot.current;
      if (instance === null) {
        return options.policy === "fail_open" ? next(request, call) : Promise.reject(failedStream(options.name, call));
      }
      const passage = new Passage(options, instance, request, call);
      let answer: HttpResponse | null;
      try {
        answer = passage.request();
      } catch (error) {
        return Promise.reject(error);
      }
      if (answer !== null) return Promise.resolve(answer);
      return next(request, call).then((response) => passage.response(response));
    };
  };
}

/** One call on its way through one instance. */
class Passage {
  readonly #options: ComponentLayerOptions;
  readonly #instance: ComponentInstance;
  readonly #request: HttpRequest;
  readonly #call: Call;
  readonly #id: number;

  constructor(options: ComponentLayerOptions, instance: ComponentInstance, request: HttpRequest, call: Call) {
    this.#options = options;
    this.#instance = instance;
    this.#request = request;
    this.#call = call;
    this.#id = instance.nextId();
    if (instance.hasBodies) call.exchange.onComplete(() => this.#done());
  }

  /** Passes the request; an answer given in place of it, or `null` to go on. @throws {MeshError} As the policy says. */
  request(): HttpResponse | null {
    const request = this.#request;
    try {
      const action = this.#instance.onRequest(this.#call, this.#id, requestHead(request));
      if (isFilterError(action)) return this.#refused(action, null);
      if (action.tag === "respond") return this.#respond(action.val, request.body);
      applyChanges(request, action.val);
      if (this.#instance.hasBodies && request.upgrade === undefined) this.#filterBody(request, "request");
      return null;
    } catch (error) {
      if (error instanceof MeshError) throw error;
      this.#failed(error);
      if (this.#isOpen) return null;
      request.body?.cancel();
      throw failedStream(this.#options.name, this.#call);
    }
  }

  /** Passes the response. @throws {MeshError} As the policy says. */
  response(response: HttpResponse): HttpResponse {
    try {
      if (this.#instance.failed) return this.#closed(response);
      const action = this.#instance.onResponse(this.#call, this.#id, responseHead(response));
      if (isFilterError(action)) return this.#refused(action, response)!;
      if (action.tag === "respond") return this.#respond(action.val, response.body);
      applyChanges(response, action.val);
      if (this.#instance.hasBodies && response.status !== 101) this.#filterBody(response, "response");
      return response;
    } catch (error) {
      if (error instanceof MeshError) throw error;
      this.#failed(error);
      return this.#closed(response);
    }
  }

  get #isOpen(): boolean {
    return this.#options.policy === "fail_open";
  }

  #closed(response: HttpResponse): HttpResponse {
    if (this.#isOpen) return response;
    response.body?.cancel();
    throw failedStream(this.#options.name, this.#call);
  }

  /** A trap ends the instance; what was wrong with its answer only ends this call. */
  #failed(error: unknown): void {
    const { slot, name, logger } = this.#options;
    if (this.#instance.failed) slot.fail(this.#instance, error);
    else logger.log("error", `Filter '${name}' is wrong about a message: ${describe(error)}`, { filter: name });
  }

  #refused({ tag, val }: FilterError, response: HttpResponse | null): HttpResponse | null {
    const { name, logger } = this.#options;
    const what = response === null ? "a request" : "a response";
    logger.log("warning", `Filter '${name}' refuses ${what} (${tag}): ${val}`, { filter: name });
    if (tag !== "malformed" && this.#isOpen) return response;
    (response ?? this.#request).body?.cancel();
    if (tag !== "malformed") throw failedStream(name, this.#call);
    return this.#answer(localReply(this.#request, this.#call, {
      status: response === null ? 400 : 502,
      details: "wasm_malformed",
      body: `Cannot pass on ${what}: filter '${name}' says it is malformed, see the log of the workload`,
    }));
  }

  #respond(answer: LocalResponse, replaced: HttpRequest["body"]): HttpResponse {
    const headers = localHeaders(answer);
    replaced?.cancel();
    this.#call.responseCodeDetails = "wasm_response";
    const { status, body } = answer;
    const silent = body.length === 0 || this.#request.method === "HEAD" || status === 204 || status === 304;
    return this.#answer({ status, headers, body: silent ? null : new BytesBody(body) });
  }

  #answer(response: HttpResponse): HttpResponse {
    this.#call.response = response;
    return response;
  }

  #filterBody(message: HttpRequest | HttpResponse, of: "request" | "response"): void {
    if (message.body === null) return;
    const body = filteredBody(message.body, this.#chunks(of));
    if (body.length === null) message.headers.delete("content-length");
    else if (message.headers.has("content-length")) message.headers.set("content-length", String(body.length));
    message.body = body;
  }

  #chunks(of: "request" | "response"): FilterChunk {
    return (chunk, endOfStream) => {
      try {
        if (this.#instance.failed && this.#isOpen) return chunk;
        const action = this.#instance.onBody(this.#call, this.#id, of, chunk, endOfStream);
        if (!isFilterError(action)) return action.tag === "replace" ? action.val : chunk;
        this.#refuseChunk(of, action);
      } catch (error) {
        if (error instanceof MeshError) throw error;
        this.#failed(error);
        if (!this.#isOpen) throw failedStream(this.#options.name, this.#call);
      }
      return chunk;
    };
  }

  #refuseChunk(of: "request" | "response", { tag, val }: FilterError): void {
    const { name, logger } = this.#options;
    logger.log("warning", `Filter '${name}' refuses the body of a ${of} (${tag}): ${val}`, { filter: name });
    if (tag === "malformed" || !this.#isOpen) throw failedStream(name, this.#call);
  }

  #done(): void {
    if (this.#instance.failed) return;
    try {
      this.#instance.onDone(this.#call, this.#id);
    } catch (error) {
      this.#failed(error);
    }
  }
}

/** What a sidecar answers for a filter that has failed: 503 with Envoy's details. */
function failedStream(name: string, call: Call): MeshError {
  call.responseCodeDetails = "wasm_fail_stream";
  return new MeshError("FILTER_FAILED", `Cannot pass on: filter '${name}' has failed, see the log of the workload`);
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
