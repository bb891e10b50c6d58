package demo

import (
	"fmt"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/pipeline"
)

// writeConfig writes what the demo's Weir runs with, so that other commands can be asked of it from any folder. Each start has
// ports of its own, so that what an earlier one wrote is of no use.
func writeConfig(path string, c pipeline.Config) error {
	for _, dir := range []*string{&c.Rules.Dir, &c.Control.Dir} {
		path, err := filepath.Abs(*dir)
		if err != nil {
			return fmt.Errorf("find the folder %s: %w", *dir, err)
		}
		*dir = path
	}
	text, err := yaml.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode the demo's configuration: %w", err)
	}
	text = append([]byte("# What the demo's Weir runs with. Each start of the demo writes it anew.\n"), text...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("write the demo's configuration: %w", err)
	}
	return nil
}
