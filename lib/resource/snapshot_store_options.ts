import type { Clock } from "../internal/clock.ts";
import type { Logger } from "../internal/logger.ts";
import type { Extension } from "./extension.ts";
import type { FilterParsers } from "./filter_parsers.ts";

/** Settings of `SnapshotStore`. */
export interface SnapshotStoreOptions {
  /** What is known of filters. */
  parsers: FilterParsers;
  /**
   * Gets ready what an extension needs before it is used; it shows when that has settled. `null` where nothing takes time.
   * @default {nothing takes time}
   */
  prepareExtension?: (extension: Extension) => Promise<void> | null;
  /** The namespace of this workload, for short names in the NameTable. */
  clientNamespace: string;
  /** The domain of the cluster, for the search list of short names. @default {"cluster.local"} */
  dnsDomain?: string;
  /** Where resources are reported that turn out to be invalid at their first use. */
  logger?: Logger;
  /**
   * Time, for `resendWaitMs`.
   * @default {systemClock}
   */
  clock?: Clock;
  /**
   * Updates up to this many bytes are validated completely on arrival; of larger ones clusters, endpoints and routes
   * are only decoded, and read completely at their first use. Listeners are always read completely.
   * @default {1048576}
   */
  thoroughBytes?: number;
  /**
   * How long a changed cluster waits for its endpoints to be sent again, in milliseconds, where they are known
   * already. istiod sends them at once; the limit is for control planes that do not.
   * @default {5000}
   */
  resendWaitMs?: number;
}
