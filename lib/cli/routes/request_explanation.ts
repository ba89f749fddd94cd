/** What {@linkcode explainRequest} finds: plain JSON, which `enmesh routes --json` writes as it is. */
export interface RequestExplanation {
  readonly request: { readonly method: string; readonly url: string; readonly host: string; readonly path: string };
  /** Addresses of the host by the mesh's names; empty where the mesh does not know it. */
  readonly addresses: readonly string[];
  /** `null` where there is none. */
  readonly listener: { readonly name: string; readonly why: string } | null;
  /** `null` where none takes the connection. */
  readonly filterChain: {
    readonly name: string;
    readonly protocol: "http" | "tcp";
    readonly filters: readonly string[];
  } | null;
  /** Headers that the mesh takes from the request before it is routed: only a proxy may set them. */
  readonly strippedHeaders: readonly string[];
  readonly routeConfiguration: string | null;
  readonly virtualHost: { readonly name: string; readonly domain: string; readonly match: string } | null;
  /** Other domains that match, and lose. */
  readonly otherDomains: readonly { readonly virtualHost: string; readonly domain: string; readonly match: string }[];
  /** The routes that were looked at. */
  readonly routes: readonly RouteLine[];
  /** Routes behind the one that is taken. */
  readonly notReached: number;
  readonly outcome: RequestOutcome | null;
  readonly cluster: ClusterLine | null;
  readonly endpoint: EndpointLine | null;
  /** What is worth knowing and no problem. */
  readonly notes: readonly string[];
  /** Why the request would get nowhere; `null` where it would. */
  readonly problem: { readonly message: string; readonly hint: string | null } | null;
}

/** A route that was looked at. */
export interface RouteLine {
  /** Its place in the virtual host, from 1. */
  readonly place: number;
  readonly name: string;
  readonly conditions: readonly string[];
  readonly taken: boolean;
  /** The first condition that does not hold; `null` for the one that is taken. */
  readonly reason: string | null;
}

/** A change of a header; `null` for one that was not there, or is taken out. */
export interface HeaderChange {
  readonly name: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** What becomes of the request. */
export type RequestOutcome =
  | {
    readonly kind: "forward";
    readonly cluster: string;
    /** Where the route splits traffic: every cluster with its share, in percent. */
    readonly split: readonly { readonly cluster: string; readonly percent: number }[];
    /** `null` where it stays as it is. */
    readonly rewrittenHost: string | null;
    readonly rewrittenPath: string | null;
    readonly requestHeaders: readonly HeaderChange[];
    /** Names of headers that are added to, changed in or taken from the response. */
    readonly responseHeaders: readonly string[];
    /** 0 for none. */
    readonly timeoutMs: number;
    readonly retries: {
      readonly attempts: number;
      readonly on: readonly string[];
      /** 0 for none. */
      readonly perTryTimeoutMs: number;
    } | null;
    readonly mirrors: readonly { readonly cluster: string; readonly percent: number }[];
  }
  | { readonly kind: "redirect"; readonly status: number; readonly location: string }
  | { readonly kind: "answer"; readonly status: number; readonly body: string }
  | {
    readonly kind: "tcp";
    readonly cluster: string;
    readonly split: readonly { readonly cluster: string; readonly percent: number }[];
  };

/** A cluster. */
export interface ClusterLine {
  readonly name: string;
  readonly type: string;
  readonly loadBalancing: string;
  readonly endpoints: number;
  readonly healthy: number;
}

/** An endpoint. */
export interface EndpointLine {
  readonly address: string;
  readonly hostname: string;
  readonly transport: "mutual TLS" | "TLS" | "plaintext" | "unsupported";
  /** Server name of the TLS connection; empty for none. */
  readonly serverName: string;
}
