import { stat } from "node:fs/promises";
import { UserError } from "../errors.ts";
import { pasteAdvice, printAdvice } from "./advice.ts";
import { followLinks } from "./atomic-file.ts";
import { mirrorsIn } from "./converge.ts";
import {
  EngineUnreachable,
  identifyDaemon,
  requireManaged,
  type Identity,
  type ManagedDaemon,
} from "./identify.ts";
import { engineTrust } from "./engine-root.ts";
import { allLedgers } from "./ledger-file.ts";
import { render } from "./merge.ts";
import { askMirror } from "./mirror-probe.ts";
import { readDaemonJson } from "./read-file.ts";
import { DEFAULT_LIMITS, settle, type Manner } from "./settle.ts";

/** One stack's mirrors in the daemon.json of one engine. */
export interface MirrorWish {
  /** E.g. `"unix:///var/run/docker.sock"`. */
  dockerHost: string;
  stack: string;
  mirrors: string[];
  /** Mirrors that the stack set before, by its own record. @default none */
  previously?: string[];
}

/**
 * Puts a stack's mirrors first in the engine's daemon.json and proves that the running daemon uses them.
 * @returns the path of the daemon.json.
 * @throws UserError, with nothing changed: engine not ours to manage, file that does not parse, dead mirror, lock held, …
 */
export async function applyMirrors(wish: MirrorWish, manner: Manner): Promise<string> {
  const { stack, mirrors, previously = [] } = wish;
  const daemon = await requireManaged(wish.dockerHost, mirrors);
  for (const mirror of mirrors) {
    manner.log(`asking ${mirror}/v2/`, "progress");
    const trust = await engineTrust(wish.dockerHost, new URL(mirror));
    await askMirror(mirror, manner.limits?.mirrorMs ?? DEFAULT_LIMITS.mirrorMs, manner.signal, trust);
  }
  await settle({ file: daemon.file, daemon, stack, mirrors, previously }, manner);
  return daemon.file;
}

/**
 * Takes a stack's mirrors out again: the last stack to leave gives back the file's first bytes, edits of others are kept.
 * With the engine stopped only the file is restored. `file` is the path that `applyMirrors` returned, if it is known.
 */
export async function releaseMirrors(wish: MirrorWish & { file?: string }, manner: Manner): Promise<void> {
  const { stack, previously = [] } = wish;
  const daemon = await managedOrStopped(wish.dockerHost, manner);
  const claimed = (await allLedgers(manner.ledgerFolder)).filter((ledger) =>
    ledger.claims.some((claim) => claim.stack === stack),
  );
  const ours = claimed.map((ledger) => ledger.file);
  const written = wish.file ? await followLinks(wish.file) : (daemon?.file ?? ours[0]);
  // The daemon may read another file by now; what we never wrote there is not ours to change.
  const files = [written, daemon && ours.includes(daemon.file) ? daemon.file : undefined];
  for (const file of new Set(files)) {
    if (file === undefined) continue;
    const reader = daemon?.file === file ? daemon : undefined;
    await settle({ file, daemon: reader, stack, mirrors: [], previously }, manner);
  }
}

async function managedOrStopped(dockerHost: string, manner: Manner): Promise<ManagedDaemon | undefined> {
  try {
    const identity = await identifyDaemon(dockerHost);
    if ("managed" in identity) return identity.managed;
    manner.log(`${identity.foreign.what}: only the file is put back`, "warning");
  } catch (error) {
    if (!(error instanceof EngineUnreachable) || !error.stopped) throw error;
    manner.log(
      "the engine is stopped: only its daemon.json is put back, it reads that when it starts",
      "info",
    );
  }
  return undefined;
}

/**
 * What `manage: print` tells a person: what to put where and how to have it read. Writes nothing.
 * @returns the text, and the daemon.json's path (the engine's address where that is not known).
 */
export async function printInstructions(wish: MirrorWish): Promise<{ text: string; id: string }> {
  const identity = await identifyDaemon(wish.dockerHost).catch((error: unknown): Identity => {
    if (error instanceof EngineUnreachable || !(error instanceof UserError)) throw error;
    // Whatever keeps us from managing the engine, a person can still edit its file.
    return { foreign: { kind: "remote", what: error.message, mirrors: undefined } };
  });
  if ("foreign" in identity) {
    const { kind, what } = identity.foreign;
    return {
      text: `${what}, and manage: print leaves its configuration to you: ${pasteAdvice(kind, wish.mirrors)}`,
      id: wish.dockerHost,
    };
  }
  const { file, process: dockerd } = identity.managed;
  const wanted = mirrorsIn(await mergedText(file, wish)) ?? [];
  const systemd = await stat("/run/systemd/system").then(
    () => true,
    () => false,
  );
  return { text: printAdvice(file, wanted, systemd, dockerd.pid), id: file };
}

async function mergedText(file: string, wish: MirrorWish) {
  return render(
    await readDaemonJson(file),
    wish.mirrors.map((element) => ({ pointer: "/registry-mirrors", element })),
  );
}
