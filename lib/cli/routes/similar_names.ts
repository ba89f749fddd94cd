/** Names at most so many typing errors away are suggested. */
const MAX_ERRORS = 2;
const MAX_SUGGESTIONS = 3;

/** The known names that a misspelt one may have meant, the nearest first. */
export function similarNames(name: string, known: Iterable<string>): string[] {
  const found: { name: string; errors: number }[] = [];
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) > MAX_ERRORS) continue;
    const errors = typingErrors(name, candidate);
    if (errors > 0 && errors <= MAX_ERRORS && errors < name.length / 2) found.push({ name: candidate, errors });
  }
  found.sort((a, b) => a.errors - b.errors || (a.name < b.name ? -1 : 1));
  return [...new Set(found.map(({ name }) => name))].slice(0, MAX_SUGGESTIONS);
}

/** Letters missing, too many, wrong, or two of them the other way round. */
function typingErrors(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, before[j - 2]! + 1);
      row.push(best);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}
