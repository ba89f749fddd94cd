import { MeshError } from "../lib/errors.ts";
import type { FilterContext, HttpFilterPlan, HttpFilterType, HttpLayer } from "../lib/filter/http_filter.ts";
import { messageFromJson } from "../lib/protobuf/from_json.ts";
import { decode } from "../lib/protobuf/registry.ts";
import { structToJson } from "../lib/protobuf/well_known.ts";
import { parsePluginConfig } from "../lib/proxy_wasm/parse_plugin_config.ts";
import type { PluginConfig } from "../lib/proxy_wasm/plugin_config.ts";
import { Issues } from "../lib/resource/issues.ts";

const NAME = "envoy.filters.http.wasm";
const CONFIG = "envoy.extensions.filters.http.wasm.v3.Wasm";

/**
 * `envoy.filters.http.wasm`: runs a module written for Proxy-Wasm (ABI 0.1.0, 0.2.0, 0.2.1) on requests and responses.
 * Where there is nothing to run modules on, every request of the chain is refused: a filter that is not there must not
 * look like one that lets all pass.
 */
export const wasmFilter: HttpFilterType = {
  configTypes: [CONFIG],
  parse(bytes, form) {
    const message = form === "struct"
      ? messageFromJson(CONFIG, structToJson(decode("google.protobuf.Struct", bytes)))
      : bytes;
    const issues = new Issues();
    const config = parsePluginConfig(issues, "config", decode(CONFIG, message).config ?? {});
    if (issues.errors.length > 0) throw new TypeError(issues.errors.join("; "));
    return new WasmPlan(config, issues.unsupported.map(({ path, what }) => `${path}: ${what}`));
  },
};

class WasmPlan implements HttpFilterPlan {
  readonly unsupported: readonly string[];
  readonly #config: PluginConfig;
  /** Keeps the plugin running from when it was prepared to when this configuration is dropped. */
  #prepared: { readonly ready: Promise<void> } | null = null;

  constructor(config: PluginConfig, unsupported: readonly string[]) {
    this.#config = config;
    this.unsupported = unsupported;
  }

  create(context: FilterContext, name = NAME): HttpLayer {
    return context.wasm?.layer(this.#config, name) ?? refuse(name);
  }

  prepare({ wasm }: Pick<FilterContext, "wasm">): Promise<void> | null {
    this.#prepared ??= wasm?.prepare(this.#config) ?? null;
    return this.#prepared?.ready ?? null;
  }
}

function refuse(name: string): HttpLayer {
  return function withoutWasm() {
    return () =>
      Promise.reject(
        new MeshError(
          "FILTER_CONFIG_NOT_FOUND",
          `Cannot pass the request on: filter '${name}' is a Wasm module, and there is nothing to run it on; give the ` +
            "filter context a Wasm host",
        ),
      );
  };
}
