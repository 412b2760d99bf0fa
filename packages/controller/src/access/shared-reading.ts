/** What many ask for at the same moment is read once; nobody gets what is older than `milliseconds`. */
export function sharedReading<T>(milliseconds: number, read: () => Promise<T>): () => Promise<T> {
  let last: { readonly at: number; readonly value: Promise<T> } | undefined;
  return () => {
    if (last && performance.now() - last.at <= milliseconds) return last.value;
    const reading = { at: performance.now(), value: read() };
    last = reading;
    // A failure is nobody else's.
    reading.value.catch(() => {
      if (last === reading) last = undefined;
    });
    return reading.value;
  };
}
