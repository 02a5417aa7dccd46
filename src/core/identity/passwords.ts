import { createWaitingLine } from './waiting-line.ts';

/** The part of `@node-rs/argon2` that is used. */
export interface Argon2 {
  hash(password: string): Promise<string>;
  verify(hash: string, password: string): Promise<boolean>;
}

/** Hashes of passwords: argon2id. */
export interface Passwords {
  /** Throws `overloaded` where too many wait. */
  hash(password: string): Promise<string>;
  /**
   * Whether `password` is the one that was hashed. Without a hash, where there is no such user, it is never so, after the
   * same work. Throws `overloaded` where too many wait.
   */
  verify(password: string, hash: string | undefined): Promise<boolean>;
}

/** Of a random password that nobody has kept, by the parameters that `hash` uses. */
const dummyHash =
  '$argon2id$v=19$m=19456,t=2,p=1$g6Yd068AXAV9Uxy8uX2Z4Q$Zck+QSxecQJazgiVVrgwzpYRa1iEte/Sp3/b8CKd5qI';

/** A hash takes 19 MiB and a core for some 20 ms: a flood of logins waits, and must not eat the machine. */
const hashesAtOnce = 2;
const hashesWaiting = 100;

/** OWASP's parameters (19 MiB, 2 passes, 1 lane) are the library's defaults. It is loaded when first used. */
export function createPasswords({ load = loadArgon2 }: { load?: () => Promise<Argon2> } = {}): Passwords {
  const line = createWaitingLine({ atOnce: hashesAtOnce, waiting: hashesWaiting });
  return {
    hash: (password) => line.take(async () => (await load()).hash(password)),
    verify: (password, hash) =>
      line.take(async () => {
        const matches = await (await load()).verify(hash ?? dummyHash, password);
        return matches && hash !== undefined;
      }),
  };
}

function loadArgon2(): Promise<Argon2> {
  return import('@node-rs/argon2');
}
