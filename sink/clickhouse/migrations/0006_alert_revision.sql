-- Which rule files a transition was made by, so that one knows whether they are the same now. Rows from before have ''.
ALTER TABLE alerts ADD COLUMN IF NOT EXISTS revision LowCardinality(String) AFTER reason;
