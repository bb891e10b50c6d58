package clickhouse

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"
	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// insertColumns writes the encoder's rows in one batch, built anew at every attempt.
func (s *Store) insertColumns(ctx context.Context, e *cellEncoder) error {
	return s.retry(ctx, "insert", func(ctx context.Context) error {
		batch, err := s.conn.PrepareBatch(driver.Context(ctx, driver.WithSettings(s.settings)), insertCells)
		if err != nil {
			return err
		}
		if err := e.fill(batch.Columns()); err != nil {
			return errors.Join(err, batch.Abort())
		}
		return batch.Send()
	})
}

// fill hands the rows to the driver, whole columns at a time: it decodes what was
// encoded as if a server had sent it, which copies them without a look at each value.
func (e *cellEncoder) fill(columns []column.Interface) error {
	if len(columns) != len(cellColumns) {
		return fmt.Errorf("the table takes %d columns, want %d", len(columns), len(cellColumns))
	}
	source := &bytes.Reader{}
	reader := proto.NewReader(source)
	for i, c := range cellColumns {
		if got := string(columns[i].Type()); got != c.kind {
			return fmt.Errorf("column %s is %s, want %s: change it back", c.name, got, c.kind)
		}
		e.out.Reset()
		c.encode(e)
		source.Reset(e.out.Buf)
		if stateful, ok := columns[i].(column.CustomSerialization); ok {
			if err := stateful.ReadStatePrefix(reader); err != nil {
				return fmt.Errorf("hand over column %s: %w", c.name, err)
			}
		}
		if err := columns[i].Decode(reader, e.to-e.from); err != nil {
			return fmt.Errorf("hand over column %s: %w", c.name, err)
		}
	}
	return nil
}
