/** Frozen: a database that has run this must never see it change. Times are milliseconds. */
export const knowledge = {
  name: '0008-knowledge',
  sqlite: [
    // `name` is that of the file it was imported from. `revision` is the whole table's when the article last changed: what is above the one
    // that somebody has seen is new to them. `search_text` is what the list looks through. The content comes last: it may be long, and lists
    // need not walk through it.
    `CREATE TABLE articles (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      name TEXT UNIQUE,
      title TEXT NOT NULL,
      language TEXT,
      tags TEXT NOT NULL,
      created_by INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      revision INTEGER NOT NULL,
      characters INTEGER NOT NULL,
      search_text TEXT NOT NULL,
      content TEXT NOT NULL
    ) STRICT`,
    `CREATE INDEX articles_updated ON articles (updated_at, id)`,
    `CREATE INDEX articles_revised ON articles (revision, characters)`,

    // Raised by every change of an article.
    `CREATE TABLE articles_revision (
      id INTEGER PRIMARY KEY,
      revision INTEGER NOT NULL
    ) STRICT`,
    `INSERT INTO articles_revision (id, revision) VALUES (1, 0)`,
  ],
  postgres: [],
};
