import assert from "node:assert/strict";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { parse } from "yaml";
import * as z from "zod";
import { readSyntax } from "../../lib/images/dockerfile-syntax.ts";
import { settingsOfStackFile } from "../../lib/settings/load.ts";
import { parseSettings } from "../../lib/settings/settings.ts";
import { schema } from "../../lib/settings/schema.ts";
import { readStackFile, settingsOf } from "../../lib/settings/stack-file.ts";
import { blocksOf, blockUnder, document, repository, tableUnder } from "./markdown.ts";

const readme = document("README.md");

/** Every document of the project, with its path. */
const documents = markdownFiles(".").map((path) => ({ path, text: document(path) }));

describe("README: settings", () => {
  const rows = tableUnder(readme, "Settings").map(([key = "", value = "", meaning = ""]) => ({
    key: plain(key),
    value,
    meaning,
  }));
  const settings = leavesOf(z.toJSONSchema(schema, { io: "input" }) as JsonSchema);

  it("names every setting of the schema once, and no other", () => {
    assert.deepEqual(rows.map(({ key }) => key).sort(), settings.map(({ key }) => key).sort());
  });

  for (const { key, wanted } of settings) {
    it(`gives the default of ${key}`, () => {
      const cell = rows.find((row) => row.key === key)?.value ?? "";
      if (wanted === "required" || wanted === undefined) assert.equal(cell, wanted ?? "–");
      else assert.deepEqual(parse(plain(cell)), wanted.default, cell);
    });
  }

  it("says of each what it means", () => {
    assert.deepEqual(
      rows.filter(({ meaning }) => meaning.length < 10),
      [],
    );
  });

  it("names the allowed words of a setting that has only a few", () => {
    for (const { key, words } of settings) {
      const meaning = rows.find((row) => row.key === key)?.meaning ?? "";
      for (const word of words) assert.ok(meaning.includes(`\`${word}\``), `${key}: ${word}`);
    }
  });
});

describe("README: examples", () => {
  const examples = blocksOf(readme).filter(({ language }) => language === "yaml");

  it("shows services as YAML", () => assert.ok(examples.length >= 2));

  for (const [index, { text }] of examples.entries()) {
    it(`example ${index + 1} passes the schema`, () => {
      const settings = parsed(settingsOf(parse(text) as Record<string, unknown>));
      assert.ok(Object.keys(settings.services).length > 0);
    });
  }

  it("shows Dockerfiles that stand on the bases and pass our parser", () => {
    const dockerfiles = documents
      .flatMap(({ path, text }) => blocksOf(text).map((block) => ({ ...block, path })))
      .filter(({ language, text }) => language === "dockerfile" && /^FROM /m.test(text));
    assert.ok(dockerfiles.length >= 3);
    for (const { path, text } of dockerfiles) {
      const { instructions } = readSyntax(text, path);
      assert.equal(
        instructions.filter(({ keyword }) => keyword === "FROM").length,
        text.match(/^FROM /gm)?.length,
      );
    }
  });

  it("needs five lines for a service", () => {
    assert.equal(blockUnder(readme, "Your own service", "yaml", "transcriber").trim().split("\n").length, 5);
  });

  for (const stack of ["dev", "cu126", "sandbox"]) {
    it(`Pulumi.${stack}.yaml passes the schema`, () => {
      const { values } = readStackFile(repository, stack);
      assert.deepEqual(Object.keys(parsed(values).services).sort(), ["infinitetalk", "whisperx"]);
    });
  }

  it("Pulumi.dev.yaml is a stack of the machine's own engine, read as the commands read it", () => {
    const settings = settingsOfStackFile(repository, "dev");
    assert.equal(settings.sandbox, false);
    assert.equal(settings.engine.host, "unix:///var/run/docker.sock");
  });

  it("the stack files name folders that are there", () => {
    for (const stack of ["dev", "cu126", "cu130", "sandbox"])
      for (const { context, smokeTest } of Object.values(
        parsed(readStackFile(repository, stack).values).services,
      ))
        for (const folder of [context, smokeTest?.folder ?? "."])
          assert.ok(isFolder(join(repository, folder)), folder);
  });
});

describe("Documents: commands", () => {
  const scripts = (JSON.parse(document("package.json")) as { scripts: Record<string, string> }).scripts;
  const inMain = commandsOfMain();

  for (const { path, text } of documents) {
    const named = [...text.matchAll(/\bnpm (?:run (?:-s |--silent )?([a-z][a-z:]*)|(start|test)\b)/g)];
    const ours = [...new Set(named.map((match) => match[1] ?? match[2]!))];
    if (ours.length === 0) continue;
    it(`${path} names only commands that exist: ${ours.join(", ")}`, () => {
      for (const name of ours) {
        assert.ok(scripts[name], `npm run ${name} is not in package.json`);
        const command = /bootstrap\/run\.mjs (\S+)/.exec(scripts[name])?.[1];
        if (command) assert.ok(inMain.includes(command), `${command} is not in cli/main.ts`);
      }
    });
  }

  it("every command of package.json that people run is in the README's table", () => {
    const table = tableUnder(readme, "Commands").map(
      ([command = ""]) => /npm (?:run )?(?:-s )?(\w+)/.exec(command)?.[1],
    );
    assert.deepEqual(table.sort(), [...inMain].sort());
  });
});

describe("Documents: links", () => {
  for (const { path, text } of documents) {
    const links = [...withoutBlocks(text).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
    const relative = links.filter((link) => !/^[a-z]+:/.test(link));
    if (relative.length === 0) continue;
    it(`${path}: every relative link leads somewhere`, () => {
      for (const link of relative) {
        const [file = "", heading] = link.split("#");
        const target = file === "" ? path : normalize(join(dirname(path), file));
        assert.ok(existsSync(join(repository, target)), `${link} in ${path}`);
        if (heading)
          assert.ok(headingsOf(document(target)).includes(heading), `no heading #${heading} in ${target}`);
      }
    });
  }

  for (const path of ["README.md", "CONTRIBUTING.md", "docs/guide.md", ...decisions()]) {
    it(`${path}: every file that is named is there`, () => {
      const named = [...withoutBlocks(document(path)).matchAll(/`([\w./-]+)`/g)].map((match) => match[1]!);
      const missing = named.filter(isPathOfOurs).filter((name) => !existsSync(join(repository, name)));
      assert.deepEqual(missing, []);
    });
  }
});

interface JsonSchema {
  default?: unknown;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  required?: string[];
  enum?: string[];
}

interface Setting {
  key: string;
  /** Allowed words, where there are only a few. */
  words: string[];
  /** Undefined: optional, without a default. */
  wanted: { default: unknown } | "required" | undefined;
}

/** The settings at the ends of a schema; `<name>` stands for a name that the user chooses. */
function leavesOf(schemaPart: JsonSchema, path: string[] = [], isRequired = false): Setting[] {
  const { properties, additionalProperties: each } = schemaPart;
  if (properties)
    return Object.entries(properties).flatMap(([name, inner]) =>
      leavesOf(inner, [...path, name], schemaPart.required?.includes(name)),
    );
  if (typeof each === "object" && each.properties)
    return leavesOf(each, [...path, path[0] === "rebuilds" ? "<image>" : "<name>"]);
  const wanted =
    "default" in schemaPart
      ? { default: schemaPart.default }
      : isRequired
        ? ("required" as const)
        : undefined;
  return [{ key: path.join("."), words: schemaPart.enum ?? [], wanted }];
}

/** Settings from values as a stack file gives them; the sandbox's own facts are made up. */
function parsed(values: Record<string, unknown>) {
  return parseSettings({
    stack: "example",
    root: repository,
    stateDir: "/nowhere",
    file: "the example",
    values,
    readSandboxFacts: () => ({
      root: "/nowhere",
      dockerHost: "unix:///nowhere/docker.sock",
      upstream: "http://127.0.0.1:20000",
      ports: { cache: 20_001, cacheMetrics: 20_002 },
    }),
  });
}

/** Names of the commands in cli/main.ts: what it prints for a command that it does not know lists them all. */
function commandsOfMain(): string[] {
  const table = /const commands[^{]*\{(.*?)\n\};/s.exec(document("cli/main.ts"))?.[1] ?? "";
  return [...table.matchAll(/^ {2}"?([a-z][a-z-]*)"?:/gm)].map((match) => match[1]!);
}

function decisions(): string[] {
  return readdirSync(join(repository, "docs/decisions"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/decisions/${name}`);
}

function markdownFiles(folder: string): string[] {
  return readdirSync(join(repository, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = normalize(join(folder, entry.name));
    if (entry.isDirectory()) return /^(node_modules|dist|\..*)$/.test(entry.name) ? [] : markdownFiles(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
}

/** A path from the project's folder: its first part is a folder or file of ours. */
function isPathOfOurs(name: string): boolean {
  const first = name.split("/")[0] ?? "";
  return name.includes("/") && /^[\w.-]+$/.test(first) && tracked.includes(first);
}

/** Top level of the project, without what is made by running it. */
const tracked = readdirSync(repository).filter((name) => !/^(node_modules|dist|\.sandbox|\.git)$/.test(name));

function headingsOf(markdown: string): string[] {
  return [...withoutBlocks(markdown).matchAll(/^#+ (.*)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/[^\w -]/g, "")
      .replaceAll(" ", "-"),
  );
}

function withoutBlocks(markdown: string): string {
  return markdown.replace(/^\s*```.*?^\s*```/gms, "");
}

function plain(cell: string): string {
  return cell.replaceAll("`", "");
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
