import { entriesOf } from "../../lib/daemon/desired.ts";
import { settle } from "../../lib/daemon/settle.ts";

// Child of strict-file.test.ts, in a mount namespace of its own: settles a file whose engine is stopped, says what stood in the way.
const [file, ledgerFolder] = process.argv.slice(2) as [string, string];
void settle(
  {
    file,
    daemon: undefined,
    stack: "dev",
    entries: entriesOf(["http://ours"], { "live-restore": true }),
    previously: [],
    allowRestart: false,
    override: false,
  },
  { ledgerFolder, log: () => undefined },
).then(
  () => console.log("written"),
  (error: Error) => console.log(error.message),
);
