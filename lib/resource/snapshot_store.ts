import { ByteArena } from "./byte_arena.ts";
import { ChangeNotifier } from "./change_notifier.ts";
import { systemClock, type Timer } from "../internal/clock.ts";
import { silentLogger } from "../internal/logger.ts";
import type { ClusterLoadAssignment } from "./endpoint.ts";
import type { Extension } from "./extension.ts";
import { awaitedExtensions, extensionTypeErrors } from "./extension_references.ts";
import { FailureLog } from "./failure_log.ts";
import { FetchDeadlines } from "./fetch_deadlines.ts";
import { type ListenerVersion, ListenerView } from "./listener_view.ts";
import type { NameTable } from "./name_table.ts";
import { edsServiceName, listenerFacts } from "./resource_facts.ts";
import { reasonOf } from "./issues.ts";
import { RecordView } from "./record_view.ts";
import { ReferencedResources, report } from "./referenced_resources.ts";
import { ResourceTable } from "./resource_table.ts";
import { type ResourceTypes, resourceTypes } from "./resource_types.ts";
import type { ResourceReport, ResourceUpdate } from "./resource_update.ts";
import { validateResource, type Validation } from "./resource_validator.ts";
import type { ResourceVersion } from "./resource_version.ts";
import type { RouteConfiguration } from "./route.ts";
import type { ResourceKind, Snapshot, SnapshotChange, SnapshotSource } from "./snapshot.ts";
import type { SnapshotStoreOptions } from "./snapshot_store_options.ts";
import { type ClusterVersion, StoredSnapshot } from "./stored_snapshot.ts";
import type { UpdateStamp } from "./update_stamp.ts";

const NOTHING = new Uint8Array();

/** What the resources of one update have in common. */
type Arrival = Pick<Validation<unknown>, "thorough" | "stamp" | "keep">;

/** A cluster that waits for its endpoints. */
interface WarmingCluster {
  readonly version: ClusterVersion;
  /** When it began to wait, of the monotonic clock. */
  readonly since: number;
}

/**
 * Keeps what the control plane sent, as bytes, and gives out snapshots of it.
 *
 * A resource moves through these states:
 * - **warming**: valid, and what it refers to has not been answered yet: a cluster of type EDS waits for its load
 *   assignment (a changed one also where that is known: istiod sends it again after each change of a cluster, and only
 *   the new pair belongs together), a listener for its route configurations and the extensions it does not go without.
 *   Its former version stays visible. It leaves to *visible* by the answer, even an unusable one (as in Envoy: one bad resource must not hold up the rest), or is replaced.
 * - **visible**: part of the current snapshot. It leaves when it is removed or replaced.
 *
 * Removal: clusters and listeners go when they are named as removed (or missing from a full set). Endpoints and routes
 * go when nothing visible or warming refers to them any more; being named as removed before that keeps the last good
 * version, since istiod sends an empty one where it means "none". Extensions go by either, as in Envoy.
 */
export class SnapshotStore implements SnapshotSource {
  readonly #options: Required<SnapshotStoreOptions>;
  readonly #types: ResourceTypes;
  readonly #clusters = new ResourceTable<ClusterVersion>();
  readonly #endpoints: ReferencedResources<ClusterLoadAssignment>;
  readonly #routes: ReferencedResources<RouteConfiguration>;
  readonly #extensions: ReferencedResources<Extension>;
  readonly #deadlines: FetchDeadlines;
  readonly #listeners = new ResourceTable<ListenerVersion>();
  #nameTable: ResourceVersion<NameTable> | null = null;
  #nameTableChanged = false;

  readonly #warmingClusters = new Map<string, WarmingCluster>();
  readonly #warmingListeners = new Map<string, ListenerVersion>();
  /** What is held, for admin pages. */
  readonly records: RecordView;
  readonly #failures: Readonly<Record<ResourceKind, FailureLog>> = {
    cluster: new FailureLog(),
    endpoint: new FailureLog(),
    listener: new FailureLog(),
    route: new FailureLog(),
    extension: new FailureLog(),
    nameTable: new FailureLog(),
  };
  readonly #stamps = new Map<ResourceKind, UpdateStamp>();
  readonly #received = new Set<ResourceKind>();
  #referencesChanged = false;
  #resendTimer: Timer | null = null;

  readonly #notifier: ChangeNotifier;
  #listenerView = new ListenerView(this.#listeners.take());
  #current: StoredSnapshot;
  #version = 0;
  /** Whether there are changes that are not in `#current` yet. */
  #dirty = false;
  #ready = false;
  #closed = false;
  /** Whether an update is being taken in: nothing shows before its last step. */
  #applying = false;
  readonly #whenReady = Promise.withResolvers<void>();

  /** @param options Parsers, namespace and limits. */
  constructor(options: SnapshotStoreOptions) {
    this.#options = {
      logger: silentLogger,
      clock: systemClock,
      thoroughBytes: 1_048_576,
      resendWaitMs: 5_000,
      dnsDomain: "cluster.local",
      prepareExtension: () => null,
      ...options,
    };
    this.#types = resourceTypes(
      options.parsers,
      options.clientNamespace,
      (kind, name, errors) => {
        const stamp = this.#stamps.get(kind) ?? { version: "", at: this.#options.clock.now() };
        this.#failures[kind].note(name, NOTHING, { name, errors, applied: true }, stamp);
        this.#options.logger.log("error", `Cannot use ${kind} '${name}': ${errors.join("; ")}`, { kind, name });
      },
      options.dnsDomain,
    );
    const { endpoint, route, extension } = this.#types;
    const failures = this.#failures;
    this.#endpoints = new ReferencedResources({ type: endpoint, failures: failures.endpoint, removable: false });
    this.#routes = new ReferencedResources({ type: route, failures: failures.route, removable: false });
    this.#extensions = new ReferencedResources({
      type: extension,
      failures: failures.extension,
      removable: true,
      prepare: this.#options.prepareExtension,
      onPrepared: () => this.#settleExtensions(),
    });
    this.#deadlines = new FetchDeadlines(this.#options.clock, (names) => {
      this.#extensions.giveUp(names);
      this.#settleExtensions();
    });
    this.records = new RecordView({
      clusters: this.#clusters,
      endpoints: this.#endpoints.table,
      routes: this.#routes.table,
      extensions: this.#extensions.table,
      listeners: this.#listeners,
      warmingClusters: this.#warmingClusters,
      warmingListeners: this.#warmingListeners,
      failures: this.#failures,
      stamps: this.#stamps,
    });
    this.#notifier = new ChangeNotifier(() => this.current, this.#options.logger);
    this.#current = this.#takeSnapshot();
  }

  /** The configuration as it is now. */
  get current(): Snapshot {
    if (this.#dirty) {
      this.#version++;
      this.#current = this.#takeSnapshot();
      this.#dirty = false;
    }
    return this.#current;
  }

  /** Whether the first complete configuration is in place: clusters, listeners, and all they refer to. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Resolves when {@linkcode ready} becomes true; it never becomes false again. */
  whenReady(): Promise<void> {
    return this.#whenReady.promise;
  }

  /** The names to subscribe to: those that visible and warming clusters and listeners refer to. */
  wanted(kind: "endpoint" | "route" | "extension"): ReadonlySet<string> {
    return this.#referenced(kind).wanted;
  }

  /** Calls `listener` after changes, once for all changes of a turn; returns a function that stops it. */
  subscribe(listener: (snapshot: Snapshot, change: SnapshotChange) => void): () => void {
    return this.#notifier.subscribe(listener);
  }

  /** Stops the timer. The store can still be read. */
  close(): void {
    this.#resendTimer?.cancel();
    this.#resendTimer = null;
    this.#deadlines.close();
    this.#closed = true;
  }

  /**
   * Takes in an update. Never throws for what is in it: what cannot be used is in the reports (the detail of a NACK),
   * and the rest is applied.
   */
  apply(kind: ResourceKind, update: ResourceUpdate): readonly ResourceReport[] {
    const steps = this.applySteps(kind, update);
    for (;;) {
      const { done, value } = steps.next();
      if (done === true) return value;
    }
  }

  /**
   * {@linkcode apply} one resource at a time, for updates too large to be taken in without a pause. Nothing of it shows
   * before the last step. No other update may be applied meanwhile.
   */
  *applySteps(kind: ResourceKind, update: ResourceUpdate): Generator<void, readonly ResourceReport[]> {
    const size = sizeOf(update);
    // Of the first large update everything is kept: then the response itself is its memory, and nothing is copied.
    const whole = size > this.#options.thoroughBytes && !this.#received.has(kind);
    const arena = new ByteArena(size);
    const keep = whole ? (bytes: Uint8Array) => bytes : (bytes: Uint8Array) => arena.keep(bytes);
    const stamp: UpdateStamp = { version: update.version ?? "", at: this.#options.clock.now() };
    this.#stamps.set(kind, stamp);
    const how = { thorough: size <= this.#options.thoroughBytes, stamp, keep };
    const reports: ResourceReport[] = [];
    const answered = new Set<string>();
    this.#received.add(kind);
    this.#applying = true;
    for (const [name, bytes] of update.changed) {
      let report: ResourceReport | null;
      try {
        report = this.#applyOne(kind, name, bytes, how, answered);
      } catch (error) {
        // Parsers report and do not throw; should one of them do, it is this resource that is refused, not the update.
        report = { name, errors: [`Cannot use ${kind} '${name}': ${reasonOf(error)}`], applied: false };
      }
      this.#failures[kind].note(name, bytes, report, stamp);
      if (report !== null) reports.push(report);
      yield;
    }
    for (const name of this.#removedNames(kind, update)) this.#remove(kind, name, answered);
    this.#applying = false;
    this.#settle(kind, answered);
    return reports;
  }

  /** Extensions have come between updates, or will not. */
  #settleExtensions(): void {
    if (!this.#closed && !this.#applying) this.#settle("extension", new Set());
  }

  #removedNames(kind: ResourceKind, update: ResourceUpdate): string[] {
    // A name in both was replaced, not removed.
    const removed = new Set(update.removed);
    if (update.full === true) {
      for (const name of this.#names(kind)) removed.add(name);
    }
    return [...removed].filter((name) => !update.changed.has(name));
  }

  #names(kind: ResourceKind): string[] {
    switch (kind) {
      case "cluster":
        return [...this.#clusters.names(), ...this.#warmingClusters.keys()];
      case "listener":
        return [...this.#listeners.names(), ...this.#warmingListeners.keys()];
      case "nameTable":
        return [];
      default:
        return [...this.#referenced(kind).table.names()];
    }
  }

  #applyOne(
    kind: ResourceKind,
    name: string,
    bytes: Uint8Array,
    how: Arrival,
    answered: Set<string>,
  ): ResourceReport | null {
    switch (kind) {
      case "cluster":
        return this.#applyCluster(name, bytes, how);
      case "listener":
        return this.#applyListener(name, bytes, how);
      case "endpoint":
      case "route":
      case "extension":
        return this.#applyReferenced(kind, name, bytes, how, answered);
      case "nameTable":
        return this.#applyNameTable(name, bytes, how);
    }
  }

  #applyCluster(name: string, bytes: Uint8Array, how: Arrival): ResourceReport | null {
    const warming = this.#warmingClusters.get(name);
    if (warming?.version.resource.has(bytes)) return report(name, warming.version.resource);
    const visible = this.#clusters.get(name);
    if (visible?.resource.has(bytes)) {
      if (this.#warmingClusters.delete(name)) this.#referencesChanged = true;
      return report(name, visible.resource);
    }
    const inUse = visible?.resource.expanded ?? false;
    const validated = validateResource(this.#types.cluster, name, bytes, { ...how, inUse, former: null });
    if ("errors" in validated) return { name, errors: validated.errors, applied: false };
    const version = { resource: validated.version, eds: edsServiceName(bytes, name) };
    this.#referencesChanged = true;
    const fresh = visible === undefined && version.eds !== null && this.#endpoints.table.has(version.eds);
    if (version.eds === null || fresh) {
      // Without a former version there is nothing that newer endpoints could disagree with.
      this.#showCluster(name, version);
    } else {
      this.#warmingClusters.set(name, { version, since: this.#options.clock.monotonic() });
    }
    return report(name, version.resource);
  }

  #applyListener(name: string, bytes: Uint8Array, how: Arrival): ResourceReport | null {
    const warming = this.#warmingListeners.get(name);
    if (warming?.resource.has(bytes)) return report(name, warming.resource);
    const visible = this.#listeners.get(name);
    if (visible?.resource.has(bytes)) {
      if (this.#warmingListeners.delete(name)) this.#referencesChanged = true;
      return report(name, visible.resource);
    }
    const inUse = visible?.resource.expanded ?? false;
    const validated = validateResource(this.#types.listener, name, bytes, {
      ...how,
      thorough: true,
      inUse,
      former: null,
    });
    if ("errors" in validated || validated.value === null) {
      return { name, errors: "errors" in validated ? validated.errors : [], applied: false };
    }
    this.#referencesChanged = true;
    const version = { resource: validated.version, facts: listenerFacts(validated.value) };
    this.#warmingListeners.set(name, version);
    return report(name, version.resource);
  }

  #referenced(kind: "endpoint" | "route" | "extension") {
    return { endpoint: this.#endpoints, route: this.#routes, extension: this.#extensions }[kind];
  }

  /** Endpoints, routes and extensions: what others refer to. Those that nothing refers to are not kept. */
  #applyReferenced(
    kind: "endpoint" | "route" | "extension",
    name: string,
    bytes: Uint8Array,
    how: Arrival,
    answered: Set<string>,
  ): ResourceReport | null {
    const parent = kind === "endpoint" ? "cluster" : "listener";
    if (this.#received.has(parent) && !this.wanted(kind).has(name)) return null;
    answered.add(name);
    if (kind !== "extension") return this.#referenced(kind).apply(name, bytes, how);
    const check = ({ typeUrl }: Extension) => extensionTypeErrors(this.#listenerFacts(), name, typeUrl);
    return this.#extensions.apply(name, bytes, { ...how, thorough: true }, check);
  }

  *#listenerFacts(): Iterable<ListenerVersion["facts"]> {
    for (const { facts } of this.#listeners.versions()) yield facts;
    for (const { facts } of this.#warmingListeners.values()) yield facts;
  }

  #applyNameTable(name: string, bytes: Uint8Array, how: Arrival): ResourceReport | null {
    if (this.#nameTable?.has(bytes)) return null;
    // Whoever sends a request asks it.
    const validated = validateResource(this.#types.nameTable, name, bytes, { ...how, inUse: true, former: null });
    if ("errors" in validated) return { name, errors: validated.errors, applied: false };
    this.#nameTable = validated.version;
    this.#nameTableChanged = true;
    return report(name, validated.version);
  }

  #remove(kind: ResourceKind, name: string, answered: Set<string>): void {
    this.#failures[kind].delete(name);
    if (kind === "cluster") {
      this.#warmingClusters.delete(name);
      this.#clusters.delete(name);
      this.#referencesChanged = true;
    } else if (kind === "listener") {
      this.#warmingListeners.delete(name);
      this.#listeners.delete(name);
      this.#referencesChanged = true;
    } else if (kind !== "nameTable" && this.wanted(kind).has(name)) {
      answered.add(name);
      this.#referenced(kind).remove(name);
    }
  }

  /** Moves what is complete to visible, drops what nothing refers to, and tells. */
  #settle(kind: ResourceKind, answered: ReadonlySet<string>): void {
    if (kind === "endpoint") {
      for (const [name, { version }] of this.#warmingClusters) {
        if (version.eds !== null && answered.has(version.eds)) this.#showCluster(name, version);
      }
    }
    for (const [name, version] of this.#warmingListeners) {
      if (this.#complete(version)) this.#showListener(name, version);
    }
    if (this.#referencesChanged) this.#followReferences();
    this.#waitForResends();
    this.#waitForExtensions();
    this.#collectChanges();
    if (
      !this.#ready && this.#received.has("cluster") && this.#received.has("listener") &&
      this.#warmingClusters.size === 0 && this.#warmingListeners.size === 0
    ) {
      this.#ready = true;
      this.#whenReady.resolve();
    }
  }

  #showCluster(name: string, version: ClusterVersion): void {
    this.#warmingClusters.delete(name);
    this.#clusters.set(name, version);
    this.#referencesChanged = true;
  }

  #showListener(name: string, version: ListenerVersion): void {
    this.#warmingListeners.delete(name);
    this.#listeners.set(name, version);
    this.#referencesChanged = true;
  }

  /** Finds what is referred to now, and forgets what is not. Former versions keep their references until replaced. */
  #followReferences(): void {
    this.#referencesChanged = false;
    const endpoint = new Set<string>();
    const warmingClusters = Array.from(this.#warmingClusters.values(), ({ version }) => version);
    for (const { eds } of [...this.#clusters.versions(), ...warmingClusters]) if (eds !== null) endpoint.add(eds);
    const route = new Set<string>();
    const extension = new Set<string>();
    for (const { routes, extensions } of this.#listenerFacts()) {
      for (const name of routes) route.add(name);
      for (const name of extensions.keys()) extension.add(name);
    }
    this.#endpoints.follow(endpoint);
    this.#routes.follow(route);
    this.#extensions.follow(extension);
    // What came before anything could refer to it is looked at as well: hence not only when the names have changed.
    if (this.#received.has("cluster")) this.#endpoints.forgetUnwanted();
    if (!this.#received.has("listener")) return;
    this.#routes.forgetUnwanted();
    this.#extensions.forgetUnwanted();
  }

  #complete({ facts }: ListenerVersion): boolean {
    if (!facts.routes.every((name) => this.#routes.answered(name))) return false;
    return awaitedExtensions(facts).every(([name]) => this.#extensions.answered(name));
  }

  #waitForExtensions(): void {
    const awaited = [...this.#warmingListeners.values()].flatMap(({ facts }) => [...awaitedExtensions(facts)]);
    this.#deadlines.wait(new Map(awaited.filter(([name]) => !this.#extensions.answered(name))));
  }

  /** Shows changed clusters whose endpoints are known and were not sent again in time. */
  #waitForResends(): void {
    if (this.#resendTimer !== null) return;
    let earliest = Infinity;
    for (const { version, since } of this.#warmingClusters.values()) {
      if (version.eds !== null && this.#endpoints.table.has(version.eds)) earliest = Math.min(earliest, since);
    }
    if (earliest === Infinity) return;
    const { clock, resendWaitMs } = this.#options;
    this.#resendTimer = clock.timer(Math.max(earliest + resendWaitMs - clock.monotonic(), 0), () => {
      this.#resendTimer = null;
      const due = clock.monotonic() - resendWaitMs;
      const names = new Set<string>();
      for (const { version, since } of this.#warmingClusters.values()) {
        if (version.eds !== null && since <= due && this.#endpoints.table.has(version.eds)) names.add(version.eds);
      }
      this.#settle("endpoint", names);
    });
  }

  #collectChanges(): void {
    const change: SnapshotChange = {
      clusters: this.#clusters.takeChanges(),
      endpoints: this.#endpoints.table.takeChanges(),
      listeners: this.#listeners.takeChanges(),
      routes: this.#routes.table.takeChanges(),
      extensions: this.#extensions.table.takeChanges(),
      nameTable: this.#nameTableChanged,
    };
    this.#nameTableChanged = false;
    const { clusters, endpoints, listeners, routes, extensions } = change;
    const changes = clusters.size + endpoints.size + listeners.size + routes.size + extensions.size;
    if (changes === 0 && !change.nameTable) return;
    this.#dirty = true;
    if (listeners.size > 0) this.#listenerView = new ListenerView(this.#listeners.take());
    this.#notifier.add(change);
  }

  #takeSnapshot(): StoredSnapshot {
    return new StoredSnapshot({
      version: this.#version,
      clusters: this.#clusters.take(),
      endpoints: this.#endpoints.table.take(),
      routes: this.#routes.table.take(),
      extensions: this.#extensions.table.take(),
      listeners: this.#listenerView,
      nameTable: this.#nameTable,
    });
  }
}

function sizeOf({ changed }: ResourceUpdate): number {
  let size = 0;
  for (const bytes of changed.values()) size += bytes.length;
  return size;
}
