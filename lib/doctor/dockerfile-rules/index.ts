import { UserError } from "../../errors.ts";
import { readInputs } from "../../images/dockerfile-inputs.ts";
import type { BaseKind, DockerfileFacts, Finding } from "./finding.ts";
import { Ignores } from "./ignore.ts";
import { readModel, type DockerfileModel } from "./model.ts";
import type { Remark, Rule } from "./rule.ts";
import { aptLists, aptUpdate } from "./rules/apt.ts";
import { develFinal, latest, stage, syntaxLine, unpinned } from "./rules/bases.ts";
import { condaCache, pipCache, unusedCache, uvCache, uvSymlink } from "./rules/caches.ts";
import { comment } from "./rules/comment.ts";
import { addUrl, dockerignore } from "./rules/context.ts";
import { archList, cudaWheels, torchAgain } from "./rules/cuda.ts";
import { grouping } from "./rules/grouping.ts";
import { order } from "./rules/order.ts";
import { flashAttn } from "./rules/packages.ts";
import { secret } from "./rules/secrets.ts";
import { sitePackages } from "./rules/site-packages.ts";
import { user } from "./rules/user.ts";

export type { DockerfileFacts, Finding } from "./finding.ts";

/** More than this is no Dockerfile that anybody wrote; it bounds the time, too. */
const largest = 128 * 1024;

const rules: Rule[] = [
  order,
  grouping,
  aptUpdate,
  aptLists,
  pipCache,
  uvCache,
  uvSymlink,
  unusedCache,
  condaCache,
  latest,
  unpinned,
  stage,
  develFinal,
  syntaxLine,
  cudaWheels,
  torchAgain,
  archList,
  sitePackages,
  flashAttn,
  secret,
  addUrl,
  dockerignore,
  user,
  comment,
];

const syntaxId = "dockerfile.syntax";
const ignoreId = "dockerfile.ignore";

/** Id of every rule; docs/dockerfile-rules.md has a section for each. */
export const ruleIds: readonly string[] = [...rules.map(({ id }) => id), syntaxId, ignoreId];

/**
 * What can be said of a Dockerfile without building it, by line. Never throws, whatever the text.
 * `# gpu-build-host: ignore <id>` on a line above an instruction silences one rule there.
 */
export function dockerfileFindings(facts: DockerfileFacts): Finding[] {
  const at = (id: string, status: Finding["status"], { line, message, fix, ...own }: Remark): Finding => ({
    id,
    file: facts.path,
    line,
    status: own.status ?? status,
    ...(own.cost && { cost: own.cost }),
    message: oneLine(message),
    fix: oneLine(fix),
  });
  if (facts.text.length > largest)
    return [
      at(syntaxId, "WARN", {
        line: 1,
        message: `${Math.ceil(facts.text.length / 1024)} KiB is more than a Dockerfile has; it was not looked at`,
        fix: "see whether this is the Dockerfile; long scripts belong in files that a RUN mounts",
      }),
    ];
  let model: DockerfileModel;
  try {
    model = readModel(facts);
  } catch (error) {
    return [at(syntaxId, "FAIL", problemOf(error, facts))];
  }
  const ignores = new Ignores(model.lines, new Set(model.syntax.instructions.map(({ line }) => line)));
  const found = new Map<string, Finding>();
  const add = (finding: Finding): void => {
    const key = `${finding.id} ${finding.line}`;
    if (!found.has(key) && !ignores.covers(finding.id, finding.line)) found.set(key, finding);
  };
  for (const { id, status, check } of rules) for (const remark of check(model)) add(at(id, status, remark));
  const problem = buildProblem(model);
  // The rule about comments says the same more clearly.
  if (problem && !found.has(`${comment.id} ${problem.line}`)) add(at(syntaxId, "FAIL", problem));
  for (const { id, line } of ignores.unknown(new Set(ruleIds)))
    found.set(
      `${ignoreId} ${line}`,
      at(ignoreId, "WARN", {
        line,
        message: `no rule is called "${id.slice(0, 60)}"`,
        fix: "docs/dockerfile-rules.md lists the names",
      }),
    );
  return [...found.values()].sort((a, b) => a.line - b.line || a.id.localeCompare(b.id));
}

/** The shared base that the image of a Dockerfile stands on; undefined where there is none, or the text is no Dockerfile. */
export function baseOfImage(facts: DockerfileFacts): BaseKind | undefined {
  if (facts.text.length > largest) return undefined;
  try {
    return readModel(facts).final.ours?.kind;
  } catch {
    return undefined; // dockerfileFindings says why
  }
}

/** The finding for a Dockerfile whose text there is not. */
export function unreadable(file: string, message: string, setting: string): Finding {
  const fix = `create the file, or set ${setting}`;
  return { id: syntaxId, file, line: 1, status: "FAIL", message: oneLine(message), fix };
}

/** What the build itself would refuse, as far as it can be told from the text. */
function buildProblem({ syntax, facts }: DockerfileModel): Remark | undefined {
  if (syntax.instructions.length > 500) return undefined; // its time grows with the square of them
  try {
    readInputs(syntax, {
      args: { ...facts.args },
      contexts: [...(facts.contexts ?? [])],
      ...(facts.target && { target: facts.target }),
      platform: "linux/amd64",
      buildPlatform: "linux/amd64",
      inherit: () => undefined,
    });
    return undefined;
  } catch (error) {
    return problemOf(error, facts);
  }
}

function problemOf(error: unknown, { path, text }: DockerfileFacts): Remark {
  // Nesting that is deep enough ends every recursive reader.
  if (error instanceof RangeError)
    return { line: 1, message: "variables are nested too deep to be read", fix: "write their values out" };
  if (!(error instanceof UserError)) throw error;
  const said = error.message.startsWith(`${path}:`) ? error.message.slice(path.length + 1) : error.message;
  const [, line = "1", message = said] = /^(\d+): ([\s\S]*)$/.exec(said) ?? [];
  const last = text.split("\n").length;
  return { line: Math.min(Number(line), last), message, fix: "correct this line: the build stops at it" };
}

/** Without control characters, which would break the line or colour a terminal, and without logins. */
function oneLine(text: string): string {
  return text
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ")
    .replace(/:\/\/[^\s/@]{1,300}@/g, "://…@")
    .trim();
}
