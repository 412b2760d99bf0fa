interface Reading<T> {
  readonly at: number;
  readonly value: Promise<T>;
}

/**
 * What many ask for at the same moment is read once; nobody gets what is older than `milliseconds`, or not current any
 * more.
 */
export function sharedReading<T>(
  milliseconds: number,
  read: () => Promise<T>,
  isCurrent: (value: T) => boolean = () => true,
): () => Promise<T> {
  let last: Reading<T> | undefined;
  const forget = (reading: Reading<T>) => {
    if (last === reading) last = undefined;
  };
  return async () => {
    for (;;) {
      const begun = last === undefined || performance.now() - last.at > milliseconds;
      if (begun) last = { at: performance.now(), value: read() };
      const reading = last as Reading<T>;
      try {
        const value = await reading.value;
        // What one has read for itself is as current as it gets.
        if (begun || isCurrent(value)) return value;
      } catch (error) {
        forget(reading);
        throw error;
      }
      forget(reading);
    }
  };
}
