import type { ModuleFetcher } from "./module_fetcher.ts";
import type { ModuleLocation } from "./module_location.ts";
import type { ModuleSource } from "./module_source.ts";
import { shownUrl } from "./module_url.ts";

/** Istio's agent, where a configuration does not say how long a module may take, in milliseconds. */
const TIMEOUT_MS = 5_000;

/** A module that is fetched. */
export class RemoteSource implements ModuleSource {
  readonly location: string;
  readonly key: string;
  readonly immediate = false;
  readonly #fetcher: ModuleFetcher;
  readonly #remote: ModuleLocation & { readonly kind: "remote" };

  /**
   * @param fetcher Fetches and keeps it.
   * @param remote What the configuration says.
   */
  constructor(fetcher: ModuleFetcher, remote: ModuleLocation & { readonly kind: "remote" }) {
    const { url, sha256, pull } = remote;
    this.#fetcher = fetcher;
    this.#remote = remote;
    this.location = shownUrl(url);
    // Without a digest another version of the object may mean other code.
    this.key = JSON.stringify([url, sha256, sha256 === "" ? pull.version : null]);
  }

  load(signal: AbortSignal): Promise<Uint8Array> {
    const { url, sha256, timeoutMs, pull, plugin } = this.#remote;
    return this.#fetcher.fetch({
      url,
      sha256,
      timeoutMs: timeoutMs ?? TIMEOUT_MS,
      pullPolicy: pull.policy,
      pullSecret: pull.secret,
      resource: pull.version === null ? null : { name: plugin, version: pull.version },
    }, signal);
  }
}
