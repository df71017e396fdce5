/**
 * Calls back once when the process that started this one is gone (closed terminal, killed Pulumi).
 * Otherwise builds would run on to their end and an orphan would move the friendly tags.
 */
export function onParentGone(callback: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    callback();
  }, 200);
  timer.unref();
}
