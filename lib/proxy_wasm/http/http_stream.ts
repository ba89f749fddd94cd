import { MeshError } from "../../errors.ts";
import type { Body } from "../../http/body.ts";
import type { Call } from "../../http/call.ts";
import type { HttpRequest, HttpResponse } from "../../http/message.ts";
import type { Handler } from "../../internal/layer.ts";
import { localReply } from "../../router/local_reply.ts";
import { Status, type StatusCode, StreamType } from "../abi.ts";
import type { LocalResponse } from "../local_response.ts";
import type { PluginLease } from "../plugin_lease.ts";
import type { RootContext } from "../root_context.ts";
import type { GuestFunction } from "../runtime/runtime.ts";
import { type ContentCallbacks, FilteredBody } from "./filtered_body.ts";
import { HttpStreamContext } from "./http_stream_context.ts";
import { REQUEST_PSEUDO_HEADERS } from "./request_headers.ts";
import { RESPONSE_PSEUDO_HEADERS, ResponseHeaders } from "./response_headers.ts";
import { StreamSide } from "./stream_side.ts";

/** Most bytes of one direction a module may hold back: Envoy's `per_connection_buffer_limit_bytes`. */
const BUFFER_LIMIT = 1024 * 1024;

const LOCAL_REPLY_DETAILS = "wasm_local_response";
const FAILED_DETAILS = "wasm_fail_stream";
const CLOSED_DETAILS = "wasm_close_stream";

type Next = Handler<HttpRequest, HttpResponse, Call>;

/** A promise whose outcome is decided elsewhere. */
interface Pending {
  resolve(response: HttpResponse | Promise<HttpResponse>): void;
  reject(reason: unknown): void;
}

/**
 * One request and its response in a module: callbacks in Envoy's order, and what the module says of pausing, answering
 * and content carried out.
 */
export class HttpStream extends HttpStreamContext {
  /** Keeps the plugin in use while a request is under way, whatever becomes of the layer. */
  readonly lease: PluginLease;
  readonly #requestSide: StreamSide = new StreamSide();
  readonly #responseSide: StreamSide = new StreamSide();
  /** How far the stream is: nothing has gone on, the request has, the response has come, or has gone on. */
  #phase: "request" | "forwarded" | "response" | "sent" = "request";
  /** What the module answers, until that is carried out. */
  #local: LocalResponse | null = null;
  /** Whether the module has closed the stream. */
  #closed = false;
  /** Whether a callback of this stream is under way: what it brings about is carried out when it has returned. */
  #running = false;
  /** Whether the module is asked no more: it has answered, or it has failed. */
  #bypassed = false;
  /** Whether the request was answered here: what comes from upstream is too late. */
  #answered = false;
  /** Whoever waits for the answer to the request, where something may come between. */
  #pending: Pending | null = null;
  /** Whoever waits for the module to let the response pass. */
  #responsePending: Pending | null = null;
  /** Directions continued by the callback that has just run, a bit of each `StreamType`: its answer counts first. */
  #continued = 0;
  /** Directions the module has continued in the callback under way, a bit of each `StreamType`. */
  #continuing = 0;
  #next: Next | null = null;

  /**
   * @param lease The plugin.
   * @param root Its root.
   * @param request The request.
   * @param call Its call.
   */
  constructor(lease: PluginLease, root: RootContext, request: HttpRequest, call: Call) {
    super(root, request, call);
    this.lease = lease;
  }

  /** Puts the request through the module, on to `next`, and the response back through the module. */
  run(next: Next): Promise<HttpResponse> {
    const { vm, call, request } = this;
    vm.add(this);
    this.root.addStream();
    const body = contentOf(request.body);
    this.#running = true;
    const answered = vm.group(() => this.#begin(body === null));
    this.#running = false;
    const action = this.#actionOf(StreamType.HTTP_REQUEST, answered);
    call.exchange.onComplete((error) => this.#end(error === null));
    if (this.#interrupted()) return this.#answer();
    this.#requestSide.answerHeaders(this.#bypassed ? 0 : action, this.root.config.allowOnHeadersStopIteration);
    if (body === null) this.#requestSide.end();
    else if (!this.#bypassed) {
      const { onRequestBody, onRequestTrailers } = vm.exports;
      if (onRequestBody !== null || onRequestTrailers !== null) return this.#runWithContent(body, next);
    }
    return this.#requestSide.headersPassed ? this.#forward(next) : this.#wait(next);
  }

  #begin(endOfStream: boolean): number {
    const { vm, id, request } = this;
    const { exports } = vm;
    vm.run(this, exports.onContextCreate, id, this.root.id);
    const count = request.headers.size + REQUEST_PSEUDO_HEADERS;
    return vm.run(this, exports.onRequestHeaders, id, count, endOfStream ? 1 : 0);
  }

  #runWithContent(body: Body, next: Next): Promise<HttpResponse> {
    const { request } = this;
    const declared = request.protocol !== "HTTP/2" && request.headers.has("content-length") ? body.length : null;
    const callbacks = this.#contentCallbacks("request");
    const filtered = new FilteredBody(body, this.#requestSide, callbacks, BUFFER_LIMIT, declared);
    this.requestBody = filtered;
    request.body = filtered;
    filtered.start();
    if (this.#interrupted()) return this.#answer();
    if (this.#requestSide.state === "over") return this.#forward(next);
    return this.#wait(next);
  }

  /** Goes on to `next`; nothing of the request is left to the module. */
  #forward(next: Next): Promise<HttpResponse> {
    this.requestHeaders.writable = false;
    this.chooseRoute();
    this.#phase = "forwarded";
    return next(this.request, this.call).then(
      (response) => {
        if (!this.#answered) return this.#respond(response);
        response.body?.cancel();
        return response;
      },
      (error) => {
        // An answer of the module ends what is under way below.
        if (this.#local !== null || this.#closed) return this.#answer();
        throw error;
      },
    );
  }

  /** Waits for the module, or for content it may still answer to. */
  #wait(next: Next): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#next = next;
      const pending = this.#pending;
      const giveUp = (reason: unknown) => {
        if (this.#pending !== pending) return;
        this.#pending = null;
        reject(reason);
      };
      this.call.onAbandon = giveUp;
      this.call.exchange.onCancel(giveUp);
      if (this.#requestSide.headersPassed) this.#pass();
    });
  }

  /** The headers of the request go on. */
  #pass(): void {
    const next = this.#next;
    const pending = this.#pending;
    if (next === null || pending === null) return;
    this.#next = null;
    this.#forward(next).then((response) => {
      if (this.#pending !== pending) return response.body?.cancel();
      this.#pending = null;
      pending.resolve(response);
    }, (error) => {
      if (this.#pending !== pending) return;
      this.#pending = null;
      pending.reject(error);
    });
  }

  /** Puts a response through the module: the upstream's, or one that was given here before the upstream was asked. */
  #respond(response: HttpResponse): HttpResponse | Promise<HttpResponse> {
    const { vm, id, call } = this;
    call.response = response;
    this.responded = true;
    this.#phase = "response";
    if (this.#interrupted()) return this.#answer();
    const { onResponseHeaders, onResponseBody, onResponseTrailers } = vm.exports;
    const body = contentOf(response.body);
    const wantsContent = body !== null && (onResponseBody !== null || onResponseTrailers !== null);
    if (this.#bypassed || (onResponseHeaders === null && !wantsContent)) {
      this.#phase = "sent";
      this.responseHeaders = null;
      return response;
    }
    const headers = this.responseHeaders = new ResponseHeaders(response);
    const count = response.headers.size + RESPONSE_PSEUDO_HEADERS;
    this.#running = true;
    const answered = vm.run(this, onResponseHeaders, id, count, body === null ? 1 : 0);
    this.#running = false;
    const action = this.#actionOf(StreamType.HTTP_RESPONSE, answered);
    if (this.#interrupted()) return this.#answer();
    const side = this.#responseSide;
    side.answerHeaders(this.#bypassed ? 0 : action, this.root.config.allowOnHeadersStopIteration);
    if (body === null) side.end();
    else if (wantsContent && !this.#bypassed) {
      const declared = response.headers.has("content-length") && call.request.protocol !== "HTTP/2"
        ? body.length
        : null;
      const callbacks = this.#contentCallbacks("response");
      response.body = this.responseBody = new FilteredBody(body, side, callbacks, BUFFER_LIMIT, declared);
      if (side.headersPassed) {
        headers.writable = false;
        this.#phase = "sent";
      }
      this.responseBody.start();
      if (this.#interrupted()) return this.#answer();
    }
    if (side.headersPassed) {
      headers.writable = false;
      this.#phase = "sent";
      return response;
    }
    return new Promise((resolve, reject) => {
      const pending = this.#responsePending = { resolve, reject };
      call.exchange.onCancel((reason) => {
        if (this.#responsePending !== pending) return;
        this.#responsePending = null;
        reject(reason);
      });
    });
  }

  /** The headers of the response go on, after the module has held them back. */
  #passResponse(): void {
    const pending = this.#responsePending;
    if (this.#phase !== "response" || pending === null) return;
    this.#phase = "sent";
    this.responseHeaders!.writable = false;
    this.#responsePending = null;
    pending.resolve(this.call.response!);
  }

  #contentCallbacks(direction: "request" | "response"): ContentCallbacks {
    const { vm, id } = this;
    const isRequest = direction === "request";
    const ask = (callback: GuestFunction | null, a: number, b: number): number | null => {
      if (this.#bypassed) return null;
      this.#running = true;
      const answered = vm.run(this, callback, id, a, b);
      this.#running = false;
      const action = this.#actionOf(isRequest ? StreamType.HTTP_REQUEST : StreamType.HTTP_RESPONSE, answered);
      if (!this.#interrupted()) return this.#bypassed ? null : action;
      // Whoever has begun to show content answers by itself while nobody waits yet.
      const pending = isRequest ? this.#pending : this.#responsePending;
      if (pending !== null || this.#phase !== direction) this.#carryOut();
      return 1;
    };
    return {
      content: (size, endOfStream) => {
        const { onRequestBody, onResponseBody } = vm.exports;
        return ask(isRequest ? onRequestBody : onResponseBody, size, endOfStream ? 1 : 0);
      },
      trailers: (count) => {
        const { onRequestTrailers, onResponseTrailers } = vm.exports;
        return ask(isRequest ? onRequestTrailers : onResponseTrailers, count, 0);
      },
      overflow: () => {
        this.#local = isRequest ? REQUEST_TOO_LARGE : RESPONSE_TOO_LARGE;
        this.#carryOut();
      },
      released: () => isRequest ? this.#pass() : this.#passResponse(),
    };
  }

  /** Whether the module, or its end, comes between. A failed module that is left out by its policy does not. */
  #interrupted(): boolean {
    if (this.#local !== null || this.#closed) return true;
    if (this.vm.failure === null || this.#bypassed) return false;
    if (this.root.config.failurePolicy !== "open") return true;
    this.#bypassed = true;
    return false;
  }

  /** What becomes of the stream where the module came between, for a caller that has not gone on yet. */
  #answer(): Promise<HttpResponse> {
    const { call, request } = this;
    const local = this.#local;
    const reason = this.#reason();
    const early = this.#phase !== "response";
    if (early) {
      this.#answered = true;
      if (this.requestBody !== null) this.requestBody.fail(reason);
      else request.body?.cancel(reason);
    } else {
      this.responseBody?.fail(reason);
      call.response?.body?.cancel(reason);
    }
    // Callbacks see what the module itself answers to the request, and nothing else.
    if (!early || local === null) this.#bypassed = true;
    this.#local = null;
    if (this.#closed) {
      this.#closed = false;
      call.exchange.cancel(reason);
      return Promise.reject(reason);
    }
    const response = local === null
      ? localReply(request, call, { status: 503, body: "", details: FAILED_DETAILS, grpcStatus: UNAVAILABLE })
      : localReply(request, call, {
        status: local.status,
        body: local.body,
        details: local.details === "" ? LOCAL_REPLY_DETAILS : local.details,
        headers: local.headers,
        ...(local.grpcStatus === null ? {} : { grpcStatus: local.grpcStatus }),
      });
    return Promise.resolve(this.#respond(response));
  }

  /** Carries out what came between while others wait, or have gone on. */
  #carryOut(): void {
    const { call } = this;
    const pending = this.#pending;
    const reason = this.#reason();
    if (this.#phase === "sent") {
      // The headers of the response are gone: all that is left is to break off.
      this.#local = null;
      this.#closed = false;
      this.#bypassed = true;
      this.requestBody?.fail(reason);
      this.responseBody?.fail(reason);
      call.exchange.cancel(reason);
    } else if (this.#phase === "response") {
      const waiting = this.#responsePending;
      this.#responsePending = null;
      waiting?.resolve(this.#answer());
    } else if (pending !== null) {
      this.#pending = null;
      this.#next = null;
      if (this.#phase === "forwarded") call.abandon(reason);
      pending.resolve(this.#answer());
    } else if (this.#phase === "forwarded") call.abandon(reason);
  }

  #reason(): MeshError {
    const { name } = this.root.config;
    const { failure } = this.vm;
    const said = this.#local !== null ? "has answered it" : failure === null ? "has closed it" : failure.message;
    return new MeshError("ABORTED", `Cannot finish the request: Wasm plugin '${name}' ${said}`);
  }

  override vmFailed(): void {
    if (this.#running || !(this.#requestSide.stopped || this.#responseSide.stopped)) return;
    if (this.#interrupted()) return this.#carryOut();
    this.#continue(StreamType.HTTP_REQUEST);
    this.#continue(StreamType.HTTP_RESPONSE);
  }

  /** What a callback has answered: a module that continues within it does not mean its own pause. */
  #actionOf(stream: number, answered: number): number {
    const continued = this.#continued;
    if (continued === 0) return answered;
    this.#continued = 0;
    const own = 1 << stream;
    if ((continued & ~own) !== 0) {
      this.#continue(stream === StreamType.HTTP_REQUEST ? StreamType.HTTP_RESPONSE : StreamType.HTTP_REQUEST);
    }
    return (continued & own) === 0 ? answered : 0;
  }

  #continue(stream: number): void {
    const isRequest = stream === StreamType.HTTP_REQUEST;
    if (!(isRequest ? this.#requestSide : this.#responseSide).resume()) return;
    (isRequest ? this.requestBody : this.responseBody)?.resumed();
    if (isRequest) this.#pass();
    else this.#passResponse();
  }

  /** The stream is over: Envoy logs it, and is done with it then. */
  #end(orderly: boolean): void {
    const { vm, id, call } = this;
    const body = this.responseBody;
    if (body !== null && !body.finished) {
      // The last byte is here, but the module, which sees content as it is read, may not have seen it yet.
      if (orderly && !call.exchange.cancelled) return body.finish(() => this.#end(true));
      body.cancel(call.exchange.reason);
    }
    if (vm.busy) return vm.defer(() => this.#end(orderly));
    this.logging = true;
    this.#running = true;
    // Whatever is left of the request is nothing to a context that is gone.
    this.#bypassed = true;
    this.requestHeaders.writable = false;
    // What is logged is the response as the caller got it, which others may have changed or given.
    this.responseHeaders = null;
    vm.group(() => {
      const { onLog, onDone, onDelete } = vm.exports;
      vm.run(this, onLog, id);
      vm.run(this, onDone, id);
      return vm.run(this, onDelete, id);
    });
    vm.remove(this);
    this.root.removeStream();
  }

  override continueStream(stream: number): StatusCode {
    switch (stream) {
      case StreamType.HTTP_REQUEST:
      case StreamType.HTTP_RESPONSE:
        // A module may say so a thousand times in one callback.
        if ((this.#continuing & (1 << stream)) !== 0) return Status.OK;
        this.#continuing |= 1 << stream;
        this.vm.defer(() => {
          this.#continuing &= ~(1 << stream);
          if (this.#running) this.#continued |= 1 << stream;
          else this.#continue(stream);
        });
        return Status.OK;
      case StreamType.DOWNSTREAM:
        return Status.OK;
      case StreamType.UPSTREAM:
        return Status.UNIMPLEMENTED;
    }
    return Status.BAD_ARGUMENT;
  }

  override closeStream(stream: number): StatusCode {
    if (stream !== StreamType.HTTP_REQUEST && stream !== StreamType.HTTP_RESPONSE) {
      return stream === StreamType.DOWNSTREAM || stream === StreamType.UPSTREAM ? Status.OK : Status.BAD_ARGUMENT;
    }
    if (this.#closed || this.#bypassed || this.logging) return Status.OK;
    this.#closed = true;
    this.call.responseCodeDetails ??= CLOSED_DETAILS;
    this.#soon();
    return Status.OK;
  }

  override sendLocalResponse(response: LocalResponse): StatusCode {
    if (response.status < 200 || response.status > 999) return Status.BAD_ARGUMENT;
    if (this.#local !== null || this.#bypassed || this.logging) return Status.OK;
    this.#local = response;
    this.#soon();
    return Status.OK;
  }

  /** Carries out what the module asked for, once the callback under way is over; its own callbacks see to it. */
  #soon(): void {
    this.vm.defer(() => {
      if (!this.#running) this.#carryOut();
    });
  }
}

/** `UNAVAILABLE`. */
const UNAVAILABLE = 14;
const REQUEST_TOO_LARGE: LocalResponse = {
  status: 413,
  details: "request_payload_too_large",
  body: new TextEncoder().encode("Payload Too Large"),
  headers: [],
  grpcStatus: null,
};
const RESPONSE_TOO_LARGE: LocalResponse = {
  ...REQUEST_TOO_LARGE,
  status: 500,
  details: "response_payload_too_large",
  body: new TextEncoder().encode("Internal Server Error"),
};

/** A body that has anything in it: without content and trailers the headers are the end. */
function contentOf(body: Body | null): Body | null {
  return body !== null && body.length === 0 && body.trailers === null && body.whole() !== null ? null : body;
}
