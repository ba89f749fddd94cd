/** Runs requests through the layer of a component, without a mesh. */
import { componentFilter, type ComponentFilterOptions } from "../../lib/component/mod.ts";
import type { LoadedFilter } from "../../lib/filter/ready_filter.ts";
import { localReplyLayer } from "../../lib/filter/local_reply_layer.ts";
import { type Body, BytesBody, readAll } from "../../lib/http/body.ts";
import { Call } from "../../lib/http/call.ts";
import { Exchange } from "../../lib/http/exchange.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import { FakeClock } from "../../lib/testing/fake_clock.ts";
import { LogBook } from "./mesh_rig.ts";

/** What an upstream gives. */
export type Upstream = (request: HttpRequest, call: Call) => Promise<HttpResponse> | HttpResponse;

/** A loaded component, and requests through it. */
export class ComponentRig implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly log = new LogBook();
  readonly #shared = new Map<symbol, object>();
  loaded!: LoadedFilter;

  /** Loads a component. */
  static async load(options: ComponentFilterOptions): Promise<ComponentRig> {
    const rig = new ComponentRig();
    rig.loaded = await rig.another(options);
    return rig;
  }

  /** Loads another one into the same mesh. */
  another(options: ComponentFilterOptions): Promise<LoadedFilter> {
    const shared = <T extends object>(key: symbol, make: () => T): T => {
      let value = this.#shared.get(key) as T | undefined;
      if (value === undefined) this.#shared.set(key, value = make());
      return value;
    };
    return componentFilter(options).load({ clock: this.clock, random: () => 0.5, logger: this.log, shared });
  }

  /** Sends a request through the filter to an upstream, and reads the whole response. */
  async send(
    { upstream = () => response(), ...parts }: Partial<HttpRequest> & { upstream?: Upstream } = {},
  ): Promise<{ status: number; headers: HeaderList; text: string; request: HttpRequest; call: Call }> {
    const request: HttpRequest = {
      method: "GET",
      scheme: "http",
      authority: "echo",
      path: "/",
      headers: new HeaderList(),
      body: null,
      protocol: "HTTP/1.1",
      ...parts,
    };
    const exchange = new Exchange();
    const call = new Call({ direction: "inbound", startTime: 0, request, exchange, downstream: null });
    const context = { direction: "inbound" as const, clock: this.clock, random: () => 0.5, logger: this.log };
    const filter = this.loaded.layer(context);
    const handler = localReplyLayer(context)(filter((request, call) => Promise.resolve(upstream(request, call))));
    try {
      const { status, headers, body } = await handler(request, call);
      const text = new TextDecoder().decode((await readAll(body))!);
      return { status, headers, text, request, call };
    } finally {
      exchange.complete();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.loaded.close();
  }
}

/** A response. */
export function response(status = 200, headers: string[] = [], body: Body | string | null = null): HttpResponse {
  return {
    status,
    headers: new HeaderList(headers),
    body: typeof body === "string" ? new BytesBody(new TextEncoder().encode(body)) : body,
  };
}
