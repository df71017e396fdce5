import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { UserError } from "../errors.ts";
import { ContextHasher } from "./context-hash.ts";
import { loadIgnoreRules } from "./context-ignore.ts";
import type { ContextEntry } from "./context-select.ts";
import type { ContextSource, DockerfileInputs } from "./build-inputs.ts";
import { FileHashCache } from "./file-hash-cache.ts";
import { groupParts } from "./parts.ts";
import type { ImageDefinition } from "./types.ts";

/** What an image takes from its contexts. */
export interface ContextContent {
  /** Over every name, mode, byte and link target. */
  hash: string;
  /** `"file app/main.py"` → mode and hash; files of further contexts as `"file NAME:path"`; many files as folders. */
  parts: Record<string, string>;
}

/** The folders that builds of one run take files from: each is opened once, each file is read once. */
export class PlanContexts {
  private readonly stateDir: string;
  private readonly caches = new Map<string, Promise<FileHashCache>>();
  private readonly hashers = new Map<string, Promise<ContextHasher>>();

  constructor(stateDir: string) {
    this.stateDir = stateDir;
  }

  /**
   * What one image takes from its contexts.
   * @param file the Dockerfile, for messages
   */
  async describe(
    definition: ImageDefinition,
    inputs: DockerfileInputs,
    file: string,
  ): Promise<ContextContent> {
    const content = new Map<string, string>();
    await this.folderOf(definition, undefined); // a missing context is an error even where nothing is taken
    for (const name of [undefined, ...inputs.contexts]) {
      const sources = inputs.sources.filter(({ context }) => context === name);
      const folder = await this.folderOf(definition, name);
      if (folder === undefined) {
        const value = definition.contexts[name!]!;
        if (!value.startsWith("docker-image://")) content.set(`context ${name}`, value);
      } else if (sources.length > 0) {
        const hasher = await this.hasher(
          folder,
          name === undefined ? resolve(definition.context, definition.dockerfile) : undefined,
        );
        const described = await hasher.describe(selectAll(hasher, sources, file));
        const prefix = name === undefined ? "" : `${name}:`;
        for (const path of [...described.keys()].sort())
          content.set(`file ${prefix}${path}`, described.get(path)!);
      }
    }
    const hash = createHash("sha256");
    for (const [key, value] of content) hash.update(`${key}\0${value}\n`);
    return { hash: hash.digest("hex"), parts: groupParts(content) };
  }

  /** Keeps the file hashes for the next run. */
  async save(): Promise<void> {
    for (const cache of this.caches.values()) await (await cache).save();
  }

  /** Absolute path of a context that is a folder of this machine; undefined for images, Git addresses and the like. */
  private async folderOf(definition: ImageDefinition, name: string | undefined): Promise<string | undefined> {
    const value = name === undefined ? definition.context : definition.contexts[name]!;
    if (name !== undefined && /^([a-z0-9+-]+:\/\/|git@|target:)/.test(value)) return undefined;
    const what = `image "${definition.name}": the ${name === undefined ? "context" : `context ${name},`}`;
    const found = await stat(value).catch(() => undefined);
    if (!found) throw new UserError(`${what} ${value} does not exist`);
    if (!found.isDirectory()) throw new UserError(`${what} ${value} is not a folder`);
    return resolve(value);
  }

  private async hasher(folder: string, dockerfile: string | undefined): Promise<ContextHasher> {
    const rules = await loadIgnoreRules(folder, dockerfile);
    const key = `${folder}\0${rules.text}`;
    let hasher = this.hashers.get(key);
    if (!hasher) {
      hasher = this.cache(folder).then((cache) => new ContextHasher(folder, rules, cache));
      this.hashers.set(key, hasher);
    }
    return hasher;
  }

  private cache(folder: string): Promise<FileHashCache> {
    let cache = this.caches.get(folder);
    if (!cache) {
      cache = FileHashCache.open(this.stateDir, folder);
      this.caches.set(folder, cache);
    }
    return cache;
  }
}

function* selectAll(hasher: ContextHasher, sources: ContextSource[], file: string): Generator<ContextEntry> {
  for (const source of sources) {
    const entries = hasher.selector.select(source.path, {
      wildcards: source.kind === "copy",
      ...(source.parents && { parents: true }),
    });
    if (!entries)
      throw new UserError(
        `${file}:${source.line}: "${source.path}" is not in the context${source.context === undefined ? "" : ` ${source.context}`}; create it, or see whether .dockerignore leaves it out`,
      );
    yield* entries;
  }
}
