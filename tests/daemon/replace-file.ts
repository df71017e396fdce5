import { replaceFile } from "../../lib/daemon/atomic-file.ts";

// Child of atomic-file.test.ts, in a mount namespace of its own: says what stood in the way.
await replaceFile(process.argv[2]!, "new", { mode: 0o644 }).then(
  () => console.log("written"),
  (error: Error) => console.log(error.message),
);
