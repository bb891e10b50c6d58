package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxFileBytes bounds one rule file. Not smaller: generated packs have thousands
// of rules; not larger: nobody reviews more in git.
const MaxFileBytes = 4 << 20

// File is the text of one rule file.
type File struct {
	Path    string
	Content []byte
}

// Folder is what stands in a folder of rule files, right or wrong.
type Folder struct {
	Files  []File  // by path, without those that cannot be read
	Rules  []*Rule // those without a fault, by file, then by their place in it
	Policy *Policy // nil where there is none without a fault
	// PolicyText is the policy as it is written, nil where there is none.
	PolicyText []byte
	Faults     Faults // in the order of files and lines
}

// Load reads every *.yaml and *.yml file below dir. The error is a Faults with all
// that is wrong in all files, each with its place; no rule is returned then.
func Load(dir string) (*Set, error) {
	folder, err := ReadFolder(dir)
	switch {
	case err != nil:
		return nil, err
	case len(folder.Faults) > 0:
		return nil, folder.Faults
	}
	set := NewSet(folder.Rules, folder.Policy)
	home, _ := FolderAndFile(dir)
	set.Revision = folder.revision(home)
	return set, nil
}

// revision names the text of all files, by their paths in the folder: twelve digits of its SHA-256, as many as git shows.
func (f *Folder) revision(dir string) string {
	hash := sha256.New()
	for _, file := range append(slices.Clone(f.Files), File{Path: filepath.Join(dir, PolicyFile), Content: f.PolicyText}) {
		name, err := filepath.Rel(dir, file.Path)
		if err != nil {
			name = file.Path
		}
		fmt.Fprintf(hash, "%s %d\n%s", name, len(file.Content), file.Content)
	}
	return hex.EncodeToString(hash.Sum(nil))[:12]
}

// NewSet returns rules of both lanes as a set.
func NewSet(all []*Rule, policy *Policy) *Set {
	set := &Set{Policy: policy}
	for _, rule := range all {
		if rule.Lane == LaneInspection {
			set.Inspections = append(set.Inspections, rule)
		} else {
			set.Rules = append(set.Rules, rule)
		}
	}
	return set
}

// FolderAndFile takes a path of rules apart: of a folder it is all, and of one file the folder and the file's name.
func FolderAndFile(path string) (dir, file string) {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return filepath.Dir(path), filepath.Base(path)
	}
	return path, ""
}

// ReadFolder reads the files that Load does, and returns what is right in them besides what is wrong. Of one file it is that,
// with the policy of its folder.
func ReadFolder(dir string) (*Folder, error) {
	paths, err := ruleFiles(dir)
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("read rules: folder %s has no *.yaml file; put one there, or name another folder", dir)
	}
	var files []File
	var unread Faults
	for _, path := range paths {
		content, fault := readFile(path)
		if fault != nil {
			unread = append(unread, *fault)
			continue
		}
		files = append(files, File{path, content})
	}
	home, _ := FolderAndFile(dir)
	return FolderOf(home, files, unread), nil
}

// FolderOf returns what is right and wrong in the files of a folder, besides what is wrong with those that cannot be read.
func FolderOf(dir string, files []File, unread Faults) *Folder {
	folder, policyPath := &Folder{Faults: unread}, filepath.Join(filepath.Clean(dir), PolicyFile)
	hasPolicy := slices.ContainsFunc(unread, func(f Fault) bool { return f.File == policyPath })
	for _, file := range files {
		var faults Faults
		if file.Path == policyPath {
			hasPolicy = true
			folder.Policy, faults = ParsePolicy(file.Path, file.Content)
			folder.PolicyText = file.Content
		} else {
			var found []*Rule
			found, faults = Parse(file.Path, file.Content)
			folder.Files, folder.Rules = append(folder.Files, file), append(folder.Rules, found...)
		}
		folder.Faults = append(folder.Faults, faults...)
	}
	if !hasPolicy {
		folder.Faults = append(folder.Faults, policyless(folder.Rules)...)
	}
	folder.Faults = append(folder.Faults, duplicates(folder.Rules)...).sorted()
	return folder
}

func ruleFiles(dir string) ([]string, error) {
	var paths []string
	root := dir
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		root += string(filepath.Separator) // so that a link to a folder is followed
	}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(entry.Name(), ".") && path != root
		switch {
		case entry.IsDir() && hidden:
			return filepath.SkipDir
		case hidden || entry.IsDir():
			return nil
		}
		if ext := filepath.Ext(path); ext == ".yaml" || ext == ".yml" {
			paths = append(paths, filepath.Clean(path))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	if home, file := FolderAndFile(dir); file != "" && file != PolicyFile && len(paths) > 0 {
		policy := filepath.Join(home, PolicyFile)
		if _, err := os.Lstat(policy); err == nil {
			paths = append(paths, policy)
		}
	}
	slices.Sort(paths)
	return paths, nil
}

// readFile returns a file's text, or why it has none: one file that cannot be read does not hide the faults of the others.
func readFile(path string) ([]byte, *Fault) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > MaxFileBytes {
		return nil, &Fault{File: path, Message: fmt.Sprintf("got %d bytes, at most %d are allowed", info.Size(), MaxFileBytes), Hint: "split it"}
	}
	var content []byte
	if err == nil {
		content, err = os.ReadFile(path)
	}
	if err == nil {
		return content, nil
	}
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		err = at.Err // the path stands before it
	}
	fault := &Fault{File: path, Message: fmt.Sprintf("the file cannot be read: %s", err)}
	if target, linkErr := os.Readlink(path); linkErr == nil {
		fault.Hint = fmt.Sprintf("it is a link to %q: mend or remove it", target)
	}
	return nil, fault
}

// Parse reads the rules of all documents of one file; path is for messages only.
func Parse(path string, content []byte) ([]*Rule, Faults) {
	if faults := Undecoded(path, content); faults != nil {
		return nil, faults
	}
	d := &decoder{path: path, lines: lineBreak.Split(string(content), -1)}
	var rules []*Rule
	for documents := yaml.NewDecoder(bytes.NewReader(content)); ; {
		var document yaml.Node
		switch err := documents.Decode(&document); {
		case errors.Is(err, io.EOF):
			return rules, d.faults
		case err != nil:
			d.syntax(string(content), err)
			return nil, d.faults
		case len(document.Content) > 0 && document.Content[0].Tag != "!!null":
			rules = append(rules, d.file(document.Content[0])...)
		}
	}
}

// duplicates reports alerts of one name.
func duplicates(all []*Rule) Faults {
	first := map[string]*Rule{}
	var faults Faults
	for _, rule := range all {
		other := first[rule.Alert]
		if other == nil {
			first[rule.Alert] = rule
			continue
		}
		if rule.Tier != "" && rule.File == other.File && rule.Line == other.Line && rule.column == other.column {
			continue // another tier of it
		}
		faults = append(faults, Fault{File: rule.File, Line: rule.Line, Column: rule.column, Source: rule.source,
			Message: fmt.Sprintf("alert %s is already defined at %s:%d", rule.Alert, other.File, other.Line),
			Hint:    "an alert's name is its identity; give this one another"})
	}
	return faults
}
