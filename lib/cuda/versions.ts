import { compare, satisfies, valid } from "@renovatebot/pep440";

/**
 * Order of two dotted numbers: drivers, CUDA versions, compute capabilities. Missing parts are zero.
 *
 * @returns below, above or 0, as `Array.sort` takes it
 */
export function compareVersions(a: string, b: string): number {
  const left = a.split(".");
  const right = b.split(".");
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = Number.parseInt(left[index] ?? "0", 10) - Number.parseInt(right[index] ?? "0", 10);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether a version is equal to another or newer. */
export const isAtLeast = (version: string, least: string) => compareVersions(version, least) >= 0;

/** First number of a version, e.g. 12 of `"12.8"`. */
export const majorOf = (version: string) => Number.parseInt(version, 10);

/** A version without its local part, e.g. `"2.7.1"` of `"2.7.1+cu128"`. */
export const publicPart = (version: string) => version.split("+", 1)[0]!;

/** A version's local part, e.g. `"cu128"` of `"2.7.1+cu128"`; undefined without. */
export const localPart = (version: string): string | undefined => version.split("+", 2)[1];

/**
 * The known version that is closest to one that is not known: the next older or the next newer one, whichever has more in
 * common with it; the older of two that are equally far.
 *
 * @example nearestVersion("12.7", ["12.4", "12.6", "13.0"]) // "12.6"
 */
export function nearestVersion(version: string, known: string[]): string | undefined {
  const ordered = known.filter((one) => /^\d/.test(one)).sort(comparePackageVersions);
  const older = ordered.findLast((one) => comparePackageVersions(one, version) <= 0);
  const newer = ordered.find((one) => comparePackageVersions(one, version) > 0);
  if (older === undefined || newer === undefined) return older ?? newer;
  return compareVersions(distanceOf(version, newer), distanceOf(version, older)) < 0 ? newer : older;
}

/** How far two versions are apart, as a dotted number: the first part that differs counts most. */
export function distanceOf(a: string, b: string): string {
  const [left, right] = [a, b].map((text) => publicPart(text).split(".")) as [string[], string[]];
  return [0, 1, 2, 3]
    .map((index) =>
      Math.abs(
        (Number.parseInt(left[index] ?? "0", 10) || 0) - (Number.parseInt(right[index] ?? "0", 10) || 0),
      ),
    )
    .join(".");
}

const answers = new Map<string, boolean | undefined>();

/**
 * Whether a Python package's version is in a range such as `">=2.7.1,<2.8"`; the local part does not count.
 *
 * @returns undefined where one of the two does not parse
 */
export function isInRange(version: string, range: string): boolean | undefined {
  if (range.trim() === "") return true;
  const key = `${version} ${range}`;
  if (!answers.has(key)) answers.set(key, ask(publicPart(version), range));
  return answers.get(key);
}

function ask(version: string, range: string): boolean | undefined {
  if (!valid(version)) return undefined;
  try {
    return satisfies(version, range, { prereleases: true });
  } catch {
    return undefined;
  }
}

const orders = new Map<string, number>();

/** Order of two Python packages' versions (`post` and release candidates count, local parts do not). */
export function comparePackageVersions(a: string, b: string): number {
  const key = `${a} ${b}`;
  let order = orders.get(key);
  if (order === undefined) {
    const [left, right] = [publicPart(a), publicPart(b)];
    order = valid(left) && valid(right) ? compare(left, right) : compareVersions(left, right);
    orders.set(key, order);
  }
  return order;
}

/** Whether two versions of a Python package are one, e.g. `"2.7"` and `"2.7.0+cu128"`. */
export const isSameRelease = (a: string, b: string) => comparePackageVersions(a, b) === 0;

/**
 * CUDA version that the name of an index says.
 *
 * @example cudaOfIndex("https://download.pytorch.org/whl/cu128") // "12.8"
 */
export function cudaOfIndex(index: string): string | undefined {
  const match = /(?:^|[/+])cu(\d{2})(\d)\/?$/.exec(index);
  return match ? `${match[1]}.${match[2]}` : undefined;
}

/** Name of the index for a CUDA version, e.g. `"cu128"` for `"12.8"`. */
export const indexOfCuda = (cuda: string) => `cu${cuda.replace(".", "")}`;
