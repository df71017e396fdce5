import type { Answer, Fact } from "../types.ts";
import { isInRange } from "../versions.ts";
import { fails, pinFact, settingFact, unknown, warns, works } from "./answers.ts";
import type { Context, ImagePins } from "./context.ts";

/** WhisperX's own requirements of torch and Python, and of the packages that are pinned beside it. */
export function whisperx(context: Context): Answer[] {
  return context.images.flatMap((image) => judge(context, image));
}

function judge({ combination, data }: Context, { pins }: ImagePins): Answer[] {
  const pin = pins.get("whisperx");
  if (!pin) return [];
  const rule = "whisperx-requires";
  const row = data.whisperx.find((one) => one.whisperx === pin.version);
  if (!row)
    return [
      unknown(rule, "install", {
        text: `What whisperx ${pin.version} requires is not in the data`,
        facts: [pinFact(pin)],
      }),
    ];
  const asked: [name: string, range: string | null, fact: Fact | undefined][] = [
    ["torch", row.torch, settingFact("torch", combination.torch)],
    ["python", row.python, settingFact("python", combination.python)],
    ...(["ctranslate2", "pyannote-audio", "numpy", "torchaudio"] as const).map((name) => {
      const other = pins.get(name);
      const range = {
        ctranslate2: row.ctranslate2,
        "pyannote-audio": row.pyannoteAudio,
        numpy: row.numpy,
        torchaudio: row.torchaudio,
      }[name];
      return [name, range, other && pinFact(other)] as [string, string | null, Fact | undefined];
    }),
  ];
  const answers = asked.flatMap(([name, range, fact]): Answer[] => {
    if (!range || !fact || isInRange(fact.value, range) !== false) return [];
    return [
      fails(rule, "install", {
        text: `whisperx ${pin.version} requires ${name} ${range}; it gets ${fact.value}`,
        facts: [pinFact(pin), fact],
        sources: row.sources,
        fix: name === "torch" ? fixFor(data, combination.torch) : `pin ${name}${range}`,
      }),
    ];
  });
  if (answers.length === 0)
    answers.push(
      works(rule, {
        text: `whisperx ${pin.version} takes torch ${combination.torch} and Python ${combination.python}`,
        facts: [pinFact(pin), settingFact("torch", combination.torch)],
        sources: row.sources,
      }),
    );
  if (row.isYanked)
    answers.push(
      warns("yanked", {
        text: `whisperx ${pin.version} is yanked on PyPI: it installs only by its exact version`,
        facts: [pinFact(pin)],
        sources: row.sources,
      }),
    );
  return answers;
}

/** The newest release whose metadata takes this torch, and of which no clash with it is known. */
function fixFor(data: Context["data"], torch: string): string {
  const clashes = data.packageClashes.filter(
    (clash) => clash.package === "torch" && isInRange(torch, clash.versions) === true,
  );
  const row = data.whisperx.findLast(
    (one) =>
      one.torch !== null &&
      isInRange(torch, one.torch) === true &&
      !clashes.some(({ when }) => when["whisperx"] && isInRange(one.whisperx, when["whisperx"]) === true),
  );
  return row ? `pin whisperx==${row.whisperx}` : "take a torch that it allows";
}
