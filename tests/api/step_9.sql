-- What was new with scripts.
CREATE TABLE scripts (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, changed
    TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL, enabled INTEGER NOT NULL, origin
    TEXT NOT NULL, gone TEXT NOT NULL, version INTEGER NOT NULL, arguments TEXT NOT NULL, secrets
    TEXT NOT NULL, seconds REAL NOT NULL, megabytes INTEGER NOT NULL, network INTEGER NOT NULL,
    scheduled_time TEXT NOT NULL, repeat_after REAL NOT NULL, cron TEXT NOT NULL, time_zone TEXT NOT
    NULL, on_mail TEXT NOT NULL, on_file TEXT NOT NULL, overlap TEXT NOT NULL, missed TEXT NOT NULL,
    retries INTEGER NOT NULL, keep_runs INTEGER NOT NULL, keep_days REAL NOT NULL, keep_megabytes
    REAL NOT NULL, planned TEXT NOT NULL, event INTEGER NOT NULL);
CREATE UNIQUE INDEX scripts_name ON scripts (name);
CREATE INDEX tasks_leased ON tasks (lease_until) WHERE state = 'leased';
CREATE TABLE replays (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, changed
    TEXT NOT NULL, script_id INTEGER NOT NULL, version INTEGER NOT NULL, arguments TEXT NOT NULL, of
    TEXT NOT NULL, filters TEXT NOT NULL, state TEXT NOT NULL, task_id INTEGER, claim TEXT NOT NULL,
    total INTEGER NOT NULL, completed INTEGER NOT NULL, failed INTEGER NOT NULL, previous INTEGER,
    counts TEXT NOT NULL, ended TEXT NOT NULL, FOREIGN KEY (script_id) REFERENCES scripts (id),
    FOREIGN KEY (task_id) REFERENCES tasks (id));
CREATE INDEX replays_script_id ON replays (script_id);
CREATE TABLE replay_items (replay_id INTEGER NOT NULL, item INTEGER NOT NULL, status TEXT NOT NULL,
    sha256 TEXT NOT NULL, cut INTEGER NOT NULL, was TEXT NOT NULL, error TEXT NOT NULL, output TEXT
    NOT NULL, PRIMARY KEY (replay_id, item), FOREIGN KEY (replay_id) REFERENCES replays (id));
CREATE INDEX replayitem_replay_id_status_item ON replay_items (replay_id, status, item);
CREATE TABLE runs (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, changed
    TEXT NOT NULL, script_id INTEGER NOT NULL, version INTEGER NOT NULL, status TEXT NOT NULL, kind
    TEXT NOT NULL, trigger TEXT NOT NULL, arguments TEXT NOT NULL, mail_id INTEGER, file_id INTEGER,
    event INTEGER, key TEXT, asked TEXT NOT NULL, task_id INTEGER, claim TEXT NOT NULL, worker TEXT
    NOT NULL, token TEXT NOT NULL, attempt INTEGER NOT NULL, stop INTEGER NOT NULL, started TEXT NOT
    NULL, ended TEXT NOT NULL, exit_code INTEGER, error TEXT NOT NULL, isolation TEXT NOT NULL,
    output_key TEXT NOT NULL, output_size INTEGER NOT NULL, output_sha256 TEXT NOT NULL, size
    INTEGER NOT NULL, log_out INTEGER NOT NULL, log_err INTEGER NOT NULL, artefacts TEXT NOT NULL,
    FOREIGN KEY (script_id) REFERENCES scripts (id), FOREIGN KEY (task_id) REFERENCES tasks (id));
CREATE INDEX runs_task_id ON runs (task_id);
CREATE INDEX runs_script_id_status_id ON runs (script_id, status, id);
CREATE INDEX runs_script_id_kind_id ON runs (script_id, kind, id);
CREATE INDEX runs_status_id ON runs (status, id);
CREATE INDEX runs_kind_id ON runs (kind, id);
CREATE INDEX runs_created_id ON runs (created, id);
CREATE INDEX runs_pending ON runs (script_id, claim) WHERE status = 'pending';
CREATE UNIQUE INDEX runs_key ON runs (script_id, key) WHERE (key IS NOT NULL);
CREATE UNIQUE INDEX runs_event ON runs (script_id, event) WHERE (event IS NOT NULL);
CREATE INDEX runs_token ON runs (token) WHERE token <> '';
CREATE INDEX runs_output ON runs (output_key) WHERE output_key <> '';
CREATE TABLE run_logs (id INTEGER NOT NULL PRIMARY KEY, run_id INTEGER NOT NULL, attempt INTEGER NOT
    NULL, stream TEXT NOT NULL, offset INTEGER NOT NULL, size INTEGER NOT NULL, cut INTEGER NOT
    NULL, text TEXT NOT NULL, FOREIGN KEY (run_id) REFERENCES runs (id));
CREATE UNIQUE INDEX runlog_run_id_attempt_stream_offset ON run_logs (run_id, attempt, stream,
    offset);
CREATE TABLE script_versions (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL,
    changed TEXT NOT NULL, script_id INTEGER NOT NULL, number INTEGER NOT NULL, sha256 TEXT NOT
    NULL, source TEXT NOT NULL, FOREIGN KEY (script_id) REFERENCES scripts (id));
CREATE UNIQUE INDEX script_versions_script_id_number ON script_versions (script_id, number);
CREATE TABLE slots (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, changed
    TEXT NOT NULL, script_id INTEGER NOT NULL, slot TEXT NOT NULL, state TEXT NOT NULL, run_id
    INTEGER, FOREIGN KEY (script_id) REFERENCES scripts (id), FOREIGN KEY (run_id) REFERENCES runs
    (id));
CREATE UNIQUE INDEX slots_script_id_slot ON slots (script_id, slot);
CREATE INDEX slots_run_id ON slots (run_id);
