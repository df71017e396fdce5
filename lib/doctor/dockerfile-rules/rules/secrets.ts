import { readArg, readEnv } from "../../../images/dockerfile-stages.ts";
import type { Remark, Rule } from "../rule.ts";
import type { Step } from "../model.ts";

const mount =
  "RUN --mount=type=secret,id=ID … reads /run/secrets/ID in one step and stores nothing; services.NAME.secrets gives the value";

/** Secrets that stay in the image or its history. */
export const secret: Rule = {
  id: "dockerfile.secret",
  status: "FAIL",
  *check({ syntax, stages }) {
    const { escape } = syntax;
    const declared = syntax.instructions.filter(({ keyword }) => keyword === "ARG" || keyword === "ENV");
    for (const instruction of declared) {
      const { keyword, line } = instruction;
      const set = keyword === "ARG" ? readArg(instruction, escape) : readEnv(instruction, escape);
      const found = set.find(({ name, value }) => isSecretName(name) && !isHarmless(value, keyword));
      if (found)
        yield {
          line,
          message: `${keyword} ${found.name}: its value stays readable in the image's history or the build's records`,
          fix: mount,
        };
      else if (hasSecret(instruction.rest)) yield plain(keyword, line);
    }
    for (const step of stages.flatMap(({ steps }) => steps)) {
      if (step.keyword === "ARG" || step.keyword === "ENV") continue;
      const text = [
        step.rest,
        ...step.flags.map(({ value }) => value),
        ...step.heredocs.map(({ body }) => body),
      ].join("\n");
      if (hasSecret(text)) yield plain(step.keyword, step.line);
      else yield* copied(step);
    }
  },
};

function plain(keyword: string, line: number): Remark {
  return {
    line,
    message: `a password or a token stands in this ${keyword}, and so in the image's history`,
    fix: `${mount}; change that password`,
  };
}

function* copied(step: Step): Generator<Remark> {
  const file = step.source?.paths.find((path) =>
    /(^|\/)(\.env|\.git-credentials|\.netrc|\.pypirc|id_(rsa|ed25519|ecdsa))$/.test(path),
  );
  if (file !== undefined && step.source?.from === undefined)
    yield {
      line: step.line,
      message: `${file} goes into the image for everybody who gets it`,
      fix: mount,
    };
}

const word =
  "TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|SECRET_?KEY|API_?KEY|ACCESS_KEY|PRIVATE_KEY|AUTH_KEY|CREDENTIALS?";
const secretName = new RegExp(`(^|_)(${word})(_\\d+)?$`, "i");
/** Tokens of language models, and the like. */
const notSecret = /(^|_)(BOS|CLS|END|EOS|IMAGE|MASK|MAX|MIN|NEW|NUM|PAD|SEP|SPECIAL|START|STOP|UNK)_TOKEN$/i;

function isSecretName(name: string): boolean {
  return (
    (secretName.test(name) ||
      /(HF|HUGGINGFACE|GITHUB|GITLAB|WANDB|OPENAI)_?(TOKEN|KEY|API_?KEY)$/i.test(name)) &&
    !notSecret.test(name)
  );
}

/** An empty value, a switch, a path: none of them opens a door. A bare ARG is for a value that then stays. */
function isHarmless(value: string | undefined, keyword: string): boolean {
  if (value === undefined) return keyword === "ENV";
  const text = value.replace(/^(["'])(.*)\1$/s, "$2");
  if (text === "") return keyword === "ENV";
  return /^(\/|true$|false$|yes$|no$|none$|\d{1,3}$)/i.test(text);
}

/** A login in a URL, or a token by the look of its first letters. Variables are none. */
function hasSecret(text: string): boolean {
  return (
    /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"'$]{1,100}:[^\s/@"'${}<]{1,200}@/i.test(text) ||
    /\b(hf_[A-Za-z0-9]{30,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}|sk-(proj-)?[A-Za-z0-9]{32,}|AKIA[A-Z0-9]{16}|pypi-[\w-]{50,})/.test(
      text,
    ) ||
    /-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----/.test(text)
  );
}
