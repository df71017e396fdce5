import { join } from "node:path";

/** The project's folder: npm starts every command there. */
export const projectRoot = process.cwd();

/** Everything of the sandbox lies here. */
export const sandboxRoot = join(projectRoot, ".sandbox");
export const sandboxBackend = join(sandboxRoot, "pulumi");
