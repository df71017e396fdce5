import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { onOneLine, pasteAdvice, printAdvice } from "./advice.ts";
import { followLinks } from "./atomic-file.ts";
import type { Candidate } from "./candidate-checks.ts";
import { classify } from "./change-class.ts";
import { documentOf } from "./daemon-json.ts";
import { entriesOf, type DaemonDocumentPart } from "./desired.ts";
import { refuseFlagClash } from "./flag-clash.ts";
import {
  EngineUnreachable,
  identifyDaemon,
  requireManaged,
  type Identity,
  type ManagedDaemon,
} from "./identify.ts";
import { textAt } from "./json-edit.ts";
import { allLedgers, readLedger } from "./ledger-file.ts";
import { render } from "./merge.ts";
import { engineTrust } from "./engine-root.ts";
import { askMirror } from "./mirror-probe.ts";
import { pointerOf, topKey } from "./pointer.ts";
import { changeFact, prepare, restartRefusal, type Settlement } from "./prepare.ts";
import { readDaemonJson } from "./read-file.ts";
import { mayHoldLogin } from "./shown-value.ts";
import { DEFAULT_LIMITS, settle, type Manner } from "./settle.ts";
import { validateCandidate } from "./validate.ts";

/** What one stack wants in the daemon.json of one engine. */
export interface DaemonWish {
  /** E.g. `"unix:///var/run/docker.sock"`. */
  dockerHost: string;
  stack: string;
  mirrors: string[];
  /** Further keys, in Docker's own spelling. @default none */
  settings?: DaemonDocumentPart;
  /** What the stack set before, by its own record. @default nothing */
  previously?: { mirrors: string[]; settings?: DaemonDocumentPart };
  /** Restart dockerd where a reload is not enough. @default false */
  allowRestart?: boolean;
  /** What to do about a value of somebody else's. @default "stop" */
  onConflict?: "stop" | "override";
}

/**
 * Puts what a stack wants into the engine's daemon.json, its mirrors first in their list, and proves that the running
 * daemon uses it.
 * @returns the path of the daemon.json.
 * @throws UserError, with nothing changed: engine not ours to manage, file that does not parse, dead mirror, lock held, …
 */
export async function applyConfig(wish: DaemonWish, manner: Manner): Promise<string> {
  const daemon = await requireManaged(wish.dockerHost, wish.mirrors);
  const ask = async (mirror: string, waitMs: number) =>
    askMirror(mirror, waitMs, manner.signal, await engineTrust(wish.dockerHost, new URL(mirror)));
  for (const mirror of wish.mirrors) {
    manner.log(`asking ${mirror}/v2/`, "progress");
    await ask(mirror, manner.limits?.mirrorMs ?? DEFAULT_LIMITS.mirrorMs);
  }
  const backMs = manner.limits?.mirrorBackMs ?? DEFAULT_LIMITS.mirrorBackMs;
  const proveRestart = async () => {
    // A cache on this engine comes back a moment after it; whatever pulls next must find it.
    for (const mirror of wish.mirrors) {
      await ask(mirror, backMs).catch(() => {
        manner.signal?.throwIfAborted();
        throw new UserError(
          `${mirror} answered before the restart of Docker and does not ${backMs / 1000} s after it`,
        );
      });
    }
  };
  await settle(settlementOf(wish, daemon.file, daemon), { ...manner, proveRestart });
  return daemon.file;
}

/** What applying a wish would do, as a preview shows it: `"none"`, `"reload"`, `"restart: stops …"`. */
export async function previewChange(wish: DaemonWish, ledgerFolder: string): Promise<string> {
  const daemon = await requireManaged(wish.dockerHost, wish.mirrors);
  const settlement = settlementOf(wish, daemon.file, daemon);
  return changeFact(daemon, await prepare(settlement, ledgerFolder, new Date()));
}

/** Why a wish cannot be applied to this host as it is, before anything is declared; undefined if it can. Changes nothing. */
export async function wishProblem(wish: DaemonWish, ledgerFolder: string): Promise<string | undefined> {
  const identity = await identifyDaemon(wish.dockerHost).catch(() => undefined);
  // What keeps us from managing this engine at all is told when it is to be changed.
  if (!identity || !("managed" in identity)) return undefined;
  const daemon = identity.managed;
  const settlement = settlementOf(wish, daemon.file, daemon);
  try {
    const claims = (await readLedger(ledgerFolder, daemon.file)).ledger?.claims ?? [];
    // The cache's address is not looked at here: what the stack has stays.
    const mirrors = claims.filter(
      (claim) => claim.stack === wish.stack && claim.pointer === "/registry-mirrors",
    );
    settlement.entries = [...mirrors, ...settlement.entries];
    const prepared = await prepare(settlement, ledgerFolder, new Date());
    await refuseFlagClash(
      daemon,
      settlement.entries.map(({ pointer }) => topKey(pointer)),
    );
    const { restart, plan } = prepared;
    if (restart.length > 0 && !wish.allowRestart) throw await restartRefusal(daemon, prepared);
    if (plan.text !== null && plan.text !== prepared.current)
      await tryCandidate(daemon, {
        text: plan.text,
        restarts: restart.length > 0,
        entries: settlement.entries,
      });
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

/** As before writing, but in a folder that does not stay: a preview leaves nothing behind. */
async function tryCandidate(daemon: ManagedDaemon, candidate: Candidate): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "daemon-json-"));
  try {
    await validateCandidate(daemon, candidate, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Takes out what a stack put in: the last stack to leave gives back the file's first bytes, edits of others are kept.
 * With the engine stopped only the file is restored. `file` is the path that `applyConfig` returned, if it is known.
 */
export async function releaseConfig(wish: DaemonWish & { file?: string }, manner: Manner): Promise<void> {
  const { stack } = wish;
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
    await settle({ ...settlementOf(wish, file, reader), entries: [] }, manner);
  }
}

function settlementOf(wish: DaemonWish, file: string, daemon: ManagedDaemon | undefined): Settlement {
  const { stack, previously = { mirrors: [] } } = wish;
  return {
    file,
    daemon,
    stack,
    entries: entriesOf(wish.mirrors, wish.settings ?? {}),
    previously: entriesOf(previously.mirrors, previously.settings ?? {}),
    allowRestart: wish.allowRestart ?? false,
    override: wish.onConflict === "override",
  };
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
export async function printInstructions(wish: DaemonWish): Promise<{ text: string; id: string }> {
  const identity = await identifyDaemon(wish.dockerHost).catch((error: unknown): Identity => {
    if (error instanceof EngineUnreachable || !(error instanceof UserError)) throw error;
    // Whatever keeps us from managing the engine, a person can still edit its file.
    return { foreign: { kind: "remote", what: error.message, mirrors: undefined } };
  });
  const more = wish.settings?.["registry-mirrors"];
  const mirrors = Array.isArray(more) ? [...wish.mirrors, ...more] : wish.mirrors;
  const wanted = { ...wish.settings, ...(mirrors.length > 0 && { "registry-mirrors": mirrors }) };
  if ("foreign" in identity) {
    const { kind, what } = identity.foreign;
    const advice = pasteAdvice(kind, wanted);
    return {
      text: `${what}, and manage: print leaves its configuration to you: ${advice}`,
      id: wish.dockerHost,
    };
  }
  const { file, process: dockerd } = identity.managed;
  const { entries } = settlementOf(wish, file, undefined);
  const current = await readDaemonJson(file);
  const text = render(current, entries);
  const systemd = await stat("/run/systemd/system").then(
    () => true,
    () => false,
  );
  const lines = [...new Set(entries.map(({ pointer }) => topKey(pointer)))].map(
    (key) =>
      `${JSON.stringify(key)}: ${printed(wish, key, textAt(documentOf(text), pointerOf([key])) ?? "")}`,
  );
  const restart = classify(current, text).restart.length > 0;
  return { text: printAdvice(file, lines, { systemd, pid: dockerd.pid, restart }), id: file };
}

/** A key as it shall stand; only our part of it where the rest may hold a login. */
function printed(wish: DaemonWish, key: string, text: string): string {
  return onOneLine(mayHoldLogin(pointerOf([key]), text) ? wish.settings?.[key] : JSON.parse(text));
}
