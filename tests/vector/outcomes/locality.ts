import type { OutcomeTable } from "./outcome_table.ts";
import { CART, cluster, HTTPBIN } from "./parts.ts";

const catalog = (name: string) => cluster(`${name}.shop.svc.cluster.local`, 80);

/** Failover by region and by labels, distribution by weight, preferences of services. The client is in west/west-1. */
export const LOCALITY: OutcomeTable = {
  recording: "locality/sleep",
  fake: { without: /$^/ },
  cases: [
    {
      request: "http://catalog.shop/",
      expect: {
        cluster: catalog("catalog"),
        settings: { loadBalancing: { localityWeighted: true }, outlierDetection: { intervalMs: 10_000 } },
        endpoints: [
          { address: "10.0.1.14:8080", locality: "east/east-1", priority: 2, localityWeight: 1 },
          { address: "10.0.1.11:8080", locality: "west/west-1", priority: 0, localityWeight: 2 },
          { address: "10.0.1.12:8080", locality: "west/west-1", priority: 0, localityWeight: 2 },
          { address: "10.0.1.13:8080", locality: "west/west-2", priority: 1, localityWeight: 1 },
        ],
      },
    },
    {
      request: "http://cart.shop/",
      expect: {
        cluster: cluster(CART, 80),
        settings: { loadBalancing: { localityWeighted: true } },
        endpoints: [
          { address: "10.0.1.2:9080", locality: "east/east-1", priority: 0, localityWeight: 30 },
          { address: "10.0.1.1:9080", locality: "west/west-1", priority: 0, localityWeight: 70 },
        ],
      },
    },
    {
      request: "http://httpbin:8000/",
      expect: {
        cluster: cluster(HTTPBIN, 8000),
        settings: { loadBalancing: { localityWeighted: true } },
        endpoints: [
          // Region, zone and version agree.
          { address: "10.0.0.11:8080", locality: "west/west-1", priority: 0 },
          { address: "10.0.0.12:8080", locality: "west/west-2", priority: 1 },
        ],
      },
    },
    {
      request: "http://catalog-pref.shop/",
      expect: {
        cluster: catalog("catalog-pref"),
        // The service's own wish, which needs no outlier detection.
        settings: { loadBalancing: { localityWeighted: true }, outlierDetection: null },
        endpoints: [
          { address: "10.0.1.14:8080", priority: 2 },
          { address: "10.0.1.11:8080", priority: 0 },
          { address: "10.0.1.12:8080", priority: 0 },
          { address: "10.0.1.13:8080", priority: 1 },
        ],
      },
    },
    {
      request: "http://catalog-local.shop/",
      expect: {
        cluster: catalog("catalog-local"),
        settings: { loadBalancing: { localityWeighted: false } },
        // Those of the client's own node.
        endpoints: [{ address: "10.0.1.11:8080", priority: 0 }, { address: "10.0.1.12:8080", priority: 0 }],
      },
    },
  ],
};

/** The server's view; it runs where the client does. */
export const LOCALITY_SERVER: OutcomeTable = {
  recording: "locality/httpbin",
  fake: { without: /$^/ },
  cases: [
    {
      request: "http://catalog.shop/",
      expect: {
        endpoints: [
          { address: "10.0.1.14:8080", priority: 2 },
          { address: "10.0.1.11:8080", priority: 0 },
          { address: "10.0.1.12:8080", priority: 0 },
          { address: "10.0.1.13:8080", priority: 1 },
        ],
      },
    },
  ],
};
