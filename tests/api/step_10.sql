-- What was new with webhooks and alarms.
CREATE TABLE alarms (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, changed
    TEXT NOT NULL, subject TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL, about TEXT NOT
    NULL, event INTEGER NOT NULL, ended TEXT NOT NULL, acknowledged TEXT NOT NULL, told TEXT NOT
    NULL, told_end TEXT NOT NULL);
CREATE UNIQUE INDEX alarms_open ON alarms (subject) WHERE ended = '';
CREATE TABLE alarm_mails (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL,
    changed TEXT NOT NULL, message_id TEXT NOT NULL, state TEXT NOT NULL, task_id INTEGER, claim
    TEXT NOT NULL, attempts INTEGER NOT NULL, error TEXT NOT NULL, next_try TEXT NOT NULL, sent_at
    TEXT NOT NULL, content TEXT NOT NULL, FOREIGN KEY (task_id) REFERENCES tasks (id));
CREATE UNIQUE INDEX alarm_mails_message_id ON alarm_mails (message_id);
CREATE TABLE webhooks (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, changed
    TEXT NOT NULL, name TEXT NOT NULL, url TEXT NOT NULL, secret TEXT NOT NULL, kinds TEXT NOT NULL,
    sources TEXT NOT NULL, enabled INTEGER NOT NULL, disabled TEXT NOT NULL, event INTEGER NOT NULL,
    failures INTEGER NOT NULL, failing INTEGER NOT NULL, last_error TEXT NOT NULL, last_error_at
    TEXT NOT NULL, last_delivered_at TEXT NOT NULL, task_id INTEGER, claim TEXT NOT NULL, FOREIGN
    KEY (task_id) REFERENCES tasks (id));
CREATE TABLE webhook_deliveries (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, created TEXT NOT
    NULL, changed TEXT NOT NULL, webhook_id INTEGER NOT NULL, event INTEGER NOT NULL, kind TEXT NOT
    NULL, source TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, status INTEGER,
    error TEXT NOT NULL, next_try TEXT NOT NULL, ended TEXT NOT NULL, body TEXT NOT NULL, FOREIGN
    KEY (webhook_id) REFERENCES webhooks (id));
CREATE UNIQUE INDEX webhook_deliveries_webhook_id_event ON webhook_deliveries (webhook_id, event);
CREATE INDEX webhook_deliveries_webhook_id_id ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, event) WHERE state = 'due';
CREATE INDEX webhook_deliveries_over ON webhook_deliveries (ended) WHERE state <> 'due';
