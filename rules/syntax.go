package rules

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

var (
	syntaxLine = regexp.MustCompile(`^line (\d+): (.*)$`)
	// What the YAML parser finds, which counts lines from 0; the scanner below it counts them from 1.
	fromZero = regexp.MustCompile(`^did not find expected (<|node content|key|'-'|',')`)
	// What is said of a tab where the indentation belongs: of the line itself, or of the text that began before it.
	tabFault = regexp.MustCompile(`^found (character that cannot start any token|a tab character that violates indentation)`)
	// tabbed is a line that has a tab in its indentation.
	tabbed = regexp.MustCompile(`^ *\t`)
)

// maxSought bounds the texts in which the line of a fault is sought. Not smaller: a pack of rules has that; not larger: it is read
// again a dozen times.
const maxSought = 256 << 10

// errNotUTF8 is why a text that YAML may read all the same is refused: its columns are not those that people see.
var errNotUTF8 = errors.New("the text is not UTF-8")

// Undecoded is the fault of a file that is not UTF-8, none of one that is; path is for messages only. It is asked before YAML is,
// which reads UTF-16 too.
func Undecoded(path string, content []byte) Faults {
	if utf8.Valid(content) {
		return nil
	}
	d := &decoder{path: path, lines: lineBreak.Split(string(content), -1)}
	d.syntax(string(content), errNotUTF8)
	return d.faults
}

// SyntaxFault says where a text is no YAML, why, and what is likely to mend it; err is what the YAML library returned for the text.
// Line is 0 where the place is not known. Configuration files are said to be wrong in the same words.
func SyntaxFault(text string, err error) Fault {
	if !utf8.ValidString(text) {
		return undecoded(text)
	}
	said := strings.TrimPrefix(err.Error(), "yaml: ")
	if said == "control characters are not allowed" {
		return controlled(text)
	}
	lines := lineBreak.Split(text, -1)
	fault := Fault{Message: said}
	if match := syntaxLine.FindStringSubmatch(said); match != nil {
		fault.Line, _ = strconv.Atoi(match[1]) // digits
		fault.Message = match[2]
		if fromZero.MatchString(fault.Message) {
			fault.Line++
		}
	}
	last := len(lines)
	if last > 1 && lines[last-1] == "" {
		last-- // the text ends with the end of a line
	}
	fault.Line = min(fault.Line, last)
	if match := tabFault.FindStringSubmatch(fault.Message); match != nil {
		at := max(fault.Line, 1)
		for strings.HasPrefix(match[1], "a tab") && at < last && !tabbed.MatchString(lines[at-1]) {
			at++
		}
		if tabbed.MatchString(lines[at-1]) {
			return Fault{Line: at, Column: 1, Message: "a tab in the indentation: YAML takes only spaces there"}
		}
	}
	if sought := firstFailing(text, said); sought > 0 {
		fault.Line = min(sought, last)
		meantByYAML(&fault, lines)
	}
	return fault
}

// firstFailing is the line at which YAML stops, 0 where that is not known: what is written up to it fails as all of the text does,
// and what is written before it does not. The library names the line where that began which the fault is in.
func firstFailing(text, said string) int {
	if len(text) > maxSought {
		return 0
	}
	breaks := lineBreak.FindAllStringIndex(text, -1)
	until := func(line int) string {
		if line > len(breaks) {
			return text
		}
		return text[:breaks[line-1][1]]
	}
	low, high := 1, len(breaks)+1
	for low < high {
		if middle := (low + high) / 2; failure(until(middle)) == said {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

// failure is what YAML says of a text, "" where nothing is wrong with it.
func failure(text string) string {
	for documents := yaml.NewDecoder(strings.NewReader(text)); ; {
		var document yaml.Node
		if err := documents.Decode(&document); errors.Is(err, io.EOF) {
			return ""
		} else if err != nil {
			return strings.TrimPrefix(err.Error(), "yaml: ")
		}
	}
}

// undecoded says where a text is not UTF-8.
func undecoded(text string) Fault {
	fault := Fault{Line: 1, Column: 1, Message: "not UTF-8", Hint: "save the file as UTF-8"}
	if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
		fault.Message = "the file is UTF-16"
		return fault
	}
	at := 0
	for at < len(text) {
		r, width := utf8.DecodeRuneInString(text[at:])
		if r == utf8.RuneError && width == 1 {
			break
		}
		at += width
	}
	fault.Line, fault.Column = placeIn(text, at)
	fault.Message = fmt.Sprintf("not UTF-8: a byte 0x%02x", text[at])
	return fault
}

// controlled says where a text has a character that YAML does not take.
func controlled(text string) Fault {
	for at, c := range text {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c >= 0x7f && c < 0xa0 && c != 0x85 {
			fault := Fault{Message: fmt.Sprintf("a control character U+%04X, which YAML does not take", c), Hint: "take it out"}
			fault.Line, fault.Column = placeIn(text, at)
			return fault
		}
	}
	return Fault{Message: "control characters are not allowed"}
}

// placeIn is the line and the column of a byte of a text.
func placeIn(text string, at int) (line, column int) {
	before := lineBreak.Split(text[:at], -1)
	return len(before), 1 + utf8.RuneCountInString(before[len(before)-1])
}

// syntax reports what the YAML parser said.
func (d *decoder) syntax(text string, err error) {
	fault := SyntaxFault(text, err)
	var typed *yaml.TypeError
	if errors.As(err, &typed) {
		fault.Message = strings.Join(typed.Errors, "; ")
	}
	fault.File, fault.Line = d.path, max(fault.Line, 1)
	fault.Source = d.line(fault.Line)
	if fault.Column == 0 {
		fault.Column = 1 + len(fault.Source) - len(strings.TrimLeft(fault.Source, " "))
	}
	fault.Message = "not YAML: " + fault.Message
	d.add(fault)
}
