import type { Seat, Seats } from './seats.ts';

/** Counts in this process. */
export function createMemorySeats(): Seats {
  const taken = new Map<string, number>();

  const free = (key: string) => {
    const others = (taken.get(key) ?? 0) - 1;
    if (others > 0) taken.set(key, others);
    else taken.delete(key);
  };

  return {
    take(door, subject, most) {
      const key = `${door.length}:${door}:${subject}`;
      const before = taken.get(key) ?? 0;
      if (before >= most) return Promise.resolve(null);
      taken.set(key, before + 1);
      return Promise.resolve(createSeat(() => free(key)));
    },
    close: () => Promise.resolve(),
  };
}

/** There is always a seat: load tests turn limits off. */
export function createNoSeats(): Seats {
  return {
    take: () => Promise.resolve({ release: () => {} }),
    close: () => Promise.resolve(),
  };
}

function createSeat(free: () => void): Seat {
  let isTaken = true;
  return {
    release() {
      if (isTaken) free();
      isTaken = false;
    },
  };
}
