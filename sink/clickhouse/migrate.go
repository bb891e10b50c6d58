package clickhouse

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/cenkalti/backoff/v5"
)

// migrations are numbered files; a file once released is never changed.
//
//go:embed migrations/*.sql
var migrations embed.FS

const createSchemaMigrations = `CREATE TABLE IF NOT EXISTS schema_migrations (
	version UInt32, name String, applied_at DateTime('UTC') DEFAULT now()
) ENGINE = ReplacingMergeTree ORDER BY version`

// Migrate brings the schema up to date, trying until it succeeds or ctx ends. Every
// statement may run twice, also by two processes at once. A schema newer than this
// program is an error.
func (s *Store) Migrate(ctx context.Context) error {
	return s.retry(ctx, "migrate the schema", s.migrate)
}

func (s *Store) migrate(ctx context.Context) error {
	if err := s.conn.Exec(ctx, createSchemaMigrations); err != nil {
		return err
	}
	var applied uint32
	if err := s.conn.QueryRow(ctx, "SELECT max(version) FROM schema_migrations").Scan(&applied); err != nil {
		return err
	}
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return backoff.Permanent(err)
	}
	var newest uint32
	for _, file := range files {
		version, name, err := migrationName(file)
		if err != nil {
			return backoff.Permanent(err)
		}
		newest = max(newest, version)
		if version <= applied {
			continue
		}
		if err := s.apply(ctx, file); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := s.conn.Exec(ctx, "INSERT INTO schema_migrations (version, name) VALUES (?, ?)", version, name); err != nil {
			return err
		}
	}
	if applied > newest {
		return backoff.Permanent(fmt.Errorf("the schema has version %d, this program knows %d: run a newer weir", applied, newest))
	}
	return nil
}

func (s *Store) apply(ctx context.Context, file string) error {
	text, err := migrations.ReadFile(file)
	if err != nil {
		return backoff.Permanent(err)
	}
	for statement := range strings.SplitSeq(string(text), ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		steps, err := s.hourly(ctx, statement)
		if err != nil {
			return err
		}
		for _, step := range steps {
			if err := s.conn.Exec(ctx, step); err != nil {
				return err
			}
		}
	}
	return nil
}

// migrationName splits migrations/0001_name.sql.
func migrationName(file string) (version uint32, name string, err error) {
	base := strings.TrimSuffix(strings.TrimPrefix(file, "migrations/"), ".sql")
	digits, name, ok := strings.Cut(base, "_")
	if !ok {
		return 0, "", errors.New("migration " + file + " is not named 0001_name.sql")
	}
	number, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0, "", fmt.Errorf("migration %s: %w", file, err)
	}
	return uint32(number), name, nil
}
