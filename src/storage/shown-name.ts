import { sql } from 'kysely';

/** How a user is called: the full name, else the user name; empty where a left join found nobody. */
export function shownName(table: string) {
  const column = (name: string) => sql.ref(`${table}.${name}`);
  return sql<string>`coalesce(nullif(${column('full_name')}, ''), ${column('username')}, '')`;
}
