import { z } from "zod";

export const wholeNumber = "must be a whole number";
export const port = z.int(wholeNumber).min(1, "must be 1–65535").max(65_535, "must be 1–65535");
export const text = z.string("must be text").min(1, "must not be empty");
export const imageReference = z
  .string("must be an image reference")
  .regex(
    /^[a-z0-9][\w.\-/:]*(@sha256:[0-9a-f]{64})?$/,
    'must be an image reference such as "nvidia/cuda:12.8.1-base-ubuntu22.04"',
  );
export const urlWithoutLogin = z
  .url("must be a URL")
  .refine(
    (value) => !URL.canParse(value) || new URL(value).username === "",
    "must hold no login: it would stand in state and images",
  );
export const version = (example: string) => z.string(`must be a version in quotes such as "${example}"`);
export const argumentName = z.string().regex(/^[A-Za-z_]\w*$/, "must be the name of a build argument");

/** Name of an image in the stack; it becomes part of a reference, so Docker's rule for a path holds. */
export const imageName = z
  .string()
  .regex(/^[a-z0-9]+([._-][a-z0-9]+)*$/, "must be lower case letters and digits, with single . _ - between");

export const secretSource = z.union([z.strictObject({ file: text }), z.strictObject({ env: argumentName })], {
  error: 'must be {file: "/path"} or {env: "NAME"}: the value itself never stands in a setting',
});
