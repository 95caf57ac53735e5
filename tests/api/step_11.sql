-- What was new with users.
CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, changed
    TEXT NOT NULL, name TEXT NOT NULL, password TEXT NOT NULL, role TEXT NOT NULL);
CREATE UNIQUE INDEX users_name ON users (name);
CREATE TABLE sessions (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, changed
    TEXT NOT NULL, sha256 TEXT NOT NULL, user_id INTEGER, token_id INTEGER, expires TEXT NOT NULL,
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE, FOREIGN KEY (token_id) REFERENCES
    tokens (id) ON DELETE CASCADE);
CREATE UNIQUE INDEX sessions_sha256 ON sessions (sha256);
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_token_id ON sessions (token_id);
