/** What the system knows of a process. */

/** CPU microseconds used so far, user and system, all threads. */
export function cpuMicroseconds(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Proportional set size in MiB: shared pages are divided among those who share them. */
export function pssMiB(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)![1]) / 1024;
}
