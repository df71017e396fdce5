import type { Command } from "./commands.ts";

/** A command that brings packages. */
export interface Install {
  tool: "apt" | "conda" | "node" | "pip" | "project" | "uv";
  /** Program as written, e.g. `"/venv/bin/pip"`; `"python3"` for `python3 -m pip`. */
  program: string;
  /** For messages, e.g. `"pip3 install"`. */
  name: string;
  action: string;
  /** What is asked for, e.g. `["torch==2.7.1", "./wheels/a.whl"]`. */
  packages: string[];
  /** Files with requirements, after `-r`. */
  files: string[];
  /** Option words with their values: `["--index-url", "https://…"]`. */
  options: string[];
  command: Command;
}

const takesValue = new Set(
  (
    "-r --requirement --requirements -c --constraint --constraints -b --build-constraint -i --index-url --extra-index-url --index --default-index " +
    "-f --find-links -t --target --prefix --root --platform --python-version --python-platform --abi --implementation --only-binary --no-binary " +
    "--src --cache-dir --cert --client-cert --proxy --timeout --retries --trusted-host -d --dest -w --wheel-dir --progress-bar -p --python " +
    "--torch-backend --link-mode --resolution --upgrade-strategy -C --config-settings --config-setting --index-strategy --keyring-provider " +
    "--exclude-newer --report --log --group --extra --upgrade-package -P --reinstall-package --no-build-isolation-package -o --option " +
    "--target-release --channel --name --file"
  ).split(" "),
);

/** What a command installs; undefined for every other command. */
export function readInstall(command: Command): Install | undefined {
  const [program = "", ...rest] = command.words;
  const name = program.slice(program.lastIndexOf("/") + 1);
  // What compiles a wheel stands behind it: `kept-wheel flash-attn -- pip3 wheel …`.
  if (name === "kept-wheel" && rest.includes("--"))
    return readInstall({ ...command, words: rest.slice(rest.indexOf("--") + 1) });
  if (/^pip\d*(\.\d+)?$/.test(name)) return pip(command, program, rest, name);
  if (/^python\d*(\.\d+)?$/.test(name)) {
    const module = rest.indexOf("-m");
    return module >= 0 && rest[module + 1] === "pip"
      ? pip(command, program, rest.slice(module + 2), `${name} -m pip`)
      : undefined;
  }
  if (name === "uv") return uv(command, program, rest);
  if (name === "apt" || name === "apt-get") return one("apt", /^(install|build-dep|satisfy)$/, command, 1);
  if (/^(conda|mamba|micromamba)$/.test(name))
    return one("conda", /^(install|create|env|update)$/, command, 1);
  if (/^(npm|yarn|pnpm)$/.test(name)) return one("node", /^(install|ci|i|add)$/, command, 1);
  if (/^(poetry|pdm|pipenv)$/.test(name)) return one("project", /^(install|sync)$/, command, 1);
  return undefined;
}

function pip(command: Command, program: string, rest: string[], name: string): Install | undefined {
  const at = rest.findIndex((word) => /^(install|download|wheel)$/.test(word));
  if (
    at < 0 ||
    rest.slice(0, at).some((word) => /^(config|cache|list|freeze|show|check|uninstall)$/.test(word))
  )
    return undefined;
  const action = rest[at]!;
  return {
    tool: "pip",
    program,
    name: `${name} ${action}`,
    action,
    ...split([...rest.slice(0, at), ...rest.slice(at + 1)]),
    command,
  };
}

function uv(command: Command, program: string, rest: string[]): Install | undefined {
  const [first = "", second = ""] = rest.filter((word) => !word.startsWith("-"));
  const action =
    first === "pip" && /^(install|sync)$/.test(second) ? second : /^(sync|add)$/.test(first) ? first : "";
  if (!action) return undefined;
  const after = split(rest.slice(rest.indexOf(action) + 1));
  const options = [
    ...rest.slice(0, rest.indexOf(action)).filter((word) => word.startsWith("-")),
    ...after.options,
  ];
  const tool = first === "sync" ? "project" : "uv";
  // `uv pip sync FILE…` names files with requirements.
  const files = first === "pip" && action === "sync" ? [...after.files, ...after.packages] : after.files;
  return {
    tool,
    program,
    name: first === "pip" ? `uv pip ${action}` : `uv ${action}`,
    action,
    ...after,
    files,
    options,
    command,
  };
}

function one(tool: Install["tool"], actions: RegExp, command: Command, from: number): Install | undefined {
  const words = command.words.slice(from);
  const at = words.findIndex((word) => actions.test(word));
  if (
    at < 0 ||
    words.slice(0, at).some((word) => word !== "$@" && !word.startsWith("-") && !word.includes("="))
  )
    return undefined;
  const program = command.words[0]!;
  const action = words[at]!;
  return {
    tool,
    program,
    name: `${program} ${action}`,
    action,
    ...split([...words.slice(0, at), ...words.slice(at + 1)]),
    command,
  };
}

function split(words: string[]): Pick<Install, "files" | "options" | "packages"> {
  const found = { files: [] as string[], options: [] as string[], packages: [] as string[] };
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const requirement = /^(?:-r|--requirements?)(?:=?)(.*)$/.exec(word);
    if (/^(\d*>|\d*<|&>)/.test(word)) {
      if (/[<>]$/.test(word)) at++;
    } else if (requirement) found.files.push(requirement[1] || words[++at] || "");
    else if (word === "-e" || word === "--editable") continue;
    else if (word.startsWith("-")) {
      found.options.push(word);
      if (takesValue.has(word) && at + 1 < words.length) found.options.push(words[++at]!);
    } else if (word) found.packages.push(word);
  }
  return found;
}

/** Whether an option is given, as `--name`, `--name=…` or its short form. */
export function hasOption(install: Install, ...names: string[]): boolean {
  return install.options.some((word) => names.some((name) => word === name || word.startsWith(`${name}=`)));
}

/** Value of an option, written `--name value` or `--name=value`. */
export function optionValues(install: Install, ...names: string[]): string[] {
  return install.options.flatMap((word, at) => {
    const name = names.find((one) => word === one || word.startsWith(`${one}=`));
    if (name === undefined) return [];
    return word === name ? [install.options[at + 1] ?? ""] : [word.slice(name.length + 1)];
  });
}

/** Name and exact version of what was asked for, e.g. `{ name: "flash-attn", version: "2.8.0" }`; undefined for paths and URLs. */
export function requirement(text: string): { name: string; version?: string } | undefined {
  if (isLocal(text) || text.includes("://")) return undefined;
  const match = /^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*(?:===?\s*([^\s,;]+))?/.exec(text);
  if (!match) return undefined;
  const name = match[1]!.toLowerCase().replace(/[-_.]+/g, "-");
  return { name, ...(match[2] !== undefined && { version: match[2] }) };
}

/** Whether a package is a folder or file of the image, e.g. `.`, `./app[dev]`, `/wheels/*.whl`. */
export function isLocal(text: string): boolean {
  return (
    /^[./~$]/.test(text) ||
    /\.(whl|tar\.gz|zip)$/.test(text) ||
    (text.includes("/") && !text.includes("://") && !text.includes("@"))
  );
}

/** Whether an install brings something over the network that changes more rarely than the code. */
export function bringsDependencies(install: Install): boolean {
  if (install.tool === "node" || install.tool === "project") return true;
  if (install.action === "env" || hasOption(install, "--no-index")) return install.action === "env";
  return install.files.length > 0 || install.packages.some((text) => !isLocal(text));
}
