import assert from "node:assert/strict";
import fc from "fast-check";
import { DEFAULT_BUCKETS, MetricRegistry } from "../../lib/telemetry/metric_registry.ts";

Deno.test("a series is the same for the same labels", () => {
  const family = new MetricRegistry().counter("c");
  const series = family.with([["a", "1"], ["b", "2"]]);
  series.add(2);
  assert.equal(family.with([["a", "1"], ["b", "2"]]), series);
  assert.notEqual(family.with([["a", "1"], ["b", "3"]]), series);
  assert.equal(series.value, 2);
});

Deno.test("a name belongs to one kind", () => {
  const registry = new MetricRegistry();
  registry.counter("m");
  assert.throws(() => registry.histogram("m"), /Cannot use metric 'm' as a histogram: it is a counter/);
});

Deno.test("too many series share one", () => {
  const family = new MetricRegistry({ maxSeries: 3 }).counter("c");
  for (let i = 0; i < 100; i++) family.with([["peer", String(i)]]).add(1);
  const shown = [...family.series()].map((series) => [series.labels, series.value]);
  assert.deepEqual(shown, [['peer="0"', 1], ['peer="1"', 1], ['peer="2"', 1], ['overflow="true"', 97]]);
  family.with([["peer", "1"]]).add(1);
  assert.equal(family.size, 4, "known series are still found");
});

Deno.test("label values are cut and escaped", () => {
  const family = new MetricRegistry({ maxLabelLength: 5 }).gauge("g");
  assert.equal(family.with([["a", "1234567"], ["b-c", 'x"\\\n']]).labels, 'a="12345",b_c="x\\"\\\\\\n"');
});

Deno.test("every value is in the bucket of the smallest bound that holds it", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.double({ min: 0, max: 1e8, noNaN: true }), fc.constantFrom(...DEFAULT_BUCKETS))),
      (values) => {
        const histogram = new MetricRegistry().histogram("h").with([]);
        for (const value of values) histogram.record(value);
        let cumulative = 0;
        DEFAULT_BUCKETS.forEach((bound, i) => {
          cumulative += histogram.buckets[i]!;
          assert.equal(cumulative, values.filter((value) => value <= bound).length, `le ${bound}`);
        });
        assert.equal(histogram.count, values.length);
        assert.equal(histogram.sum, values.reduce((sum, value) => sum + value, 0));
      },
    ),
  );
});
