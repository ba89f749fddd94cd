import { Counter, DEFAULT_BUCKETS, Gauge, Histogram } from "../../telemetry/metric_registry.ts";
import { parseStatName } from "../../telemetry/stat_name.ts";
import { MetricType, Status } from "../abi.ts";
import type { Vm } from "../vm.ts";
import type { HostGroup } from "./host_group.ts";

/** Metrics a VM may define; Envoy sets no limit, and a name never goes away again. */
const MAX_METRICS = 10_000;
const MAX_NAME = 4096;
const STEP = 4;

/**
 * Metrics of a module. They stand among those of the mesh under their own names, as in Envoy under `wasmcustom.`, and
 * stay when the VM is gone: another one that defines them goes on counting.
 */
export const metricCalls: HostGroup = (vm) => {
  const { memory } = vm;
  const metrics = new Map<number, Counter | Gauge | Histogram>();
  const last = [MetricType.COUNTER, MetricType.GAUGE, MetricType.HISTOGRAM] as number[];
  return {
    proxy_define_metric(type: number, name: number, nameSize: number, idOut: number) {
      if (vm.context === null) return Status.INTERNAL_FAILURE;
      const kind = type >>> 0;
      if (kind > MetricType.HISTOGRAM) return Status.BAD_ARGUMENT;
      const bytes = memory.view(name, nameSize);
      if (bytes === null || !memory.contains(idOut, 4)) return Status.INVALID_MEMORY_ACCESS;
      if (bytes.length > MAX_NAME || metrics.size >= MAX_METRICS) return Status.INTERNAL_FAILURE;
      const id = last[kind] = last[kind]! + STEP;
      metrics.set(id, define(vm, kind, new TextDecoder().decode(bytes)));
      memory.writeU32(idOut, id);
      return Status.OK;
    },
    proxy_increment_metric(id: number, offset: bigint) {
      if (vm.context === null) return Status.INTERNAL_FAILURE;
      const kind = id & 3;
      if (kind !== MetricType.COUNTER && kind !== MetricType.GAUGE) return Status.BAD_ARGUMENT;
      const metric = metrics.get(id >>> 0);
      if (metric === undefined) return Status.NOT_FOUND;
      if (kind === MetricType.COUNTER && offset <= 0n) return Status.BAD_ARGUMENT;
      (metric as Counter).add(Number(offset));
      return Status.OK;
    },
    proxy_record_metric(id: number, value: bigint) {
      if (vm.context === null) return Status.INTERNAL_FAILURE;
      const metric = metrics.get(id >>> 0);
      if (metric === undefined) return Status.NOT_FOUND;
      const number = Number(BigInt.asUintN(64, value));
      if (metric instanceof Histogram) metric.record(number);
      else if (metric instanceof Gauge) metric.set(Number(BigInt.asIntN(64, value)));
      else metric.add(number);
      return Status.OK;
    },
    proxy_get_metric(id: number, valueOut: number) {
      if (vm.context === null) return Status.INTERNAL_FAILURE;
      const kind = id & 3;
      if (kind !== MetricType.COUNTER && kind !== MetricType.GAUGE) return Status.BAD_ARGUMENT;
      const metric = metrics.get(id >>> 0);
      if (metric === undefined) return Status.NOT_FOUND;
      const value = BigInt.asUintN(64, BigInt(Math.trunc((metric as Counter).value)));
      return memory.writeU64(valueOut, value) ? Status.OK : Status.INVALID_MEMORY_ACCESS;
    },
  };
};

function define(vm: Vm, kind: number, stat: string): Counter | Gauge | Histogram {
  const { name, labels } = parseStatName(stat);
  const { metrics, logger } = vm.host;
  if (name !== null) {
    try {
      if (kind === MetricType.COUNTER) return metrics.counter(name).with(labels);
      return kind === MetricType.GAUGE ? metrics.gauge(name).with(labels) : metrics.histogram(name).with(labels);
    } catch {
      // A name of the mesh's own, or of another module, for something of another kind.
    }
  }
  logger.log("warning", `Cannot show metric '${stat}' of a Wasm module: its name is no name of Prometheus, or taken`, {
    vmId: vm.config.vmId,
  });
  if (kind === MetricType.COUNTER) return new Counter("");
  return kind === MetricType.GAUGE ? new Gauge("") : new Histogram("", DEFAULT_BUCKETS);
}
