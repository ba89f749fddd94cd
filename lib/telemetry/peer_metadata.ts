/** What a peer says of itself: labels of the standard metrics. Hostile input, capped where it is read. */
export interface PeerMetadata {
  readonly id: string;
  readonly workloadName: string;
  readonly namespace: string;
  readonly clusterId: string;
  readonly canonicalService: string;
  readonly canonicalRevision: string;
  readonly app: string;
  readonly version: string;
}
