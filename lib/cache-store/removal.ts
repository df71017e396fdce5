import type { Eviction } from "./eviction.ts";
import type { StoredContent } from "./listing.ts";
import { blobFolder, storeFolder } from "./volume.ts";

/** Characters of one script: well below what Linux takes as one argument (128 KiB). */
const scriptLimit = 60_000;

/**
 * Shell scripts that remove what is evicted, to be run one after the other. The registry may serve meanwhile: it has no
 * descriptor cache (its configuration names none), so it fetches what it does not find. Names go before bytes: whenever
 * they are cut off, nothing is named that cannot be had.
 */
export function removalScripts(eviction: Eviction, content: StoredContent): string[] {
  const { links, repositories } = linksOf(eviction, content);
  const paths = [...links, ...eviction.blobs.map(blobFolder), ...eviction.unfinished];
  const scripts = chunks(paths).map((some) => `cd ${storeFolder}\nrm -rf -- \\\n${some.join(" \\\n")}\n`);
  if (repositories.length > 0) scripts.push(...chunks(repositories).map(emptyFoldersScript));
  return scripts;
}

/** Removes everything that a cache keeps, and leaves downloads alone that are under way: they find their folders again. */
export const clearScript = `
test -d ${storeFolder} || exit 0
cd ${storeFolder}
if test -d repositories; then
  find repositories -type d \\( -name _manifests -o -name _layers \\) -prune -exec rm -rf -- {} +
  find repositories -depth -mindepth 1 -type d -exec rmdir {} + 2> /dev/null
fi
rm -rf blobs
`;

/** Links to what goes, and the repositories of which nothing stays. An index may share a platform's manifest with another. */
function linksOf(
  { images, kept, blobs }: Eviction,
  content: StoredContent,
): { links: string[]; repositories: string[] } {
  const gone = new Set(blobs);
  const links: string[] = [];
  const repositories: string[] = [];
  for (const [name, repository] of content.repositories) {
    const folder = `repositories/${name}`;
    const staying = kept.filter((image) => image.repository === name);
    const needed = new Set(staying.flatMap((image) => image.blobs));
    const parts = new Set(
      images.filter((image) => image.repository === name).flatMap((image) => image.blobs),
    );
    const goes = (digest: string) => !needed.has(digest) && (gone.has(digest) || parts.has(digest));
    for (const [tag, digest] of repository.tags)
      if (goes(digest)) links.push(`${folder}/_manifests/tags/${tag}`);
    for (const digest of repository.manifests)
      if (goes(digest)) links.push(`${folder}/_manifests/revisions/${digest.replace(":", "/")}`);
    for (const digest of repository.layers)
      if (goes(digest)) links.push(`${folder}/_layers/${digest.replace(":", "/")}`);
    if (staying.length === 0) repositories.push(folder);
  }
  return { links, repositories };
}

/** Without its folders a repository is not in the catalogue any more; one that a download uses just now stays. */
function emptyFoldersScript(repositories: string[]): string {
  const folders = repositories.map((folder) => `find ${folder} -depth -type d -exec rmdir {} + 2> /dev/null`);
  return `cd ${storeFolder}\n${folders.join("\n")}\ntrue\n`;
}

function chunks(lines: string[]): string[][] {
  const found: string[][] = [];
  let size = Infinity;
  for (const line of lines) {
    if (size + line.length > scriptLimit) {
      found.push([]);
      size = 0;
    }
    found.at(-1)!.push(line);
    size += line.length + 80; // with the command around it
  }
  return found;
}
