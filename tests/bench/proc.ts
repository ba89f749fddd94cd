/** What the system knows of a process. */

/** CPU microseconds used so far, user and system, all threads. */
export function cpuMicroseconds(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** The same to the nanosecond, of the threads that are alive: for what takes less than the clock tick above. */
export function exactCpuMicroseconds(pid: number): number {
  let nanoseconds = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`).split(" ")[0]);
  }
  return nanoseconds / 1000;
}

/** Proportional set size in MiB: shared pages are divided among those who share them. */
export function pssMiB(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)![1]) / 1024;
}
