-- Apps that the relay calls: what they call themselves, and where they listen.
ALTER TABLE apps ADD COLUMN package TEXT;
ALTER TABLE apps ADD COLUMN url TEXT;
-- Words, separated by spaces.
ALTER TABLE apps ADD COLUMN permissions TEXT;
-- A JSON array of {"key", "value"}.
ALTER TABLE apps ADD COLUMN settings TEXT;
CREATE UNIQUE INDEX apps_by_package ON apps (package) WHERE revoked_ms IS NULL;
CREATE TRIGGER app_webhook_changed AFTER UPDATE OF package, url, permissions, settings ON apps BEGIN UPDATE state SET revision = revision + 1; END;
