package lint

import (
	"encoding/xml"
	"fmt"
	"path/filepath"
)

// checkstyleVersion is the version of Checkstyle whose report is printed: readers look at the elements, which are the same in
// all versions since 1.
const checkstyleVersion = "4.3"

type checkstyleReport struct {
	XMLName xml.Name         `xml:"checkstyle"`
	Version string           `xml:"version,attr"`
	Files   []checkstyleFile `xml:"file"`
}

type checkstyleFile struct {
	Name   string            `xml:"name,attr"`
	Errors []checkstyleError `xml:"error"`
}

type checkstyleError struct {
	Line     int    `xml:"line,attr"`
	Column   int    `xml:"column,attr,omitempty"`
	Severity string `xml:"severity,attr"`
	Message  string `xml:"message,attr"`
	Source   string `xml:"source,attr"`
}

// checkstyle prints a report of Checkstyle, as Jenkins and others read it. A folder that cannot be read stands for a file.
func (p *Printer) checkstyle(all []Checked) error {
	report := checkstyleReport{Version: checkstyleVersion}
	for _, c := range all {
		if c.Error != "" {
			report.Files = append(report.Files, checkstyleFile{slashed(c.Dir), []checkstyleError{{1, 0, string(Error), c.Error, "weir." + FaultCheck}}})
		}
		for _, problem := range c.Problems {
			name := slashed(problem.File)
			if n := len(report.Files); n == 0 || report.Files[n-1].Name != name {
				report.Files = append(report.Files, checkstyleFile{Name: name})
			}
			file := &report.Files[len(report.Files)-1]
			file.Errors = append(file.Errors, checkstyleError{max(problem.Line, 1), problem.Column, string(problem.Severity), told(problem.Fault), "weir." + problem.Check})
		}
	}
	text, err := xml.MarshalIndent(report, "", "  ")
	if err != nil {
		return fmt.Errorf("print as checkstyle: %w", err)
	}
	if _, err := fmt.Fprintf(p.Out, "%s%s\n", xml.Header, text); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// slashed is a path as other systems' tools read it.
func slashed(path string) string { return filepath.ToSlash(path) }
