import { sql } from 'kysely';

/** How a user is called: the full name, else the user name; empty where a left join found nobody. */
export function shownName(table: string) {
  const column = (name: string) => sql.ref(`${table}.${name}`);
  return sql<string>`coalesce(nullif(${column('full_name')}, ''), ${column('username')}, '')`;
}

/** How customers and colleagues know an agent: the full name, else the user name, of which an address shows only what is before its "@". */
export function agentName(table: string) {
  const column = (name: string) => sql.ref(`${table}.${name}`);
  const short = sql`substr(${column('username')}, 1, instr(${column('username')} || '@', '@') - 1)`;
  return sql<string>`coalesce(nullif(${column('full_name')}, ''), ${short}, '')`;
}
