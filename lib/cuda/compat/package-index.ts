import { UserError } from "../../errors.ts";
import { fetchBy, whyNoAnswer } from "../../proxy/fetch.ts";
import type { Proxies } from "../../proxy/proxy.ts";

/** A file of a project, as an index lists it. */
export interface IndexFile {
  name: string;
  url: string;
  version: string;
  isYanked: boolean;
  /** Python versions as a range, e.g. `">=3.10,<3.14"`; undefined where the index does not say. */
  requiresPython?: string;
  /** Day of its upload, e.g. `"2025-06-04"`; undefined where the index does not say. */
  day?: string;
}

/** A requirement of a wheel, from its metadata. */
export interface Requirement {
  /** Normal name, e.g. `"nvidia-cudnn-cu12"`. */
  name: string;
  /** e.g. `"==9.10.2.21"`, `"<3.14,>=3.10"`, `""` for any. */
  versions: string;
  /** e.g. `"platform_system == \"Linux\""`, `""` for always. */
  marker: string;
}

/** Something of an index could not be had: its message ends the sentence "Could not check …: ". */
export class IndexProblem extends Error {
  /** It does not answer at all: asking it for more only costs time. */
  readonly isSilence: boolean;

  constructor(message: string, { isSilence = false } = {}) {
    super(message);
    this.isSilence = isSilence;
  }
}

const jsonType = "application/vnd.pypi.simple.v1+json";

/** A Python package index, by its "simple" interface (PEP 503, 658, 691). */
export class PackageIndex {
  /** Without a slash at its end, e.g. `"https://pypi.org/simple"`. */
  readonly url: string;
  private readonly proxies: Proxies | undefined;
  /** Limit for one answer, in milliseconds. */
  private readonly timeout: number;

  constructor(url: string, { proxies, timeout = 20_000 }: { proxies?: Proxies; timeout?: number } = {}) {
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    if (!parsed || !/^https?:$/.test(parsed.protocol))
      throw new UserError(`A package index must be an http or https URL, got ${url}`);
    if (parsed.username || parsed.password)
      throw new UserError(`The package index at ${parsed.host} must be given without a login in its URL.`);
    this.url = url.replace(/\/+$/, "");
    this.proxies = proxies;
    this.timeout = timeout;
  }

  /**
   * Files of a project; none where the index does not have it.
   *
   * @throws IndexProblem when the index does not answer, or not as an index does.
   */
  async files(project: string): Promise<IndexFile[]> {
    const page = `${this.url}/${project}/`;
    const answer = await this.ask(page, `${jsonType}, text/html;q=0.5`);
    if (answer.status === 404) return [];
    if (answer.status !== 200) throw new IndexProblem(`${page} answers with status ${answer.status}`);
    return answer.type.includes("json") ? filesOfJson(answer.text, page) : filesOfHtml(answer.text, page);
  }

  /**
   * Requirements of a release by the first of its wheels whose metadata the index gives (PEP 658); undefined where it
   * gives none.
   */
  async requirements(wheels: IndexFile[]): Promise<Requirement[] | undefined> {
    for (const wheel of wheels.slice(0, 6)) {
      const answer = await this.ask(`${wheel.url}.metadata`, "*/*");
      if (answer.status === 200) return requirementsOf(answer.text);
    }
    return undefined;
  }

  private async ask(url: string, accept: string): Promise<{ status: number; type: string; text: string }> {
    try {
      const signal = AbortSignal.timeout(this.timeout);
      const answer = await fetchBy(this.proxies, url, { headers: { accept }, signal });
      const type = answer.headers.get("content-type") ?? "";
      return { status: answer.status, type, text: await answer.text() };
    } catch (error) {
      const reason = (error as Error).name === "TimeoutError" ? "time limit" : whyNoAnswer(error);
      throw new IndexProblem(`${new URL(url).host} does not answer (${reason})`, { isSilence: true });
    }
  }
}

function filesOfJson(text: string, page: string): IndexFile[] {
  let files: Record<string, unknown>[] | undefined;
  try {
    files = (JSON.parse(text) as { files?: Record<string, unknown>[] }).files;
  } catch {
    files = undefined; // said below
  }
  if (!Array.isArray(files)) throw new IndexProblem(`${page} is not a list of files`);
  return files.flatMap((file) => {
    if (typeof file["filename"] !== "string" || typeof file["url"] !== "string") return [];
    const [required, uploaded] = [file["requires-python"], file["upload-time"]];
    return fileOf(file["filename"], new URL(file["url"], page).href, {
      isYanked: Boolean(file["yanked"]),
      ...(typeof required === "string" && { requiresPython: required }),
      ...(typeof uploaded === "string" && { day: uploaded.slice(0, 10) }),
    });
  });
}

function filesOfHtml(text: string, page: string): IndexFile[] {
  const links = [...text.matchAll(/<a\s([^>]*)>([^<]*)<\/a>/gi)];
  if (links.length === 0 && !/<html|<!doctype/i.test(text))
    throw new IndexProblem(`${page} is not a list of files`);
  return links.flatMap(([, attributes = "", name = ""]) => {
    const href = attribute(attributes, "href");
    if (href === undefined) return [];
    const required = attribute(attributes, "data-requires-python");
    return fileOf(unescapeHtml(name.trim()), new URL(href.replace(/#.*$/, ""), page).href, {
      isYanked: attribute(attributes, "data-yanked") !== undefined,
      ...(required !== undefined && { requiresPython: required }),
    });
  });
}

function attribute(attributes: string, name: string): string | undefined {
  const found = new RegExp(`(?:^|\\s)${name}(?:\\s*=\\s*(?:"([^"]*)"|'([^']*)'))?(?=\\s|$)`, "i").exec(
    attributes,
  );
  return found ? unescapeHtml(found[1] ?? found[2] ?? "") : undefined;
}

function unescapeHtml(text: string): string {
  const characters: Record<string, string> = { lt: "<", gt: ">", quot: '"', amp: "&", "#39": "'" };
  return text.replace(/&(lt|gt|quot|amp|#39);/g, (_, name: string) => characters[name]!);
}

/** Wheels only: a source archive says nothing without being run. */
function fileOf(name: string, url: string, rest: Omit<IndexFile, "name" | "url" | "version">): IndexFile[] {
  const version = /^[^-]+-([^-]+)-.*\.whl$/.exec(name)?.[1];
  return version === undefined ? [] : [{ name, url, version, ...rest }];
}

function requirementsOf(metadata: string): Requirement[] {
  const head = metadata.replaceAll("\r", "").split("\n\n")[0] ?? "";
  return head.split("\n").flatMap((line) => {
    const found =
      /^Requires-Dist:\s*([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*\(?([^;)]*)\)?\s*(?:;\s*(.*))?$/.exec(line);
    if (!found) return [];
    const [, name = "", versions = "", marker = ""] = found;
    return [{ name: normalName(name), versions: versions.replaceAll(" ", ""), marker: marker.trim() }];
  });
}

/** `"nvidia-cudnn-cu12"` for `"NVIDIA_cudnn.cu12"`. */
function normalName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}
