package pipeline

import (
	"fmt"

	"github.com/weirmq/weir/rules"
)

// explainSyntax says where and why a configuration file is no YAML.
func explainSyntax(path, text string, err error) error {
	line, message := rules.SyntaxFault(text, err)
	if line == 0 {
		return fmt.Errorf("%s: %s", path, message)
	}
	return fmt.Errorf("%s:%d: %s", path, line, message)
}
