/** `"0.6"`, `"37.6"`, `"412"`: seconds as a table has them. */
export function secondsInWords(seconds: number): string {
  return seconds < 100 ? seconds.toFixed(1) : seconds.toFixed(0);
}

/** `"0"`, `"0.4 MB"`, `"61.5 MB"`, `"5.43 GB"`. Below 50 kB it is requests and answers, not content. */
export function bytesInWords(bytes: number): string {
  if (bytes < 50_000) return bytes === 0 ? "0" : "< 0.1 MB";
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

/** `"42 % less"`, `"8 % more"`. */
export function lessInWords(percent: number): string {
  return percent >= 0 ? `${Math.round(percent)} % less` : `${Math.round(-percent)} % more`;
}
