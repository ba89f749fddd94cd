import { type Body, BytesBody, readAll } from "../../lib/http/body.ts";
import type { Call } from "../../lib/http/call.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import type { RootContext } from "../../lib/proxy_wasm/root_context.ts";
import type { PluginLease } from "../../lib/proxy_wasm/plugin_lease.ts";
import type { WasmHost } from "../../lib/proxy_wasm/wasm_host.ts";
import { callOf, request as newRequest } from "./calls.ts";
import { pluginConfig, TestEnvironment, wasmHost } from "./wasm_rig.ts";

/** What of a plugin a stream test says otherwise. */
export type PluginOverrides = Parameters<typeof pluginConfig>[1];

/** What the request is answered with, and what was sent up. */
export interface StreamOutcome {
  readonly response: HttpResponse;
  readonly text: string;
}

/** A plugin in a host of its own, with an upstream that keeps what it receives. */
export class WasmStreamRig implements AsyncDisposable {
  readonly environment: TestEnvironment = new TestEnvironment();
  readonly host: WasmHost = wasmHost(this.environment);
  readonly received: { request: HttpRequest; body: string }[] = [];
  /** Answers in place of the usual upstream, which reads the request and says `ok`. */
  upstream: (request: HttpRequest, call: Call) => Promise<HttpResponse> = async (request) => {
    const body = new TextDecoder().decode((await readAll(request.body))!);
    this.received.push({ request, body });
    return textResponse("ok");
  };
  readonly lease: PluginLease;
  readonly #layer: (request: HttpRequest, call: Call) => Promise<HttpResponse>;
  /** Done to each call before it begins. */
  prepare: (call: Call) => void = () => {};
  /** The call last begun. */
  call: Call | null = null;

  /**
   * @param module Its code.
   * @param overrides What is different.
   */
  constructor(module: Uint8Array, overrides: PluginOverrides = {}) {
    const config = pluginConfig(module, overrides);
    this.lease = this.host.acquire(config);
    this.#layer = this.host.layer(config, "wasm")((request, call) => this.upstream(request, call));
  }

  /** What the module has logged. */
  get logged(): string[] {
    return this.environment.logged;
  }

  /** What the module has logged since the last time, but for its start. */
  takeLog(): string[] {
    const { logged } = this.environment;
    this.environment.lines.length = 0;
    return logged.filter((line) => !/^(start|configure) /.test(line));
  }

  /** Waits until the plugin runs. */
  async started(): Promise<RootContext> {
    await this.lease.handle.settled;
    const { root } = this.lease.handle;
    if (root === null) throw new Error(`Cannot start: ${this.environment.lines.join("; ")}`);
    return root;
  }

  /** Begins a request. */
  begin(overrides: Parameters<typeof newRequest>[0] = {}): Promise<HttpResponse> {
    const request = newRequest({ path: "/path", ...overrides });
    const call = this.call = callOf(request);
    this.prepare(call);
    return this.#layer(request, call);
  }

  /** Puts a request through, reads the answer to its end, and ends the call. */
  async send(overrides: Parameters<typeof newRequest>[0] = {}): Promise<StreamOutcome> {
    await this.lease.handle.settled;
    const response = await this.begin(overrides);
    const text = new TextDecoder().decode((await readAll(response.body))!);
    this.call!.exchange.complete();
    return { response, text };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.lease.release();
    this.host.close();
    return Promise.resolve();
  }
}

/** A response with a text. */
export function textResponse(text: string, pairs: string[] = []): HttpResponse {
  return { status: 200, headers: new HeaderList(pairs), body: bytesBody(text) };
}

/** A body in memory. */
export function bytesBody(text: string, trailers: HeaderList | null = null): Body {
  return new BytesBody(new TextEncoder().encode(text), trailers);
}
