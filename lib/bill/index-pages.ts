import { normalName } from "../locks/lock-text.ts";
import { openHeads, type HeadOptions } from "../proxy/answer-heads.ts";
import type { Proxies } from "../proxy/proxy.ts";
import { readKeptPages, writeKeptPages, type KeptPage } from "./kept-pages.ts";
import type { RunningStep } from "./steps-to-run.ts";
import type { BillPart } from "./types.ts";

/** One package's page of an index: an installer asks for it even where a cache mount holds the package. */
interface WantedPage {
  url: string;
  /** The package itself has to be fetched. */
  isFetched: boolean;
  /** Steps with a cache mount that ask for it. */
  askings: number;
  /** Steps that ask for it and keep nothing. */
  unkeptAskings: number;
}

/** The pages of one index that a build asks for. */
interface WantedPages {
  index: string;
  /** By address. */
  pages: Map<string, WantedPage>;
  /** Images whose steps ask for them. */
  images: Set<string>;
}

export interface PageOptions {
  stateDir: string;
  proxies?: Proxies | undefined;
  /** Index of versions with a local part (`2.7.1+cu128`), which is asked beside the other one. */
  packageIndex?: string | undefined;
  /** Milliseconds for all questions together. */
  limitMs: number;
}

/** The index of pip and uv where nothing else is said. */
const defaultIndex = "https://pypi.org/simple";
/** As uv asks. */
const headers = {
  accept: "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01",
  "accept-encoding": "gzip, br, deflate, zstd",
};
/** Questions at a time. */
const atOnce = 16;

/**
 * What the pages of package indexes cost that the running steps' installations ask for: a part for each index.
 *
 * How often a page comes is as uv 0.13.9 asks, tried against an index of each kind: once a step where the index lets no
 * copy be used again; once where a copy stays fresh for a time (PyPI says 10 minutes); and where the index can say that a
 * page is still the same, only for packages that are fetched. pip, which brings few of them, is taken to do the same.
 * Answers are kept for a week.
 */
export async function indexPages(running: RunningStep[], options: PageOptions): Promise<BillPart[]> {
  const wanted = wantedPages(running, options.packageIndex);
  if (wanted.length === 0) return [];
  const kept = await readKeptPages(options.stateDir);
  const before = kept.size;
  const asking = { proxies: options.proxies, headers, signal: AbortSignal.timeout(options.limitMs) };
  await Promise.all(wanted.filter(isAskable).map((one) => askIndexFor(one, kept, asking)));
  if (kept.size > before) await writeKeptPages(options.stateDir, kept);
  return wanted.flatMap((one) => partOf(one, kept));
}

function wantedPages(running: RunningStep[], packageIndex: string | undefined): WantedPages[] {
  const wanted = new Map<string, WantedPages>();
  for (const { image, step, fetched, held, mount } of running)
    for (const one of [...fetched, ...held].filter(({ isAtAddress }) => !isAtAddress)) {
      const indexes = [step.index ?? defaultIndex];
      if (packageIndex && one.version.includes("+")) indexes.push(packageIndex);
      for (const index of new Set(indexes.map((address) => address.replace(/\/+$/, "")))) {
        const { pages, images } = getOrAdd(wanted, index, { index, pages: new Map(), images: new Set() });
        const url = `${index}/${normalName(one.name)}/`;
        const page = getOrAdd(pages, url, { url, isFetched: false, askings: 0, unkeptAskings: 0 });
        if (mount === undefined) page.unkeptAskings += 1;
        else page.askings += 1;
        if (fetched.includes(one)) page.isFetched = true;
        images.add(image);
      }
    }
  return [...wanted.values()];
}

function getOrAdd<T>(map: Map<string, T>, key: string, fresh: T): T {
  const value = map.get(key) ?? fresh;
  map.set(key, value);
  return value;
}

function isAskable({ index }: WantedPages): boolean {
  const url = URL.canParse(index) ? new URL(index) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && !url.username && !url.password;
}

/** Adds answers to `kept`; asks only for what is not there, and first for what counts in any case. */
async function askIndexFor(
  { index, pages }: WantedPages,
  kept: Map<string, KeptPage>,
  options: HeadOptions,
): Promise<void> {
  const all = [...pages.values()];
  const open = all
    .filter(({ url }) => !kept.has(url))
    .sort((a, b) => Number(b.isFetched) - Number(a.isFetched));
  let { hasValidators } = copiesOf(all, kept);
  const counts = ({ isFetched }: WantedPage): boolean => isFetched || !hasValidators;
  if (!open.some(counts)) return;
  const asker = await openHeads(index, options).catch(() => undefined);
  if (!asker) return; // it does not answer
  const ask = async (): Promise<void> => {
    for (let page = open.shift(); page && !options.signal.aborted; page = open.shift()) {
      const head = counts(page) ? await asker.ask(page.url) : undefined;
      if (head?.status === 404) kept.set(page.url, { bytes: 0, ...never, asked: Date.now() });
      if (head?.status !== 200) continue;
      hasValidators ||= head.hasValidators;
      const { bytes, staysFresh } = head;
      if (bytes !== undefined)
        kept.set(page.url, { bytes, hasValidators: head.hasValidators, staysFresh, asked: Date.now() });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, ask));
  asker.close();
}

const never = { hasValidators: false, staysFresh: false };

/** How an index, by what it said of any of these pages, lets copies of them be used. */
function copiesOf(pages: WantedPage[], kept: ReadonlyMap<string, KeptPage>): typeof never {
  const known = pages.flatMap(({ url }) => kept.get(url) ?? []);
  return {
    hasValidators: known.some(({ hasValidators }) => hasValidators),
    staysFresh: known.some(({ staysFresh }) => staysFresh),
  };
}

function partOf(wanted: WantedPages, kept: ReadonlyMap<string, KeptPage>): BillPart[] {
  const all = [...wanted.pages.values()];
  const { hasValidators, staysFresh } = copiesOf(all, kept);
  const isKept = hasValidators || staysFresh;
  const timesOf = ({ isFetched, askings, unkeptAskings }: WantedPage): number => {
    if (!isKept) return askings + unkeptAskings;
    return unkeptAskings + (askings > 0 && (isFetched || !hasValidators) ? 1 : 0);
  };
  const counted = all.filter((page) => timesOf(page) > 0);
  if (counted.length === 0) return [];
  const what = `pages of the package index for ${counted.length} package${counted.length === 1 ? "" : "s"}`;
  const common = { what, kind: "packages" as const, images: [...wanted.images] };
  if (!isAskable(wanted)) return [{ ...common, bytes: null, why: "an index with a login is not asked" }];
  const { host } = new URL(wanted.index);
  const known = counted.flatMap(({ url }) => kept.get(url)?.bytes ?? []);
  if (known.length === 0) return [{ ...common, bytes: null, why: `${host} does not say how much they are` }];
  const mean = known.reduce((sum, bytes) => sum + bytes, 0) / known.length;
  const bytes = counted.reduce((sum, page) => sum + timesOf(page) * (kept.get(page.url)?.bytes ?? mean), 0);
  const missing = counted.length - known.length;
  const why = [
    `${host} says so`,
    ...(!isKept && counted.some((page) => timesOf(page) > 1)
      ? ["every step asks anew: it lets no copy be kept"]
      : []),
    ...(missing > 0 ? [`${missing} that it did not say in time count as the mean of the others`] : []),
  ];
  return [{ ...common, bytes: Math.round(bytes), why: why.join("; ") }];
}
