import { describeWholeStack } from "../integration/whole-stack.ts";

describeWholeStack({ release: "go29", imageStore: "overlay2" });
describeWholeStack({ release: "go29", imageStore: "containerd" });
