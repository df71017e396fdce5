import type { DockerfileFacts } from "../../../lib/doctor/dockerfile-rules/index.ts";

/** What it shows, the Dockerfile, the lines at which the rule speaks (with ! for FAIL), what is known around it. */
export type Case = [what: string, text: string, lines: string, facts?: Partial<DockerfileFacts>];

/** Versions of the base. */
export const base = { cuda: "12.8", torch: "2.7.1", python: "3.10" };
/** A first line: on our base. */
export const ours = "FROM cuda-base:runtime-12.8\n";
/** A first line: on an image that is not ours. */
export const py = "FROM python:3.11-slim\n";
export const digest = `sha256:${"a".repeat(64)}`;
