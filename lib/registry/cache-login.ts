import { readFileSync } from "node:fs";
import type { SecretSource } from "../secrets/source.ts";

/** Login of a cache at its upstream. */
export interface CacheLogin {
  username: string;
  password: SecretSource;
}

/** What is wrong with a login's password, without its value; undefined where it can be used. */
export function loginProblem(
  key: string,
  login: CacheLogin,
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  const read = readPassword(login.password, env);
  return "problem" in read ? `${key}.password comes from ${read.problem}` : undefined;
}

/**
 * The answer of Docker's credential helper protocol. Its text holds the password: it goes into a file and nowhere else.
 *
 * @throws Error without the value where the password cannot be had.
 */
export function helperAnswer(
  login: CacheLogin,
  server: string,
  env: NodeJS.ProcessEnv = process.env,
): string {
  const read = readPassword(login.password, env);
  if ("problem" in read) throw new Error(`the password comes from ${read.problem}`);
  return `${JSON.stringify({ ServerURL: server, Username: login.username, Secret: read.value })}\n`;
}

/**
 * Value of an `Authorization` header.
 *
 * @throws Error without the value where the password cannot be had.
 */
export function basicAuthorization(login: CacheLogin, env: NodeJS.ProcessEnv = process.env): string {
  const read = readPassword(login.password, env);
  if ("problem" in read) throw new Error(`the password comes from ${read.problem}`);
  return `Basic ${Buffer.from(`${login.username}:${read.value}`).toString("base64")}`;
}

function readPassword(source: SecretSource, env: NodeJS.ProcessEnv): { value: string } | { problem: string } {
  if ("env" in source) {
    const value = env[source.env];
    const what = `the variable ${source.env}, which`;
    if (!value)
      return {
        problem: `${what} is ${value === "" ? "empty" : "not set"}: export ${source.env}=… and run again`,
      };
    return checked(value, what);
  }
  try {
    // An editor ends every file with a line break: one is no part of the password.
    return checked(readFileSync(source.file, "utf8").replace(/\r?\n$/, ""), `the file ${source.file}, which`);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason =
      code === "ENOENT" ? "does not exist" : code === "EISDIR" ? "is a folder" : "cannot be read";
    return { problem: `the file ${source.file}, which ${reason}: create it or change the setting` };
  }
}

function checked(value: string, what: string): { value: string } | { problem: string } {
  if (value === "") return { problem: `${what} is empty: put the password or token into it` };
  if (/[\r\n]$/.test(value))
    return { problem: `${what} ends in a line break (pasted?): write it with printf` };
  if (/[\0\r\n]/.test(value))
    return { problem: `${what} has more than one line: it must hold the password alone` };
  return { value };
}
