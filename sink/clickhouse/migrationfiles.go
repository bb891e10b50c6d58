package clickhouse

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// migrations are numbered files; a file once released is never changed.
//
//go:embed migrations/*.sql
var migrations embed.FS

// Migration is a numbered file: statements that bring a schema from the version before to its own.
type Migration struct {
	Version    uint32   `json:"version"`
	Name       string   `json:"name"`
	Statements []string `json:"statements"`
}

// file is what the migration is called in its folder, without the ending.
func (m *Migration) file() string { return fmt.Sprintf("%04d_%s", m.Version, m.Name) }

// readMigrations reads all files, in the order of their numbers.
func readMigrations() ([]Migration, error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list the migrations: %w", err)
	}
	out := make([]Migration, len(files))
	for i, file := range files {
		text, err := migrations.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read a migration: %w", err)
		}
		version, name, err := migrationName(file)
		if err != nil {
			return nil, err
		}
		if i > 0 && version <= out[i-1].Version {
			return nil, fmt.Errorf("migration %s has the number of another: give it the next one", file)
		}
		out[i] = Migration{version, name, splitStatements(string(text))}
	}
	return out, nil
}

// splitStatements cuts a file where a line ends with a semicolon. Comments stay with the statement behind them.
func splitStatements(text string) []string {
	var out []string
	for statement := range strings.SplitSeq(text, ";\n") {
		if statement = strings.TrimSuffix(strings.TrimSpace(statement), ";"); statement != "" {
			out = append(out, statement)
		}
	}
	return out
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
