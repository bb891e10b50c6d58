package pipeline

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// reloadQuiet is how long files must rest before a reload. Not smaller: editors
// write in several steps; not larger: people wait for it.
const reloadQuiet = 300 * time.Millisecond

// watchRules reloads when a file below the folder of rules changes.
func (p *Pipeline) watchRules(ctx context.Context) {
	failed := func(err error) { p.log.Warn("watch rule files", "error", err) }
	err := watchFolder(ctx, p.config.Rules.Dir, failed, func() {
		_ = p.reloadRules() // logged, counted and shown on the status page
	})
	if err != nil {
		p.log.Warn("rule files are not watched: reload by SIGHUP", "error", err)
	}
}

// watchFolder calls changed when files below a folder have changed and rest, until ctx ends. failed hears what cannot be watched any more, and the error says that nothing
// can be.
func watchFolder(ctx context.Context, dir string, failed func(error), changed func()) error {
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		defer watcher.Close()
		err = watchFolders(watcher, dir)
	}
	if err != nil {
		return err
	}
	quiet := time.NewTimer(time.Hour)
	quiet.Stop()
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-watcher.Events:
			if !event.Has(fsnotify.Chmod) {
				quiet.Reset(reloadQuiet)
			}
		case err := <-watcher.Errors:
			failed(err)
		case <-quiet.C:
			changed()
			if err := watchFolders(watcher, dir); err != nil {
				failed(err)
			}
		}
	}
}

// watchFolders watches dir and every folder below it that rules are loaded from; one
// that is watched already stays so.
func watchFolders(watcher *fsnotify.Watcher, dir string) error {
	root := dir + string(filepath.Separator) // so that a link to a folder is followed
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !entry.IsDir():
			return nil
		case strings.HasPrefix(entry.Name(), ".") && path != root:
			return filepath.SkipDir
		}
		return watcher.Add(path)
	})
	if err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	return nil
}
