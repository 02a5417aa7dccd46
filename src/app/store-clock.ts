import type { Runtime } from '../core/runtime.ts';

/** The clock of a store that several nodes share: what one of them writes is judged by the others. */
export interface StoreClock {
  now(): number;
}

const samples = 3;
/** Clocks drift by some milliseconds an hour. */
const adjustEveryMs = 60_000;
/** An answer that took longer says less than what is known: it is out by half of that, and leases last some seconds. */
const worthlessMs = 500;

/** Follows the store's clock, as exactly as a round trip allows. Rejects where the store cannot be asked. */
export async function openStoreClock(parts: {
  storeNow: () => Promise<number>;
  runtime: Pick<Runtime, 'now' | 'elapsed'>;
}): Promise<StoreClock> {
  const { storeNow, runtime } = parts;
  let offset = 0;

  const measure = async () => {
    const sent = runtime.elapsed();
    const theirs = await storeNow();
    const took = runtime.elapsed() - sent;
    return { took, offset: theirs + took / 2 - runtime.now() };
  };
  let isKnown = false;
  const adjust = async () => {
    let best = await measure();
    for (let more = 1; more < samples; more++) {
      const next = await measure();
      if (next.took < best.took) best = next;
    }
    if (isKnown && best.took > worthlessMs) return;
    offset = Math.round(best.offset);
    isKnown = true;
  };
  await adjust();
  // A store that is away for a while leaves the clock as it was.
  setInterval(() => void adjust().catch(() => {}), adjustEveryMs).unref();
  return { now: () => runtime.now() + offset };
}
