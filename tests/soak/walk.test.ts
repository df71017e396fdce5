import { describeWalk } from "../faults/walk.ts";

describeWalk(Number(process.env["GBH_STEPS"] ?? 200));
