/** Where a Redis is, and as whom it is asked. */
export interface RedisAddress {
  host: string;
  port: number;
  username: string | undefined;
  password: string | undefined;
  /** The number of the database, 0 and up. */
  db: number;
  tls: boolean;
}

/** Reads `redis://` or, encrypted, `rediss://user:password@host:port/db`. Throws a `RangeError`, without the address, where the database is no number. */
export function readAddress(url: string): RedisAddress {
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  const db = pathname.replace(/^\//, '');
  if (!/^\d{0,6}$/.test(db)) throw new RangeError('the database in the address of Redis is not a number');
  return {
    // IPv6 stands in brackets in an address, and nowhere else.
    host: hostname.replace(/^\[(.*)\]$/, '$1') || '127.0.0.1',
    port: port === '' ? 6379 : Number(port),
    username: username === '' ? undefined : decodeURIComponent(username),
    password: password === '' ? undefined : decodeURIComponent(password),
    db: Number(db),
    tls: protocol === 'rediss:',
  };
}
