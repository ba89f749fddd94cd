import type { Host } from "./host.ts";
import type { Picker, PickerFactory, WeightedHost } from "./load_balancer.ts";

interface Kept<H extends Host> {
  readonly hosts: readonly WeightedHost<H>[];
  /** Of each host at that time: a host's can change with its endpoint. */
  readonly hashKeys: readonly string[];
  /** The same, for slow start. */
  readonly since: readonly (number | null)[];
  readonly picker: Picker<H>;
}

/**
 * Pickers by the list they choose from (priority, health, locality, subset). Where a new host set has the same list as
 * the former one its picker stays, cursor and all: a change in one priority builds no ring of another anew.
 */
export class PickerStore<H extends Host> {
  #pickers = new Map<string, Kept<H>>();
  #former = new Map<string, Kept<H>>();

  /** A new host set begins: pickers nobody has asked for since the last one are forgotten. */
  begin(): void {
    this.#former = this.#pickers;
    this.#pickers = new Map();
  }

  /**
   * The picker of a list, made where the list is not the same as before.
   *
   * @param name Names the list, the same for each host set.
   */
  get(name: string, hosts: readonly WeightedHost<H>[], factory: PickerFactory<H>): Picker<H> {
    const known = this.#pickers.get(name);
    if (known !== undefined) return known.picker;
    const former = this.#former.get(name) ?? null;
    const same = former !== null && sameHosts(former, hosts);
    const kept = same ? former : {
      hosts,
      hashKeys: hosts.map(({ host }) => host.hashKey),
      since: hosts.map(({ host }) => host.healthySince),
      picker: factory(hosts, former?.picker ?? null),
    };
    this.#pickers.set(name, kept);
    return kept.picker;
  }
}

function sameHosts<H extends Host>(former: Kept<H>, hosts: readonly WeightedHost<H>[]): boolean {
  if (former.hosts.length !== hosts.length) return false;
  for (let i = 0; i < hosts.length; i++) {
    const was = former.hosts[i]!;
    const is = hosts[i]!;
    if (was.host !== is.host || was.weight !== is.weight || former.hashKeys[i] !== is.host.hashKey) return false;
    if (former.since[i] !== is.host.healthySince) return false;
  }
  return true;
}
