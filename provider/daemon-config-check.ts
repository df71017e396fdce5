import { closest, distance } from "fastest-levenshtein";
import { desiredFacts, type Manage, type DaemonFacts } from "../lib/daemon/facts.ts";
import { isObject, type DaemonDocumentPart } from "../lib/daemon/desired.ts";
import { documentProblems } from "../lib/daemon/document-problems.ts";
import { DEFAULT_LEDGER_FOLDER } from "../lib/daemon/ledger-file.ts";
import { mirrorProblem, normalMirror } from "../lib/daemon/mirror-url.ts";

/** What a program says; `check` fills in the rest. */
export interface DaemonConfigArgs {
  /** Who claims: written into the ledger, e.g. `"dev"`. */
  stack: string;
  /** The engine, e.g. `"unix:///var/run/docker.sock"`. */
  dockerHost: string;
  /** First entries of `registry-mirrors`, e.g. `["http://127.0.0.1:5000"]`. */
  registryMirrors: string[];
  /** `apply` writes daemon.json, `print` says what a person has to write, `off` does nothing. @default "apply" */
  manage?: Manage;
  /** Further keys of daemon.json in Docker's own spelling, e.g. `{ "live-restore": true }`. @default none */
  settings?: DaemonDocumentPart;
  /** Restart dockerd where a reload is not enough. @default false */
  allowRestart?: boolean;
  /** What to do about a value of somebody else's. @default "stop" */
  onConflict?: "stop" | "override";
  /** Folder of the ledger. @default "/var/lib/gpu-build-host/daemon" */
  ledgerDir?: string;
}

/** Inputs after `check`, and outputs: the facts are "inputs" with the values they ought to have, so that a preview shows drift. */
export type DaemonConfigState = DaemonConfigArgs &
  Required<Pick<DaemonConfigArgs, "manage" | "ledgerDir">> &
  DaemonFacts & { change?: string };

/** Pulumi's mark for a value that is not known in a preview. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
/** Pulumi's mark on a wrapped secret. */
const SECRET = "4dabf18193072939515e22adb298388d";

const KEYS = ["stack", "dockerHost", "registryMirrors", "manage", "ledgerDir"];
const MORE_KEYS = ["settings", "allowRestart", "onConflict"];
const FACTS = ["file", "live", "claim", "fileSettings", "liveSettings", "change"];
const MANAGE = ["apply", "print", "off"];
const ON_CONFLICT = ["stop", "override"];

type Failure = { property: string; reason: string };

/** Checks the inputs of a DaemonConfig and fills in defaults and the facts that ought to be. What is not known yet passes. */
export function checkDaemonConfig(news: Record<string, unknown>): {
  inputs: DaemonConfigState;
  failures: Failure[];
} {
  const failures: Failure[] = [];
  const fail = (property: string, reason: string) => void failures.push({ property, reason });
  const values = Object.fromEntries(Object.entries(news).filter(([key]) => !FACTS.includes(key)));

  for (const [key, value] of Object.entries(values)) {
    if (![...KEYS, ...MORE_KEYS].includes(key) && !key.startsWith("__"))
      fail(key, `is unknown${hint(key, [...KEYS, ...MORE_KEYS])}`);
    if (isSecret(value)) fail(key, "must not be a secret: it is written into daemon.json in the clear");
  }
  const manage = values.manage ?? "apply";
  const ledgerDir = values.ledgerDir ?? DEFAULT_LEDGER_FOLDER;
  text(values.stack, "stack", (stack) => (stack.trim() === "" ? "must not be empty" : undefined), fail);
  text(manage, "manage", manageProblem, fail);
  text(values.dockerHost, "dockerHost", (host) => hostProblem(host, manage), fail);
  text(
    ledgerDir,
    "ledgerDir",
    (folder) => (folder.startsWith("/") ? undefined : "must be an absolute path"),
    fail,
  );
  checkMirrors(values.registryMirrors, fail);
  checkMore(values, fail);

  const known =
    failures.length === 0 && ![values.registryMirrors].flat().includes(UNKNOWN) && manage !== UNKNOWN;
  const facts = known
    ? desiredFacts(
        values.registryMirrors as string[],
        (values.settings ?? {}) as DaemonDocumentPart,
        manage as Manage,
      )
    : { file: UNKNOWN, live: UNKNOWN, claim: UNKNOWN };
  return { inputs: { ...values, manage, ledgerDir, ...facts } as DaemonConfigState, failures };
}

function text(
  value: unknown,
  property: string,
  problem: (value: string) => string | undefined,
  fail: (property: string, reason: string) => void,
): void {
  if (value === UNKNOWN || isSecret(value)) return;
  const found =
    typeof value === "string" ? problem(value) : value === undefined ? "is required" : "must be text";
  if (found) fail(property, typeof value === "string" ? `${found}, got ${JSON.stringify(value)}` : found);
}

function checkMore(values: Record<string, unknown>, fail: (property: string, reason: string) => void): void {
  const { settings = {}, allowRestart = false, onConflict = "stop" } = values;
  if (isObject(settings) && !isSecret(settings)) {
    for (const { path, reason } of documentProblems(settings)) fail(["settings", ...path].join("."), reason);
  } else if (!isSecret(settings)) fail("settings", 'must be an object such as {"live-restore": true}');
  if (typeof allowRestart !== "boolean") fail("allowRestart", "must be true or false");
  if (!ON_CONFLICT.includes(onConflict as string)) fail("onConflict", "must be stop or override");
}

function manageProblem(value: string): string | undefined {
  return MANAGE.includes(value) ? undefined : `must be apply, print or off${hint(value, MANAGE)}`;
}

function hostProblem(host: string, manage: unknown): string | undefined {
  if (manage !== "apply" || /^unix:\/\/\/./.test(host)) return undefined;
  return 'must be a Unix socket of this machine such as "unix:///var/run/docker.sock", or set manage: print';
}

function checkMirrors(value: unknown, fail: (property: string, reason: string) => void): void {
  if (value === UNKNOWN || isSecret(value)) return;
  if (!Array.isArray(value))
    return fail("registryMirrors", 'must be a list such as ["http://127.0.0.1:5000"]');
  const seen = new Map<string, number>();
  for (const [index, mirror] of value.entries()) {
    if (mirror === UNKNOWN) continue;
    const property = `registryMirrors[${index}]`;
    if (isSecret(mirror) || typeof mirror !== "string") {
      fail(property, isSecret(mirror) ? "must not be a secret" : "must be text");
      continue;
    }
    const first = seen.get(normalMirror(mirror));
    const problem =
      mirrorProblem(mirror) ??
      (first === undefined ? undefined : `is the same mirror as registryMirrors[${first}]`);
    if (problem) fail(property, problem);
    else seen.set(normalMirror(mirror), index);
  }
}

function isSecret(value: unknown): boolean {
  return typeof value === "object" && value !== null && SECRET in value;
}

function hint(word: string, known: string[]): string {
  const nearest = closest(word, known);
  return distance(word, nearest) <= 3 ? `: did you mean "${nearest}"?` : `: known are ${known.join(", ")}`;
}
