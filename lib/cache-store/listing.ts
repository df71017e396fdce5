import { readManifest, type Manifest } from "./manifest.ts";
import { storeFolder } from "./volume.ts";

/** Everything that a cache keeps. */
export interface StoredContent {
  /** By digest. */
  blobs: Map<string, StoredBlob>;
  /** By name, e.g. `"library/busybox"`. */
  repositories: Map<string, StoredRepository>;
  /** Manifests that can be read, by digest. */
  manifests: Map<string, Manifest>;
  /** Downloads under way, and those that a killed registry left. */
  unfinished: UnfinishedDownload[];
  /** Bytes of the file system that it lies on. */
  disk: { size: number; free: number };
  /** Text of {@link usageFile}; undefined where there is none. */
  usage: string | undefined;
}

export interface StoredBlob {
  bytes: number;
  /** When it was stored, in milliseconds since 1970, to the second. */
  storedAt: number;
}

/** What a repository links: only what it links is served under its name. */
export interface StoredRepository {
  manifests: Set<string>;
  layers: Set<string>;
  /** Tag → digest of its manifest. */
  tags: Map<string, string>;
}

export interface UnfinishedDownload {
  /** Its folder, below the store's. */
  folder: string;
  bytes: number;
  /** When bytes last came, in milliseconds since 1970. */
  changedAt: number;
}

/** File in the registry's root folder in which its use is noted. */
export const usageFile = ".gpu-build-host-usage.json";

/** One pass over the files: sizes of blobs, links of repositories, texts of manifests. busybox and GNU understand it. */
export const listingScript = `
df -P -k . | awk 'NR == 2 { print "disk " $2 " " $4 }'
test ! -f ${usageFile} || { printf 'usage '; tr -d '\\n' < ${usageFile}; echo; }
cd ${storeFolder} 2> /dev/null || exit 0
test ! -d blobs || find blobs -name data -type f -exec stat -c 'blob %n %s %Y' {} +
test -d repositories || exit 0
find repositories -name link -type f \\( -path '*/_layers/sha256/*' -o -path '*/_manifests/revisions/sha256/*' \\) | sed 's/^/link /'
find repositories -name link -type f -path '*/_manifests/tags/*/current/link' -exec awk '{ print "tag " FILENAME " " $0 }' {} +
find repositories -name data -type f -path '*/_uploads/*' -exec stat -c 'unfinished %n %s %Y' {} +
find repositories -name link -type f -path '*/_manifests/revisions/sha256/*' |
  sed 's#.*/sha256/\\(..\\)\\(.*\\)/link$#blobs/sha256/\\1/\\1\\2/data#' | sort -u |
  while read -r file; do test ! -f "$file" || echo "$file"; done |
  xargs -r awk 'FNR == 1 { if (n++) print ""; printf "manifest %s ", FILENAME } { printf "%s", $0 } END { if (n) print "" }'
`;

/** Reads what {@link listingScript} printed. Lines that it does not know are left out. */
export function readListing(output: string): StoredContent {
  const content: StoredContent = {
    blobs: new Map(),
    repositories: new Map(),
    manifests: new Map(),
    unfinished: [],
    disk: { size: 0, free: 0 },
    usage: undefined,
  };
  for (const line of output.split("\n")) {
    const space = line.indexOf(" ");
    readers[line.slice(0, space)]?.(content, line.slice(space + 1));
  }
  return content;
}

const readers: Record<string, (content: StoredContent, rest: string) => void> = {
  disk(content, rest) {
    const [size = 0, free = 0] = rest.split(" ").map((kibibytes) => Number(kibibytes) * 1024);
    content.disk = { size, free };
  },
  usage(content, rest) {
    content.usage = rest;
  },
  blob(content, rest) {
    const [, digest, bytes, seconds] = /\/([0-9a-f]{64})\/data (\d+) (\d+)$/.exec(rest) ?? [];
    if (digest)
      content.blobs.set(`sha256:${digest}`, { bytes: Number(bytes), storedAt: Number(seconds) * 1000 });
  },
  link(content, rest) {
    const [, name, kind, hex] =
      /^repositories\/(.+)\/(_layers|_manifests\/revisions)\/sha256\/([0-9a-f]{64})\/link$/.exec(rest) ?? [];
    if (!name) return;
    const repository = repositoryOf(content, name);
    (kind === "_layers" ? repository.layers : repository.manifests).add(`sha256:${hex}`);
  },
  tag(content, rest) {
    const [, name, tag, digest] =
      /^repositories\/(.+)\/_manifests\/tags\/([^/]+)\/current\/link (sha256:[0-9a-f]{64})$/.exec(rest) ?? [];
    if (name) repositoryOf(content, name).tags.set(tag!, digest!);
  },
  unfinished(content, rest) {
    const [, folder, bytes, seconds] = /^(.+)\/data (\d+) (\d+)$/.exec(rest) ?? [];
    if (folder) content.unfinished.push({ folder, bytes: Number(bytes), changedAt: Number(seconds) * 1000 });
  },
  manifest(content, rest) {
    const [, hex, text] = /^\S+\/([0-9a-f]{64})\/data (.*)$/.exec(rest) ?? [];
    const manifest = text === undefined ? undefined : readManifest(text);
    if (manifest) content.manifests.set(`sha256:${hex}`, manifest);
  },
};

function repositoryOf({ repositories }: StoredContent, name: string): StoredRepository {
  let repository = repositories.get(name);
  if (!repository) {
    repository = { manifests: new Set(), layers: new Set(), tags: new Map() };
    repositories.set(name, repository);
  }
  return repository;
}

/** Bytes of everything that a cache keeps, unfinished downloads included. */
export function bytesOfContent({ blobs, unfinished }: StoredContent): number {
  const all = [...blobs.values(), ...unfinished];
  return all.reduce((sum, { bytes }) => sum + bytes, 0);
}
