import type { Remark, Rule } from "../rule.ts";
import { hasOption, optionValues, requirement, type Install } from "../installs.ts";
import type { LintStage, Step } from "../model.ts";
import { isExternalDevel } from "../references.ts";

/** Wheels for another CUDA than the base's. */
export const cudaWheels: Rule = {
  id: "dockerfile.cuda-wheels",
  status: "WARN",
  *check({ stages }) {
    for (const stage of stages) {
      const base = cudaOf(stage);
      if (!base) continue;
      for (const step of stage.steps)
        for (const install of step.installs) {
          const wanted = wantedCuda(step, install).find(({ cuda }) => !fits(cuda, base));
          if (!wanted) continue;
          const own = stage.ours !== undefined;
          yield {
            line: step.line,
            message: `"${wanted.text}" is for CUDA ${dotted(wanted.cuda)}, ${stage.root} has ${base.cuda}${own ? "" : ": extensions do not compile against such a torch"}`,
            fix: own
              ? `leave torch to the base and take the wheels for ${shortName(base.cuda)}; or change cudaBase.cuda and cudaBase.torch for all`
              : `take the wheels for CUDA ${base.cuda}, or a base with CUDA ${dotted(wanted.cuda)}`,
          };
        }
    }
  },
};

/** torch, installed above a base that has it. */
export const torchAgain: Rule = {
  id: "dockerfile.torch-again",
  status: "WARN",
  *check({ stages, facts }) {
    for (const { ours, steps } of stages) {
      if (!ours) continue;
      for (const step of steps)
        for (const install of step.installs) {
          if (!["pip", "uv"].includes(install.tool) || install.action === "download") continue;
          const remark = remarkOn(step, install, facts.base?.torch);
          if (remark) {
            yield remark;
            break;
          }
        }
    }
  },
};

const inBase = /^(torch|torchvision|torchaudio|triton|nvidia-[a-z0-9-]+-cu\d+)$/;

function remarkOn(step: Step, install: Install, torch: string | undefined): Remark | undefined {
  const found = install.packages.flatMap((text) => {
    const package_ = requirement(text);
    return package_ && inBase.test(package_.name) ? [{ ...package_, text }] : [];
  });
  const [first] = found;
  if (!first) return undefined;
  const fix = `take ${found.map(({ text }) => text).join(", ")} out of line ${step.line}'s install: the base has them`;
  if (/\//.test(install.program) && !/^\/usr\/(local\/)?bin\//.test(install.program))
    return {
      line: step.line,
      message: `"${install.program}" is a virtual environment's: it lays a second torch of 5.4 GB beside the base's`,
      fix: "install with the base's pip3 or uv, outside of a virtual environment",
    };
  const refused = found.find(
    ({ name, version }) => name === "torch" && version && torch && version.replace(/\+.*$/, "") !== torch,
  );
  if (refused)
    return {
      line: step.line,
      status: "FAIL",
      message: `"${refused.text}" is refused: the base has torch ${torch} and holds every image above it to that`,
      fix: `take it out, or set cudaBase.torch to "${refused.version!.replace(/\+.*$/, "")}" for all images`,
    };
  return {
    line: step.line,
    message: `"${first.text}" is in the base already; the word can only do harm`,
    fix,
  };
}

/** Compiling for every card that torch knows. */
export const archList: Rule = {
  id: "dockerfile.arch-list",
  status: "WARN",
  *check({ stages }) {
    for (const stage of stages) {
      // The shared bases set it; a build has no card to ask.
      if (stage.ours || stage.root === undefined || !isExternalDevel(stage.root)) continue;
      const step = stage.steps.find(
        (one) =>
          !one.variables.has("TORCH_CUDA_ARCH_LIST") &&
          one.commands.some(
            ({ words, variables }) =>
              !variables.has("TORCH_CUDA_ARCH_LIST") &&
              /(^|\/)python[\d.]*$/.test(words[0]!) &&
              /(^|\/)setup\.py$/.test(words[1] ?? "") &&
              /^(install|develop|bdist_wheel|build_ext|build)$/.test(words[2] ?? ""),
          ),
      );
      if (step)
        yield {
          line: step.line,
          message:
            "TORCH_CUDA_ARCH_LIST is not set, and a build sees no card: an extension is compiled for every card that torch knows",
          fix: 'above this line: ARG TORCH_CUDA_ARCH_LIST="8.6;8.9" and the cards that you have; or FROM cuda-base:devel-…, which sets it',
        };
    }
  },
};

interface CudaBase {
  cuda: string;
  /** Where torch's own libraries would do, only another major version harms. */
  majorOnly: boolean;
}

function cudaOf(stage: LintStage): CudaBase | undefined {
  if (stage.ours)
    return stage.ours.cuda === undefined ? undefined : { cuda: stage.ours.cuda, majorOnly: false };
  const match =
    stage.root !== undefined && isExternalDevel(stage.root) ? /:(\d+\.\d+)/.exec(stage.root) : null;
  return match && /nvidia\/cuda/.test(stage.root!) ? { cuda: match[1]!, majorOnly: true } : undefined;
}

function fits(cuda: string, base: CudaBase): boolean {
  return base.majorOnly
    ? dotted(cuda).split(".")[0] === base.cuda.split(".")[0]
    : cuda === shortName(base.cuda).slice(2);
}

/** `"12.8"` → `"cu128"`. */
function shortName(cuda: string): string {
  return `cu${cuda.replace(".", "")}`;
}

/** `"128"` → `"12.8"`, `"92"` → `"9.2"`. */
function dotted(cuda: string): string {
  return `${cuda.slice(0, -1)}.${cuda.slice(-1)}`;
}

/** CUDA versions that an install names: in a version, an index, an option or a variable. */
function wantedCuda(step: Step, install: Install): { cuda: string; text: string }[] {
  if (install.tool !== "pip" && install.tool !== "uv" && install.tool !== "project") return [];
  const found: { cuda: string; text: string }[] = [];
  for (const text of install.packages) {
    const version =
      /^[\w.-]+(?:\[[^\]]*\])?===?[^\s]*\+cu(\d{2,3})(?!\d)/.exec(text) ??
      /(?:\+|%2B)cu(\d{3})(?!\d)[^/]{0,200}\.whl/i.exec(text);
    if (version) found.push({ cuda: version[1]!, text: text.slice(text.lastIndexOf("/") + 1) });
  }
  const variables = new Map([...step.variables, ...install.command.variables]);
  const indexes = optionValues(
    install,
    "-i",
    "-f",
    "--index-url",
    "--extra-index-url",
    "--index",
    "--default-index",
    "--find-links",
  );
  const fromVariables = [
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "UV_INDEX",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
  ];
  const own = hasOption(install, "-i", "--index-url", "--default-index");
  for (const text of [...indexes, ...(own ? [] : fromVariables.map((name) => variables.get(name) ?? ""))]) {
    const index = /\/whl\/(?:nightly\/|test\/)?cu(\d{2,3})(?:\/|$)/.exec(text);
    if (index) found.push({ cuda: index[1]!, text: `…/whl/cu${index[1]}` });
  }
  const backend = optionValues(install, "--torch-backend")[0] ?? variables.get("UV_TORCH_BACKEND") ?? "";
  const named = /^cu(\d{2,3})$/.exec(backend);
  if (named) found.push({ cuda: named[1]!, text: `torch backend ${backend}` });
  return found;
}
