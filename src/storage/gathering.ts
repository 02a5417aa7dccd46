import type { Database, Statement, WriteResult } from './database.ts';

/** Items that are written together. */
export interface Gathering<Item, Outcome> {
  /** To be added to until they leave. */
  items: Item[];
  written: Promise<Outcome>;
}

export interface GatheringParts<Item, Outcome> {
  database: Database;
  statementsOf: (items: readonly Item[]) => readonly Statement[];
  outcomeOf: (items: readonly Item[], results: readonly WriteResult[]) => Outcome;
}

/** Items in one unit at most. */
const maxGathered = 500;

/**
 * Lets what comes until the next batch leaves share one unit. The returned function gives the items that leave next; who is
 * `patient` lets them wait for company, as long as nobody else hurries them.
 */
export function createGatherer<Item, Outcome>(
  parts: GatheringParts<Item, Outcome>,
): (patient: boolean) => Gathering<Item, Outcome> {
  const { database } = parts;
  let open: (Gathering<Item, Outcome> & { patient: boolean }) | undefined;

  const begin = (patient: boolean) => {
    const items: Item[] = [];
    const close = () => {
      if (open?.items === items) open = undefined;
    };
    const leave = () => {
      close();
      return parts.statementsOf(items);
    };
    const written = database.write(leave, { patient }).then(
      (results) => parts.outcomeOf(items, results),
      (error: unknown) => {
        close();
        throw error;
      },
    );
    return { items, patient, written };
  };

  return (patient) => {
    if (open === undefined || open.items.length >= maxGathered) open = begin(patient);
    else if (open.patient && !patient) {
      open.patient = false;
      void hurry(database);
    }
    return open;
  };
}

/** Nothing to write, but somebody to wait for it: the batch leaves at the end of this turn of the event loop. */
async function hurry(database: Database): Promise<void> {
  await database.write([]).catch(() => {});
}
