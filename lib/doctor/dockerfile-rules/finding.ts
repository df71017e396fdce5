/** One remark about a Dockerfile. */
export interface Finding {
  /** Stable, e.g. `"dockerfile.order"`; docs/dockerfile-rules.md explains each. */
  id: string;
  /** As the caller named it, e.g. `"services/whisperx/Dockerfile"`. */
  file: string;
  /** From 1; the first line of the instruction. */
  line: number;
  /** FAIL: it cannot work as meant, or gives a secret away. WARN: it costs time or space. */
  status: "WARN" | "FAIL";
  /** One line: what, with names but never a secret's value. */
  message: string;
  /** One line: what to write instead. */
  fix: string;
  /** The step whose time it costs, where that can be measured in builds. */
  cost?: Cost;
}

/** A step that runs again for something above it. */
export interface Cost {
  /** Line of the step. */
  line: number;
  /** e.g. `"COPY . before pip3 install"` */
  what: string;
}

/** A Dockerfile and what is known around it. Leave out what you do not know: rules that need it stay silent. */
export interface DockerfileFacts {
  /** For messages, e.g. `"services/whisperx/Dockerfile"`. */
  path: string;
  text: string;
  /** Versions of the stack's base, e.g. `{ cuda: "12.8", torch: "2.7.1", python: "3.10" }`. */
  base?: { cuda: string; torch: string; python: string };
  /** Text of the `.dockerignore` that the build would use; empty where there is none. */
  ignoreText?: string;
  /** Build arguments that the build is given, by name. */
  args?: Readonly<Record<string, string>>;
  /** Stage that is built. @default the last */
  target?: string;
  /** Names of further contexts (`--build-context`). */
  contexts?: readonly string[];
  /** Images that this stack makes, by tag, and the base that each stands on, if it stands on one. */
  stackImages?: ReadonlyMap<string, BaseKind | undefined>;
}

/** Which of the two shared bases an image stands on. */
export type BaseKind = "runtime" | "devel";
