-- What rules look at besides, so that history can be evaluated as it was lived: when a gauge was measured, and whether the client
-- said that it stopped or paused. Rows from before have 0 and false.
ALTER TABLE rollup_10s ADD COLUMN IF NOT EXISTS `gauge.at` Array(DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)) AFTER `gauge.max`;
ALTER TABLE rollup_10s ADD COLUMN IF NOT EXISTS stopped Bool AFTER `gauge.at`;
