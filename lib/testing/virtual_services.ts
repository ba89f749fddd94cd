import { mergeDelegate } from "./delegates.ts";
import { mostSpecific } from "./host_match.ts";
import type { HttpRoute } from "./kinds/http_route.ts";
import { qualify } from "./kinds/kind.ts";
import type { VirtualService } from "./kinds/virtual_service.ts";
import { byAge, type Named } from "./named.ts";

/** The gateway that stands for the sidecars of the mesh. */
export const MESH_GATEWAY = "mesh";

/** The VirtualServices of the mesh as callers see them: hosts qualified, delegates merged. Made per push. */
export class VirtualServices {
  readonly #all: readonly Named<VirtualService>[];
  readonly #delegates: ReadonlyMap<string, Named<VirtualService>>;
  readonly #visible = new Map<string, readonly Named<VirtualService>[]>();
  readonly #hosts = new Map<string, ReadonlyMap<string, Named<VirtualService>>>();

  /** @param domain DNS domain of services. */
  constructor(objects: readonly Named<VirtualService>[], domain: string) {
    const isDelegate = ({ value }: Named<VirtualService>) => value.hosts.length === 0;
    this.#delegates = new Map(objects.filter(isDelegate).map((item) => [`${item.namespace}/${item.name}`, item]));
    this.#all = objects
      .filter((item) => !isDelegate(item) && inMesh(item.value.gateways))
      .sort(byAge)
      .map((item) => this.#merged(item, domain));
  }

  /**
   * What a namespace sees, in the order in which the first wins: those of its own eyes only, those exported to it by
   * name, those for all.
   */
  visibleTo(namespace: string): readonly Named<VirtualService>[] {
    let visible = this.#visible.get(namespace);
    if (visible === undefined) {
      const ranked = this.#all.map((item) => ({ item, rank: rankFor(item, namespace) }));
      visible = [0, 1, 2].flatMap((rank) => ranked.filter((entry) => entry.rank === rank).map(({ item }) => item));
      this.#visible.set(namespace, visible);
    }
    return visible;
  }

  /** The one whose host is the most specific for a service, among those that a namespace sees. */
  mostSpecificFor(hostname: string, namespace: string): Named<VirtualService> | undefined {
    let hosts = this.#hosts.get(namespace);
    if (hosts === undefined) {
      const first = new Map<string, Named<VirtualService>>();
      for (const item of this.visibleTo(namespace)) {
        for (const host of item.value.hosts) if (!first.has(host)) first.set(host, item);
      }
      this.#hosts.set(namespace, hosts = first);
    }
    return mostSpecific(hostname, hosts);
  }

  #merged(item: Named<VirtualService>, domain: string): Named<VirtualService> {
    const { namespace, value } = item;
    const hosts = value.hosts.map((host) => qualify(host, namespace, domain));
    const http = value.http.flatMap((route) => this.#resolve(item, route, domain))
      .map((route) => qualifyRoute(route, namespace, domain));
    return { ...item, value: { ...value, hosts, http } };
  }

  /** The routes in place of one that delegates. A delegate that is not there, or not visible, leaves nothing. */
  #resolve(root: Named<VirtualService>, route: HttpRoute, domain: string): HttpRoute[] {
    if (route.delegate === undefined) return [route];
    const namespace = route.delegate.namespace ?? root.namespace;
    const delegate = this.#delegates.get(`${namespace}/${route.delegate.name}`);
    if (delegate === undefined || rankFor(delegate, root.namespace) === undefined) return [];
    // Its short names are relative to its own namespace.
    return mergeDelegate(route, delegate.value.http.map((own) => qualifyRoute(own, namespace, domain)));
  }
}

/** Whether a list of gateways names the mesh; an empty one does. */
export function inMesh(gateways: readonly string[]): boolean {
  return gateways.length === 0 || gateways.includes(MESH_GATEWAY);
}

/** 0 private, 1 exported by name, 2 public, `undefined` not visible. */
function rankFor({ namespace, value }: Named<VirtualService>, viewer: string): 0 | 1 | 2 | undefined {
  const exports = value.exportTo.map((item) => item === "." ? namespace : item);
  if (exports.length === 0 || exports.includes("*")) return 2;
  if (!exports.includes(viewer)) return undefined;
  return viewer === namespace ? 0 : 1;
}

function qualifyRoute(route: HttpRoute, namespace: string, domain: string): HttpRoute {
  const qualified = <T extends { readonly host: string }>(item: T): T => ({
    ...item,
    host: qualify(item.host, namespace, domain),
  });
  return { ...route, destinations: route.destinations.map(qualified), mirrors: route.mirrors.map(qualified) };
}
