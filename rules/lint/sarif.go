package lint

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
)

// The version of the static analysis results interchange format that is printed.
const (
	sarifVersion = "2.1.0"
	sarifSchema  = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool         `json:"tool"`
	Invocations []sarifInvocation `json:"invocations"`
	ColumnKind  string            `json:"columnKind"`
	Results     []sarifResult     `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID            string       `json:"id"`
	Short         sarifText    `json:"shortDescription"`
	Full          sarifText    `json:"fullDescription"`
	Configuration sarifDefault `json:"defaultConfiguration"`
}

type sarifDefault struct {
	Level string `json:"level"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level   string    `json:"level"`
	Message sarifText `json:"message"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

type sarifLocation struct {
	Physical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region *sarifRegion `json:"region,omitempty"`
	} `json:"physicalLocation"`
}

type sarifRegion struct {
	StartLine   int       `json:"startLine"`
	StartColumn int       `json:"startColumn"`
	Snippet     sarifText `json:"snippet"`
}

// sarif prints one log with one run, which names all checks.
func (p *Printer) sarif(all []Checked) error {
	checks := append([]Check{{Name: FaultCheck, Says: "a rule file that a running Weir refuses", Why: "The former rules run on."}}, Checks()...)
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "weir", Version: p.Version}}, ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	for _, check := range checks {
		level := Warning
		if check.Name == FaultCheck {
			level = Error
		}
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{check.Name, sarifText{check.Says}, sarifText{check.Why}, sarifDefault{string(level)}})
	}
	invocation := sarifInvocation{Successful: true}
	for _, c := range all {
		if c.Error != "" {
			invocation.Successful = false
			invocation.Notifications = append(invocation.Notifications, sarifNotification{string(Error), sarifText{c.Error}})
		}
		for _, problem := range c.Problems {
			at := slices.IndexFunc(checks, func(check Check) bool { return check.Name == problem.Check })
			run.Results = append(run.Results, sarifResult{problem.Check, at, string(problem.Severity), sarifText{told(problem.Fault)}, []sarifLocation{locationOf(problem)}})
		}
	}
	run.Invocations = []sarifInvocation{invocation}
	encoder := json.NewEncoder(p.Out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(sarifLog{sarifSchema, sarifVersion, []sarifRun{run}}); err != nil {
		return fmt.Errorf("print as SARIF: %w", err)
	}
	return nil
}

func locationOf(problem Problem) sarifLocation {
	var out sarifLocation
	file := url.URL{Path: slashed(problem.File)}
	if filepath.IsAbs(problem.File) {
		file.Scheme = "file"
	}
	out.Physical.Artifact.URI = file.String()
	if problem.Line > 0 {
		out.Physical.Region = &sarifRegion{problem.Line, problem.Column, sarifText{problem.Source}}
	}
	return out
}
