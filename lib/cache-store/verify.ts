import { CacheFailure, type CacheClient } from "../registry/cache-client.ts";
import { listingScript, readListing, type StoredContent } from "./listing.ts";
import { blobFolder, storeFolder, type CacheVolume } from "./volume.ts";

/** A blob whose bytes are not those of its digest. */
export interface DamagedBlob {
  digest: string;
  bytes: number;
  /** A repository that has it; undefined where none links it. */
  repository: string | undefined;
  /** Whether the good one is there now. */
  isMended: boolean;
  /** Why it is not. */
  reason?: string;
}

export interface Verification {
  blobs: number;
  bytes: number;
  damaged: DamagedBlob[];
}

export interface VerifyOptions {
  volume: CacheVolume;
  client: CacheClient;
  /** Only look. @default false */
  dryRun?: boolean;
  signal?: AbortSignal;
  /** Bytes that were looked at, of all. */
  onProgress?: (done: number, all: number) => void;
}

/**
 * Compares every blob with its digest. A damaged one is removed, since the registry serves it to whoever asks, and is
 * fetched again; where the upstream is away, that happens when somebody asks for it.
 */
export async function verifyCache(options: VerifyOptions): Promise<Verification> {
  const { volume, signal, onProgress } = options;
  const content = readListing(await volume.run(listingScript, signal && { signal }));
  const all = [...content.blobs.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  const damaged: DamagedBlob[] = [];
  let blobs = 0;
  let done = 0;
  const judge = (line: string) => {
    const [, found, name] = /^([0-9a-f]{64}) .*\/([0-9a-f]{64})\/data$/.exec(line) ?? [];
    if (!name) return;
    const digest = `sha256:${name}`;
    const bytes = content.blobs.get(digest)?.bytes ?? 0;
    blobs += 1;
    onProgress?.((done += bytes), all);
    if (found !== name)
      damaged.push({ digest, bytes, repository: repositoryOf(digest, content), isMended: false });
  };
  await volume.run(hashScript, { onLine: judge, ...(signal && { signal }) });
  if (!options.dryRun) for (const blob of damaged) await mend(blob, content, options);
  return { blobs, bytes: all, damaged };
}

const hashScript = `test -d ${storeFolder}/blobs || exit 0
find ${storeFolder}/blobs -name data -type f -exec sha256sum {} +`;

async function mend(
  blob: DamagedBlob,
  content: StoredContent,
  { volume, client, signal }: VerifyOptions,
): Promise<void> {
  signal?.throwIfAborted();
  const { digest, repository } = blob;
  await volume.run(`rm -rf ${storeFolder}/${blobFolder(digest)}`);
  if (!repository) {
    blob.reason = "no image has it: it is removed";
    return;
  }
  try {
    if (content.repositories.get(repository)!.manifests.has(digest))
      await client.manifest(repository, digest, signal);
    else await client.blob(repository, digest, signal);
    blob.isMended = true;
  } catch (error) {
    if (!(error instanceof CacheFailure)) throw error;
    blob.reason = `removed, and not to be had now (${error.message}): it is fetched when it is asked for`;
  }
}

function repositoryOf(digest: string, { repositories }: StoredContent): string | undefined {
  for (const [name, { manifests, layers }] of repositories)
    if (manifests.has(digest) || layers.has(digest)) return name;
  return undefined;
}
