package weir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/control/boundedfile"
)

// cachedRecord is a record of weir.control as the cache has it.
type cachedRecord struct {
	Key    string          `json:"key"`
	Value  json.RawMessage `json:"value"`
	Offset int64           `json:"offset"`
}

// routePrefix begins the keys of routes.
const routePrefix = "route/"

// writeCache replaces the cache whole, so that a program that dies meanwhile leaves one of the two.
func writeCache(path string, records []control.Record) error {
	if path == "" {
		return nil
	}
	cached := []cachedRecord{}
	for _, r := range records {
		if bytes.HasPrefix(r.Key, []byte(routePrefix)) { // nobody asks it for commands
			cached = append(cached, cachedRecord{string(r.Key), r.Value, r.Offset})
		}
	}
	text, err := json.Marshal(cached)
	if err != nil {
		return err
	}
	if len(text) > maxFileBytes {
		return fmt.Errorf("it would have %d bytes, and at most %d can be read: what was written before stays", len(text), maxFileBytes)
	}
	next, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = next.Write(text)
	if err = errors.Join(err, next.Close()); err == nil {
		err = os.Rename(next.Name(), path)
	}
	if err != nil {
		_ = os.Remove(next.Name())
	}
	return err
}

// readCache is what writeCache wrote last.
func readCache(path string) ([]control.Record, error) {
	if path == "" {
		return nil, errors.New("TopicConfig.Cache names none")
	}
	text, err := boundedfile.Read(path, maxFileBytes)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	cached, err := decodeList[cachedRecord](text, control.MaxRoutes+control.MaxCommands) // caches of before had commands, too
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	records := make([]control.Record, 0, len(cached))
	for _, r := range cached {
		records = append(records, control.Record{Key: []byte(r.Key), Value: r.Value, Offset: r.Offset})
	}
	return records, nil
}
