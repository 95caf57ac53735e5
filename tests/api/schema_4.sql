-- What Postroom made when it first knew of threads.
CREATE TABLE mails (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, changed
    TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL, has_raw INTEGER NOT NULL, state TEXT
    NOT NULL, header_sha256 TEXT NOT NULL, date TEXT NOT NULL, subject TEXT NOT NULL, from_name TEXT
    NOT NULL, from_address TEXT NOT NULL, message_id TEXT NOT NULL, attachment_count INTEGER NOT
    NULL, defects TEXT NOT NULL, parser INTEGER, record TEXT NOT NULL, text TEXT NOT NULL, html TEXT
    NOT NULL, headers TEXT NOT NULL);
CREATE UNIQUE INDEX mails_sha256 ON mails (sha256);
CREATE INDEX mails_date_id ON mails (date, id);
CREATE INDEX mails_from_address_date ON mails (from_address, date);
CREATE TABLE attachments (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL,
    changed TEXT NOT NULL, mail_id INTEGER NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL,
    type TEXT NOT NULL, content_id TEXT NOT NULL, inline INTEGER NOT NULL, size INTEGER NOT NULL,
    sha256 TEXT NOT NULL, part TEXT NOT NULL, FOREIGN KEY (mail_id) REFERENCES mails (id));
CREATE UNIQUE INDEX attachments_mail_id_number ON attachments (mail_id, number);
CREATE TABLE events (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, changed
    TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL, about TEXT NOT NULL);
CREATE TABLE facts (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, changed
    TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL);
CREATE UNIQUE INDEX facts_name ON facts (name);
CREATE TABLE mailboxes (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL,
    changed TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, fingerprint TEXT NOT NULL, epoch
    INTEGER NOT NULL, last_number INTEGER NOT NULL, interval REAL NOT NULL, seen TEXT NOT NULL,
    error TEXT NOT NULL);
CREATE UNIQUE INDEX mailboxes_name ON mailboxes (name);
CREATE TABLE folders (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, changed
    TEXT NOT NULL, mailbox_id INTEGER NOT NULL, epoch INTEGER NOT NULL, name TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL, generation INTEGER NOT NULL, last_number INTEGER NOT NULL, FOREIGN
    KEY (mailbox_id) REFERENCES mailboxes (id));
CREATE UNIQUE INDEX folders_mailbox_id_epoch_name_uidvalidity_generation ON folders (mailbox_id,
    epoch, name, uidvalidity, generation);
CREATE TABLE places (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, changed
    TEXT NOT NULL, folder_id INTEGER NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, mail_id
    INTEGER, state TEXT NOT NULL, server_size INTEGER NOT NULL, verified INTEGER NOT NULL, attempts
    INTEGER NOT NULL, next_try TEXT NOT NULL, FOREIGN KEY (folder_id) REFERENCES folders (id),
    FOREIGN KEY (mail_id) REFERENCES mails (id));
CREATE INDEX places_mail_id ON places (mail_id);
CREATE UNIQUE INDEX places_folder_id_key_version ON places (folder_id, key, version);
CREATE TABLE quarantine (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL,
    changed TEXT NOT NULL, place_id INTEGER, stage TEXT NOT NULL, reason TEXT NOT NULL, attempts
    INTEGER NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL, FOREIGN KEY (place_id) REFERENCES
    places (id));
CREATE UNIQUE INDEX quarantine_place_id ON quarantine (place_id);
CREATE TABLE receipts (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, changed
    TEXT NOT NULL, folder_id INTEGER NOT NULL, pass_id TEXT NOT NULL, complete INTEGER NOT NULL,
    windows TEXT NOT NULL, listed INTEGER NOT NULL, stored INTEGER NOT NULL, quarantined INTEGER NOT
    NULL, refused INTEGER NOT NULL, too_big INTEGER NOT NULL, missing INTEGER NOT NULL, gone INTEGER
    NOT NULL, missing_keys TEXT NOT NULL, server_exists INTEGER, server_uidnext INTEGER,
    server_modseq INTEGER, took REAL NOT NULL, FOREIGN KEY (folder_id) REFERENCES folders (id));
CREATE UNIQUE INDEX receipts_pass_id ON receipts (pass_id);
CREATE INDEX receipts_folder_id_id ON receipts (folder_id, id);
CREATE TABLE stores (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, changed
    TEXT NOT NULL, store TEXT NOT NULL, batch INTEGER NOT NULL);
CREATE UNIQUE INDEX stores_store ON stores (store);
CREATE TABLE tasks (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, changed
    TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, state TEXT NOT
    NULL, lease_until TEXT NOT NULL, worker TEXT NOT NULL, attempts INTEGER NOT NULL, result TEXT
    NOT NULL);
CREATE INDEX tasks_source_state ON tasks (source, state);
CREATE TABLE threaded (mail_id INTEGER NOT NULL PRIMARY KEY, thread INTEGER NOT NULL, date TEXT NOT
    NULL, subject INTEGER, FOREIGN KEY (mail_id) REFERENCES mails (id));
CREATE INDEX threaded_thread_date ON threaded (thread, date);
CREATE INDEX threaded_subject_date ON threaded (subject, date) WHERE (subject IS NOT NULL);
CREATE TABLE thread_keys (key INTEGER NOT NULL PRIMARY KEY, mail_id INTEGER NOT NULL);
CREATE TABLE tokens (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, changed
    TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL, scopes TEXT NOT NULL);
CREATE UNIQUE INDEX tokens_name ON tokens (name);
CREATE UNIQUE INDEX tokens_sha256 ON tokens (sha256);
CREATE VIRTUAL TABLE mail_search USING fts5(     subject, sender, recipients, body, files,
    content='',     tokenize="unicode61 remove_diacritics 0 categories 'L* N* Co Mc Mn'");
CREATE INDEX mails_parser ON mails (parser);
