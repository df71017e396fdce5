const sizeUnits: Record<string, number> = {
  "": 1,
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};
const timeUnits: Record<string, number> = { s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3 };

/** Bytes of a size such as `"100GB"`, `"0.5GiB"` or `"0"`; undefined where it is none. GB is 1000³ bytes, as `docker images` counts. */
export function bytesOf(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,9}(?:\.\d{1,9})?) ?([kKMGT]?i?B?)$/.exec(text) ?? [];
  const factor = sizeUnits[unit ?? "?"];
  return number === undefined || factor === undefined ? undefined : Math.round(Number(number) * factor);
}

/** Milliseconds of a time such as `"14d"`, `"36h"`, `"30m"` or `"0s"`; undefined where it is none. */
export function millisecondsOf(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,9}(?:\.\d{1,9})?)([smhd])$/.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * timeUnits[unit!]!;
}
