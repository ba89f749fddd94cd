import type { VmConfig } from "../plugin_config.ts";
import { FileSource } from "./file_source.ts";
import { InlineSource } from "./inline_source.ts";
import type { ModuleFetcher } from "./module_fetcher.ts";
import type { ModuleSource } from "./module_source.ts";
import { shownUrl } from "./module_url.ts";
import { RemoteSource } from "./remote_source.ts";

/** Makes the source of a VM's code. */
export type OpenSource = (config: VmConfig) => ModuleSource;

/** Sources of what is at hand: inline and in files. What would have to be fetched fails with a message that says so. */
export const openLocalSource: OpenSource = ({ code }) => {
  switch (code.kind) {
    case "inline":
      return new InlineSource(code.bytes);
    case "file":
      return new FileSource(code.path);
    case "given":
      return code.source;
    case "remote": {
      const { url } = code;
      const load = () =>
        Promise.reject(
          new Error(`Cannot fetch module '${shownUrl(url)}': there is nothing to fetch with; give it inline`),
        );
      return { location: shownUrl(url), key: `url:${url}`, immediate: false, load };
    }
  }
};

/** The same, and what has to be fetched is fetched. */
export function openSources(fetcher: ModuleFetcher): OpenSource {
  return (config) => config.code.kind === "remote" ? new RemoteSource(fetcher, config.code) : openLocalSource(config);
}
