import * as z from "zod";
import { bytesOf } from "../quantities.ts";

/** True for `https://user:password@…`, `https://token@…` and `https://:password@…`. */
export function hasLogin(url: string): boolean {
  return URL.canParse(url) && new URL(url).username + new URL(url).password !== "";
}

export const wholeNumber = "must be a whole number";
export const port = z.int(wholeNumber).min(1, "must be 1–65535").max(65_535, "must be 1–65535");
export const text = z.string("must be text").min(1, "must not be empty");
export const imageReference = z.string("must be an image reference").superRefine((value, context) => {
  const message = referenceProblem(value);
  if (message) context.addIssue({ code: "custom", message });
});

/** An image that others are built on or that we run: a name alone, or `latest`, is another image every week. */
export const pinnedImage = imageReference.superRefine((value, context) => {
  if (referenceProblem(value) || value.includes("@")) return;
  const tag = /:([^:/]*)$/.exec(value)?.[1];
  const message =
    tag === undefined
      ? 'must name a tag or digest such as "registry:3.1.1"'
      : tag === "latest"
        ? 'must name a version: "latest" is another image every week'
        : undefined;
  if (message) context.addIssue({ code: "custom", message });
});

/** Docker's rules for a reference, the ones that people break first. */
function referenceProblem(value: string): string | undefined {
  const [name = "", digest, ...more] = value.split("@");
  if (digest !== undefined && (more.length > 0 || !/^sha256:[0-9a-f]{64}$/.test(digest)))
    return "must end in a digest of sha256: and 64 hexadecimal digits";
  const repository = name.replace(/:[^:/]*$/, "");
  if (/[A-Z]/.test(repository))
    return "must be lower case: Docker refuses capital letters in a repository's name";
  return /^[a-z0-9][\w.\-/:]*$/.test(name)
    ? undefined
    : 'must be an image reference such as "nvidia/cuda:12.8.1-base-ubuntu22.04"';
}

export const urlWithoutLogin = z
  .url("must be a URL")
  .refine((value) => !hasLogin(value), "must hold no login: it would stand in state and images");
export const size = (rule: string) => z.string(rule).refine((value) => bytesOf(value) !== undefined, rule);
export const version = (example: string) =>
  z.string(`must be a version in quotes such as "${example}": without them YAML drops digits`);
export const argumentName = z.string().regex(/^[A-Za-z_]\w*$/, "must be the name of a build argument");

/** Name of an image in the stack; it becomes part of a reference, so Docker's rule for a path holds. */
export const imageName = z
  .string()
  .regex(/^[a-z0-9]+([._-][a-z0-9]+)*$/, "must be lower case letters and digits, with single . _ - between");

/** The hash in an image's reference. */
export const versionHash = z
  .string('must be the 16 hexadecimal digits of a version, in quotes, such as "0123456789abcdef"')
  .regex(/^[0-9a-f]{16}$/, 'must be the 16 hexadecimal digits of a version, such as "0123456789abcdef"');

export const secretSource = z.union([z.strictObject({ file: text }), z.strictObject({ env: argumentName })], {
  error: 'must be {file: "/path"} or {env: "NAME"}: the value itself never stands in a setting',
});
