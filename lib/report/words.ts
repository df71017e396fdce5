/** `"4.2 s"`, `"41 s"`, `"2 min 5 s"`, `"1 h 12 min"`. */
export function inWords(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 100) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** `0.834` → `"83 %"`. */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** A step as a person reads it: without BuildKit's numbers and the mounts, e.g. `"RUN uv pip sync /run/requirements.lock"`. */
export function shortStep(name: string, longest = 90): string {
  const words = name
    .replace(/^\[context ([^\]]*)\] load from client/, "reading the context $1")
    .replace(/^\[context ([^\]]*)\] load metadata for .*/, "looking up $1")
    .replace(/^\[context ([^\]]*)\] \S+/, "fetching $1")
    .replace(/^\[[^\]]*\] /, "")
    .replace(/^(RUN|COPY|ADD) ((--[\w-]+(=("[^"]*"|\S+))?\s+)+)/, "$1 ")
    .replace(/\s+/g, " ")
    .trim();
  return words.length <= longest ? words : `${words.slice(0, longest - 1)}…`;
}

/** Share of the steps that came from BuildKit's cache, 0–1; undefined where there were none. */
export function hitRateOf(images: { cachedSteps: number; ranSteps: number }[]): number | undefined {
  const cached = images.reduce((sum, { cachedSteps }) => sum + cachedSteps, 0);
  const all = images.reduce((sum, image) => sum + image.cachedSteps + image.ranSteps, 0);
  return all === 0 ? undefined : cached / all;
}

/** `"a, b, c"`, and beyond `most` of them `"a, b and 7 more"`. */
export function fewOf(names: string[], most = 3): string {
  const rest = names.length - most;
  return rest <= 0 ? names.join(", ") : `${names.slice(0, most).join(", ")} and ${rest} more`;
}
