package ruletest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/weirmq/weir/rules"
)

// Options choose what of a folder is played.
type Options struct {
	Run    *regexp.Regexp // cases whose file and name, with a blank between them, match; nil means all
	Update bool           // write what happens below want
}

// Result is what came of the tests of a folder.
type Result struct {
	Outcomes    []*Outcome
	Coverage    []Coverage // of each rule of the folder, in its order; nil where not all cases were played
	Updated     []string   // files that were written
	Evaluations uint64
	Left        []string // file and name of each case that Options.Run leaves out
}

// Failed counts the cases that failed.
func (r *Result) Failed() int {
	failed := 0
	for _, outcome := range r.Outcomes {
		if len(outcome.Failures) > 0 {
			failed++
		}
	}
	return failed
}

// Coverage says in how many cases a rule fires, stays quiet although it is asked, and recovers.
type Coverage struct {
	Rule     string `json:"rule"`
	Fires    int    `json:"fires"`
	Quiet    int    `json:"quiet"`
	Recovers int    `json:"recovers"`
}

// Lacks names what no case shows, "" where nothing is missing.
func (c Coverage) Lacks() string {
	var missing []string
	for _, part := range []struct {
		cases int
		said  string
	}{{c.Fires, "that fires"}, {c.Quiet, "that stays quiet"}, {c.Recovers, "that recovers"}} {
		if part.cases == 0 {
			missing = append(missing, part.said)
		}
	}
	switch {
	case c.Fires+c.Quiet == 0:
		return "has no case"
	case len(missing) == 0:
		return ""
	}
	return "has no case " + strings.Join(missing, ", and none ")
}

// Test plays the tests of path: of a folder all files below it that end in Suffix, with the rules of the folder; or one file,
// with the rules of the nearest folder above it that has some. The error is a rules.Faults where rules or tests are faulty; of one
// file that is faulty itself it has those faults alone.
func Test(path string, options Options) (*Result, error) {
	paths, dir, err := find(path)
	if err != nil {
		return nil, err
	}
	files, faults, err := parseAll(paths)
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 && slices.Equal(paths, []string{path}) {
		return nil, faults // the rules that lie nearest need not be those it was written for
	}
	set, err := rulesFor(dir, files)
	if ruleFaults := (rules.Faults)(nil); errors.As(err, &ruleFaults) {
		faults = append(ruleFaults, faults...)
	} else if err != nil && len(faults) == 0 {
		return nil, err
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return play(files, set, options)
}

// parseAll reads all files, or says all that is wrong with any.
func parseAll(paths []string) ([]*File, rules.Faults, error) {
	var files []*File
	var faults rules.Faults
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, fmt.Errorf("read test of rules: %w", err)
		}
		file, wrong := Parse(path, content)
		faults = append(faults, wrong...)
		if file != nil {
			files = append(files, file)
		}
	}
	return files, faults, nil
}

// rulesFor loads the rules that files need which do not bring their own.
func rulesFor(dir string, files []*File) (*rules.Set, error) {
	if len(files) > 0 && !slices.ContainsFunc(files, func(f *File) bool { return !f.Own() }) {
		return &rules.Set{}, nil
	}
	return rules.Load(dir)
}

// find lists the test files of path, and the folder of their rules.
func find(path string) (paths []string, dir string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, "", fmt.Errorf("find tests of rules: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, folderOf(filepath.Dir(path)), nil
	}
	err = filepath.WalkDir(path+string(filepath.Separator), func(at string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(at, Suffix) {
			paths = append(paths, filepath.Clean(at))
		}
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("find tests of rules: %w", err)
	}
	slices.Sort(paths)
	return paths, path, nil
}

// folderOf is the nearest folder from dir upwards that has rule files; dir where none has.
func folderOf(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		for _, pattern := range []string{"*.yaml", "*.yml"} {
			if found, err := filepath.Glob(filepath.Join(at, pattern)); err == nil && len(found) > 0 {
				return at
			}
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

func play(files []*File, set *rules.Set, options Options) (*Result, error) {
	result, seen := &Result{}, map[string]Coverage{}
	var faults rules.Faults
	for _, file := range files {
		var outcomes []*Outcome
		for _, c := range file.Cases {
			if options.Run != nil && !options.Run.MatchString(file.Path+" "+c.Name) {
				result.Left = append(result.Left, file.Path+" "+c.Name)
				continue
			}
			outcome, err := file.Play(c, set)
			if wrong := (rules.Faults)(nil); errors.As(err, &wrong) {
				faults = appendNew(faults, wrong)
				continue
			} else if err != nil {
				return nil, err
			}
			outcomes = append(outcomes, outcome)
			result.Evaluations += outcome.Evaluations
			if !file.Own() {
				outcome.cover(seen)
			}
		}
		result.Outcomes = append(result.Outcomes, outcomes...)
		if options.Update && len(faults) == 0 {
			if err := result.update(file, outcomes); err != nil {
				return nil, err
			}
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	if options.Run == nil {
		for _, rule := range slices.Concat(set.Rules, set.Inspections) {
			if len(result.Coverage) > 0 && result.Coverage[len(result.Coverage)-1].Rule == rule.Alert {
				continue // another tier of it
			}
			covered := seen[rule.Alert]
			covered.Rule = rule.Alert
			result.Coverage = append(result.Coverage, covered)
		}
	}
	return result, nil
}

// appendNew adds faults that were not found yet: of what stands before all cases each finds them.
func appendNew(faults, found rules.Faults) rules.Faults {
	for _, fault := range found {
		if !slices.Contains(faults, fault) {
			faults = append(faults, fault)
		}
	}
	return faults
}

// cover adds what a case shows.
func (o *Outcome) cover(all map[string]Coverage) {
	for rule, shown := range o.seen {
		covered := all[rule]
		switch {
		case shown.fires:
			covered.Fires++
		case shown.asked:
			covered.Quiet++
		}
		if shown.recovers {
			covered.Recovers++
		}
		all[rule] = covered
	}
}

// update writes a file whose wants are not what happened, and compares again.
func (r *Result) update(file *File, outcomes []*Outcome) error {
	old, err := os.ReadFile(file.Path)
	if err != nil {
		return fmt.Errorf("update test of rules: %w", err)
	}
	text := file.Update(outcomes)
	if string(old) != string(text) {
		if err := os.WriteFile(file.Path, text, 0o644); err != nil {
			return fmt.Errorf("update test of rules: %w", err)
		}
		r.Updated = append(r.Updated, file.Path)
	}
	for _, outcome := range outcomes {
		outcome.updated()
	}
	return nil
}
