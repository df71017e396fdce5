import type { Rule } from "../rule.ts";
import { bringsDependencies, hasOption, optionValues, type Install } from "../installs.ts";
import type { LintStage, Step } from "../model.ts";

/** Downloads of pip that stay in a layer. */
export const pipCache: Rule = {
  id: "dockerfile.pip-cache",
  status: "WARN",
  *check({ stages, inImage }) {
    for (const [stage, step, install] of installsOf(stages.filter((one) => inImage.has(one)))) {
      // Without a base nothing is known; on the shared bases `pip` keeps its downloads out of the layer by itself.
      if (install.tool !== "pip" || stage.root === undefined || !bringsDependencies(install)) continue;
      if (stage.ours && /^(\/usr(\/local)?\/bin\/)?pip/.test(install.program)) continue;
      if (hasOption(install, "--no-cache-dir") || valueOf("PIP_NO_CACHE_DIR", step, install)) continue;
      const folder = optionValues(install, "--cache-dir")[0] ?? valueOf("PIP_CACHE_DIR", step, install);
      if (hasCacheMount(step, "pip", folder) || removes(step, "pip")) continue;
      yield {
        line: step.line,
        message: `"${install.name}" leaves its downloads in this layer: every wheel is stored a second time, packed`,
        fix: "RUN --mount=type=cache,id=pip,target=/root/.cache/pip pip install … (or pip install --no-cache-dir …)",
      };
    }
  },
};

/** A cache mount that its command is told not to use. */
export const unusedCache: Rule = {
  id: "dockerfile.unused-cache",
  status: "WARN",
  *check({ stages }) {
    for (const [, step, install] of installsOf(stages)) {
      if (install.tool !== "pip" && install.tool !== "uv") continue;
      const flag = install.tool === "pip" ? ["--no-cache-dir"] : ["--no-cache", "--no-cache-dir", "-n"];
      const mount = step.mounts.find(
        ({ type, target }) => type === "cache" && new RegExp(`/${install.tool}/?$`).test(target),
      );
      if (mount && hasOption(install, ...flag))
        yield {
          line: step.line,
          message: `"${install.name}" has a cache mount on ${mount.target} and an option that keeps it empty`,
          fix: `take ${flag.find((one) => hasOption(install, one))} out: what is in a mount is in no layer`,
        };
    }
  },
};

/** Copies that uv makes of what it keeps in the same layer. */
export const uvCache: Rule = {
  id: "dockerfile.uv-cache",
  status: "WARN",
  *check({ stages, inImage }) {
    for (const [, step, install] of installsOf(stages.filter((one) => inImage.has(one)))) {
      if (!isUv(install) || linkMode(step, install) !== "copy" || withoutUvCache(step, install)) continue;
      if (hasUvMount(step, install) || removes(step, "uv")) continue;
      yield {
        line: step.line,
        message: `"${install.name}" copies from a cache that stays in the same layer: every package is stored twice`,
        fix: "add --mount=type=cache,id=uv,target=/root/.cache/uv to the RUN, or leave --link-mode copy out: uv then links",
      };
    }
  },
};

/** Links into a cache mount: gone with the mount. */
export const uvSymlink: Rule = {
  id: "dockerfile.uv-symlink",
  status: "FAIL",
  *check({ stages }) {
    for (const [, step, install] of installsOf(stages))
      if (
        isUv(install) &&
        linkMode(step, install) === "symlink" &&
        (hasUvMount(step, install) || withoutUvCache(step, install))
      )
        yield {
          line: step.line,
          message: `"${install.name}" installs links into a cache that is gone after this step: the build passes and the image is empty`,
          fix: "--link-mode copy (or UV_LINK_MODE=copy)",
        };
  },
};

/** Archives of conda that stay in a layer. */
export const condaCache: Rule = {
  id: "dockerfile.conda-cache",
  status: "WARN",
  *check({ stages, inImage }) {
    for (const [, step, install] of installsOf(stages.filter((one) => inImage.has(one)))) {
      if (install.tool !== "conda") continue;
      const cleaned = step.commands.some(
        ({ words }) => /(conda|mamba)$/.test(words[0]!) && words.includes("clean"),
      );
      if (cleaned || hasCacheMount(step, "pkgs", valueOf("CONDA_PKGS_DIRS", step, install))) continue;
      yield {
        line: step.line,
        message: `"${install.name}" leaves its archives in this layer`,
        fix: `end the step with && ${install.program} clean --all --yes`,
      };
    }
  },
};

function* installsOf(stages: LintStage[]): Generator<[LintStage, Step, Install]> {
  for (const stage of stages)
    for (const step of stage.steps) {
      // One remark for a step is enough, however many commands it has of one kind.
      const seen = new Set<string>();
      for (const install of step.installs) {
        if (!seen.has(install.name)) yield [stage, step, install];
        seen.add(install.name);
      }
    }
}

function valueOf(name: string, step: Step, install: Install): string | undefined {
  return install.command.variables.get(name) ?? step.variables.get(name);
}

function isUv(install: Install): boolean {
  return install.name.startsWith("uv ");
}

function linkMode(step: Step, install: Install): string | undefined {
  return optionValues(install, "--link-mode")[0] ?? valueOf("UV_LINK_MODE", step, install);
}

function withoutUvCache(step: Step, install: Install): boolean {
  return (
    hasOption(install, "--no-cache", "--no-cache-dir", "-n") || Boolean(valueOf("UV_NO_CACHE", step, install))
  );
}

function hasUvMount(step: Step, install: Install): boolean {
  return hasCacheMount(
    step,
    "uv",
    optionValues(install, "--cache-dir")[0] ?? valueOf("UV_CACHE_DIR", step, install),
  );
}

/** Whether a mount keeps a tool's downloads out of the layer. */
function hasCacheMount(step: Step, tool: string, folder: string | undefined): boolean {
  return step.mounts.some(
    ({ type, target }) =>
      (type === "cache" || type === "tmpfs") &&
      (target.includes(tool) ||
        /\/\.cache\/?$/.test(target) ||
        (folder !== undefined && folder.startsWith(target) && target !== "")),
  );
}

/** `rm -rf ~/.cache`, `pip cache purge`, `uv cache clean`. */
function removes(step: Step, tool: string): boolean {
  return step.commands.some(
    ({ words }) =>
      (words[0] === "rm" && words.some((word) => word.includes(".cache"))) ||
      (words.includes(tool) || words[0]!.includes(tool)
        ? words.includes("cache") && /^(purge|clean|prune)$/.test(words.at(-1)!)
        : false),
  );
}
