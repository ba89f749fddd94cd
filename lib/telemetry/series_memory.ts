import type { DestinationService } from "./destination_service.ts";
import type { Ends } from "./istio_labels.ts";
import type { PeerMetadata } from "./peer_metadata.ts";

/** Most remembered series; beyond it the memory (not the metrics) starts anew. */
const MAX_REMEMBERED = 4096;
/** Most remembered series of one peer and service. */
const MAX_LIST = 64;

/** What every series is found by. */
export interface SeriesFacts extends Ends {
  /** Values of the labels that the configuration adds or changes. */
  readonly attributes: readonly string[];
}

/**
 * Remembers which series belong to which facts: making labels costs as much as a request. The series used last is tried
 * first, then those of the same peer and service, both compared by identity: they are interned where they are read.
 */
export class SeriesMemory<Facts extends SeriesFacts, Series extends SeriesFacts> {
  readonly #matches: (series: Series, facts: Facts) => boolean;
  readonly #resolve: (facts: Facts) => Series;
  readonly #remembered: Map<PeerMetadata | null, Map<DestinationService, Series[]>> = new Map();
  #count = 0;
  #last: Series | null = null;

  /**
   * @param matches Whether a series of the same peer and service is that of the facts.
   * @param resolve Makes the series of facts.
   */
  constructor(matches: (series: Series, facts: Facts) => boolean, resolve: (facts: Facts) => Series) {
    this.#matches = matches;
    this.#resolve = resolve;
  }

  /** The series of these facts. */
  get(facts: Facts): Series {
    const last = this.#last;
    if (last !== null && sameEnds(last, facts) && this.#matches(last, facts)) return last;
    return this.#last = this.#find(facts);
  }

  #find(facts: Facts): Series {
    let byService = this.#remembered.get(facts.peer);
    if (byService === undefined) this.#remembered.set(facts.peer, byService = new Map());
    let list = byService.get(facts.service);
    if (list === undefined) byService.set(facts.service, list = []);
    for (const series of list) if (sameEnds(series, facts) && this.#matches(series, facts)) return series;
    const series = this.#resolve(facts);
    // A label that takes ever new values (a path, say) must not turn this scan into the cost of a request.
    if (list.length >= MAX_LIST) list.length = 0;
    list.push(series);
    if (++this.#count > MAX_REMEMBERED) {
      this.#remembered.clear();
      this.#count = 0;
    }
    return series;
  }
}

function sameEnds(a: SeriesFacts, b: SeriesFacts): boolean {
  return a.peer === b.peer && a.service === b.service && a.peerPrincipal === b.peerPrincipal &&
    a.localPrincipal === b.localPrincipal &&
    (a.attributes === b.attributes || sameValues(a.attributes, b.attributes));
}

function sameValues(a: readonly string[], b: readonly string[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}
