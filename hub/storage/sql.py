"""What the SQLite engine says to its file."""

UPSERT = (
    "INSERT INTO kv (namespace, key, value, expires) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value, expires = excluded.expires"
)
DELETE = "DELETE FROM kv WHERE namespace = ? AND key = ?"
READ = "SELECT key, value, expires FROM kv WHERE namespace = ? AND key IN (SELECT value FROM json_each(?))"
SCAN = "SELECT key, value FROM kv WHERE ifnull(expires > ?, 1) AND namespace = ? AND key > ? AND key >= ?"
EXPIRED = (
    "SELECT namespace, key, expires FROM kv WHERE expires <= ?1"
    " UNION ALL SELECT '', '', min(expires) FROM kv WHERE expires > ?1"
)

# The store's clock is a row of a namespace that no plugin can have.
CLOCK = ("", "clock")
BEGIN = (
    "SELECT (SELECT value FROM kv WHERE namespace = ? AND key = ?),"
    " (SELECT min(expires) FROM kv WHERE expires IS NOT NULL)"
)

LOG = "INSERT INTO log (data) VALUES (?)"
TRIM_LOG = "DELETE FROM log WHERE id <= (SELECT max(id) FROM log) - ?"
READ_LOG = "SELECT data FROM log ORDER BY id DESC LIMIT 1 OFFSET ?"

# Of a file of whatever schema.
FIND = "SELECT value FROM kv WHERE namespace = ? AND key = ?"
KEEP = (
    "INSERT INTO kv (namespace, key, value) VALUES (?, ?, ?)"
    " ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value"
)
