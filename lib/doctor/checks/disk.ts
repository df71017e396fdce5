import { diskRoom, neededForBases, type DiskRoom } from "../../host/disk.ts";
import { fail, isUnknown, ok, skip, warn, type CheckDefinition, type Facts, type Outcome } from "../types.ts";
import { withEngine } from "./docker-engine.ts";

/** Share that should stay free. */
const lowShare = 0.15;
/** Bytes and files below which nothing can be stored. */
const least = { bytes: 200e6, files: 10_000 };
const makeRoom = "make room: docker system df, docker buildx prune, docker image prune";

export const diskChecks: CheckDefinition[] = [
  {
    id: "disk.bytes",
    what: "Free space on the disk that holds images, build cache and the registry cache's volume (the engine's data root).",
    fails: "less than 12 GB while the CUDA bases are still to be built, otherwise less than 200 MB",
    warns: "less than 15 % is free, and less than 50 GB",
    run: (facts) =>
      withEngine(facts, async ({ dataRoot }) => judgeBytes(facts, dataRoot, await diskRoom(dataRoot))),
  },
  {
    id: "disk.inodes",
    what: "Files that the same disk still has room for: Python packages are tens of thousands.",
    fails: "fewer than 10,000",
    warns: "fewer than 15 %",
    run: (facts) => withEngine(facts, async ({ dataRoot }) => judgeFiles(dataRoot, await diskRoom(dataRoot))),
  },
];

export async function judgeBytes(
  facts: Pick<Facts, "missingImages">,
  dataRoot: string,
  room: DiskRoom | undefined,
): Promise<Outcome> {
  if (!room) return skip(`${dataRoot} cannot be looked at from here`);
  const missing = await facts.missingImages();
  const buildsBases = !isUnknown(missing) && missing.some(({ name }) => name === "cuda-base-runtime");
  const free = `${dataRoot} has ${gigabytes(room.free)} free`;
  if (buildsBases && room.free < neededForBases)
    return fail(`${free}, the CUDA bases need ${gigabytes(neededForBases)} while they are built`, makeRoom);
  if (room.free < least.bytes) return fail(`${free}, too little to store anything`, makeRoom);
  if (room.free < lowShare * room.total && room.free < 50e9)
    return warn(`${free} of ${gigabytes(room.total)}`, makeRoom);
  return ok(free);
}

export function judgeFiles(dataRoot: string, room: DiskRoom | undefined): Outcome {
  if (!room) return skip(`${dataRoot} cannot be looked at from here`);
  if (room.totalFiles === 0) return ok(`the file system of ${dataRoot} has no limit of files`);
  const line = `${dataRoot} has room for ${room.freeFiles} more files of ${room.totalFiles}`;
  if (room.freeFiles < least.files) return fail(line, makeRoom);
  return room.freeFiles < lowShare * room.totalFiles ? warn(line, makeRoom) : ok(line);
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
