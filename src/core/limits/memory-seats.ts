import type { Seat, Seats } from './seats.ts';

/** Counts seats in this process. */
export function createMemorySeats(): Seats {
  const taken = new Map<string, number>();

  const seatAt = (key: string): Seat => {
    let held = true;
    return {
      release() {
        if (!held) return;
        held = false;
        const left = (taken.get(key) ?? 0) - 1;
        if (left > 0) taken.set(key, left);
        else taken.delete(key);
      },
    };
  };
  return {
    take(door, subject, most) {
      const key = `${door} ${subject}`;
      const count = taken.get(key) ?? 0;
      if (count >= most) return Promise.resolve(null);
      taken.set(key, count + 1);
      return Promise.resolve(seatAt(key));
    },
    close: () => Promise.resolve(),
  };
}
