import { describeWholeStack } from "./whole-stack.ts";

describeWholeStack({ release: "testing", imageStore: "overlay2" });
describeWholeStack({ release: "testing", imageStore: "containerd" });
