package pipeline

import (
	"fmt"

	"github.com/weirmq/weir/rules"
)

// explainSyntax says where and why a configuration file is no YAML.
func explainSyntax(path, text string, err error) error {
	fault := rules.SyntaxFault(text, err)
	message := fault.Message
	if fault.Hint != "" {
		message += "; " + fault.Hint
	}
	if fault.Line == 0 {
		return fmt.Errorf("%s: %s", path, message)
	}
	return fmt.Errorf("%s:%d: %s", path, fault.Line, message)
}
