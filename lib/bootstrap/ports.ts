import { parseIp } from "../resource/ip_address.ts";
import type { Gathered } from "./gather.ts";
import type { JoinOptions } from "./join_options.ts";
import { fromOption, type Settings } from "./settings.ts";
import { readListenPort } from "./values.ts";

/** Ports of our own: 0 lets the system choose, `false` is none. */
export interface Ports {
  /** Shows configuration, hence loopback only. */
  readonly admin: { readonly hostname: string; readonly port: number } | false;
  /** `/stats/prometheus` and `/healthz/ready`. */
  readonly status: number | false;
  /** `/healthz/ready`. */
  readonly readiness: number | false;
  /** `/stats/prometheus`. */
  readonly prometheus: number | false;
}

/** Decides which ports are listened on. */
export function resolvePorts(options: JoinOptions, gathered: Gathered, settings: Settings): Ports {
  const { env, proxyConfig } = gathered;
  const port = (name: string, option: keyof JoinOptions, outside: unknown, origin: string, fallback: number) =>
    settings.chooseOr(
      name,
      [fromOption(option, options[option]), { value: outside, origin }],
      readListenPort,
      fallback,
    );
  const admin = options.admin === false ? false : settings.chooseOr(
    "admin port",
    [
      fromOption("admin.port", options.admin?.port),
      { value: proxyConfig.proxyAdminPort, origin: "ProxyConfig 'proxyAdminPort'" },
    ],
    readListenPort,
    15000,
  );
  const hostname = settings.chooseOr(
    "admin hostname",
    [
      fromOption("admin.hostname", options.admin === false ? undefined : options.admin?.hostname),
    ],
    readLoopback,
    "127.0.0.1",
  );
  const ports = {
    status: port("status port", "statusPort", proxyConfig.statusPort, "ProxyConfig 'statusPort'", 15020),
    readiness: port(
      "readiness port",
      "readinessPort",
      env.get("ENVOY_STATUS_PORT"),
      "variable 'ENVOY_STATUS_PORT'",
      15021,
    ),
    prometheus: port(
      "prometheus port",
      "prometheusPort",
      env.get("ENVOY_PROMETHEUS_PORT"),
      "variable 'ENVOY_PROMETHEUS_PORT'",
      15090,
    ),
  };
  reportClashes({ admin, ...ports }, settings);
  return { admin: admin === false ? false : { hostname, port: admin }, ...ports };
}

function readLoopback(value: unknown): string {
  const ip = typeof value === "string" ? parseIp(value) : null;
  const loopback = value === "localhost" || (ip?.length === 4 && ip[0] === 127) || value === "::1";
  if (!loopback) throw new TypeError(`Expected a loopback address, current value is '${value}'`);
  return value as string;
}

function reportClashes(ports: Readonly<Record<string, number | false>>, settings: Settings): void {
  const seen = new Map<number, string>();
  for (const [name, port] of Object.entries(ports)) {
    if (port === false || port === 0) continue;
    const other = seen.get(port);
    if (other === undefined) seen.set(port, name);
    else {settings.report(
        `${name} port`,
        `Cannot listen on '${port}': the ${other} port is the same`,
        "Change one of them",
      );}
  }
}
