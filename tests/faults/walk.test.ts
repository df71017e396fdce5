import { describeWalk } from "./walk.ts";

describeWalk(Number(process.env["GBH_STEPS"] ?? 20));
