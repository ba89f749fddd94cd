import { BytesBody } from "../../lib/http/body.ts";
import { HeaderList } from "../../lib/http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../../lib/http/message.ts";
import type { ClusterCallOptions, ClusterCalls } from "../../lib/proxy_wasm/cluster_calls.ts";

/** A request as it was sent, waiting to be answered. */
export interface SentCall {
  readonly cluster: string;
  readonly request: HttpRequest;
  readonly options: ClusterCallOptions;
  answer(response: Partial<HttpResponse>): void;
  fail(error: unknown): void;
}

/** Clusters whose requests are answered by the test. */
export class FakeClusters implements ClusterCalls {
  readonly sent: SentCall[] = [];
  readonly #names: ReadonlySet<string>;

  /** @param names Clusters there are. */
  constructor(...names: string[]) {
    this.#names = new Set(names);
  }

  has(cluster: string): boolean {
    return this.#names.has(cluster);
  }

  send(cluster: string, request: HttpRequest, options: ClusterCallOptions): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      options.signal.addEventListener("abort", () => reject(options.signal.reason));
      this.sent.push({
        cluster,
        request,
        options,
        answer: (response) => resolve({ status: 200, headers: new HeaderList(), body: null, ...response }),
        fail: reject,
      });
    });
  }
}

/** Content of a response. */
export function content(text: string, trailers: string[] | null = null): BytesBody {
  return new BytesBody(new TextEncoder().encode(text), trailers === null ? null : new HeaderList(trailers));
}

/** Lets promises settle. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
